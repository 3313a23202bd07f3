"""How a language model is asked, in each language, to put a rationale into other words.

To add a language, add its `Instructions` to `INSTRUCTIONS`; tests/cot runs over all of them.
"""

import re
from typing import NamedTuple

from c2ser.cot import templates
from c2ser.cot.quote import comparable, split_quoted
from c2ser.errors import InputError


class Instructions(NamedTuple):
    """The sentences of a prompt, and what an answer must not hold.

    task: what is wanted; keep: with {phrases}, the style phrases that must stay; quote and no_quote: for rationales
    with and without a quotation; end: with {verdict}; form: length, language, nothing beside the text; source: stands
    before the rationale; about: regular expression of words that speak of the rewriting itself ("Here is the …").
    """

    task: str
    keep: str
    quote: str
    no_quote: str
    end: str
    form: str
    source: str
    about: re.Pattern


def _pattern(text):
    return re.compile(text, re.IGNORECASE)


INSTRUCTIONS = {
    "en": Instructions(
        "Put the following description of how a person speaks into other words, so that it reads naturally.",
        "Keep these expressions word for word: {phrases}.",
        "Leave the quoted words exactly as they are, in quotation marks, and quote nothing else.",
        "Do not use quotation marks.",
        "Name no emotion before the end. End with exactly: {verdict}",
        "Write two or three sentences in English, as plain text, and nothing beside them.",
        "Description:",
        _pattern(r"\brewrit|\brewrote|\brephras|\bparaphras|\breword|\bin other words\b|\bhere(?:'s|’s| is| are)\b|"
                 r"^\W*(?:sure|certainly|of course)\b"),
    ),
    "zh": Instructions(
        "请换一种措辞改写下面这段对说话方式的描述，使其自然流畅。",
        "以下词语必须原样保留：{phrases}。",
        "引号里的话必须原样保留在引号中，不得引用其他内容。",
        "不要使用引号。",
        "在结尾之前不要说出任何情绪。结尾必须是：{verdict}",
        "只用中文写两到三句话，不要格式标记，也不要其他说明。",
        "描述：",
        _pattern(r"改写|重写|换一种|以下是|^\W*(?:好的|当然)"),
    ),
    "it": Instructions(
        "Riscrivi con altre parole e in modo naturale la seguente descrizione di come parla una persona.",
        "Mantieni parola per parola queste espressioni: {phrases}.",
        "Lascia le parole citate esattamente come sono, tra virgolette, e non citare altro.",
        "Non usare virgolette.",
        "Non nominare alcuna emozione prima della fine. Termina esattamente con: {verdict}",
        "Scrivi due o tre frasi in italiano, in testo semplice, e nient'altro.",
        "Descrizione:",
        _pattern(r"\briscri|\bparafras|\briformul|\becco\b|\bin altre parole\b|^\W*cert(?:o|amente)\b"),
    ),
    "pl": Instructions(
        "Napisz innymi słowami, w naturalny sposób, poniższy opis tego, jak mówi pewna osoba.",
        "Zachowaj dosłownie te wyrażenia: {phrases}.",
        "Cytowane słowa zostaw bez zmian, w cudzysłowie, i nie cytuj niczego więcej.",
        "Nie używaj cudzysłowu.",
        "Przed końcem nie nazywaj żadnej emocji. Zakończ dokładnie tak: {verdict}",
        "Napisz dwa lub trzy zdania po polsku, zwykłym tekstem, i nic poza nimi.",
        "Opis:",
        _pattern(r"\bprzeredag|\bprzepis|\bsparafraz|\binnymi słowami\b|\boto\b|^\W*oczywiście\b"),
    ),
}  # fmt: skip
"""language → Instructions."""


def instructions(language):
    """The Instructions of a language. Raises InputError for a language without."""
    if language not in INSTRUCTIONS:
        raise InputError(
            f"no instructions for rewriting in language {language!r}; there are {', '.join(INSTRUCTIONS)}: add them to "
            "c2ser/cot/rewrite_prompts.py"
        )
    return INSTRUCTIONS[language]


def rewrite_prompt(rationale, emotion, language):
    """The instruction to rewrite a rationale that `build_rationale` made. Raises InputError as `instructions` does."""
    said, template = instructions(language), templates.load(language)
    phrases = style_phrases(rationale, template)
    quoted = comparable(split_quoted(rationale)[1])
    rules = [
        *([said.keep.replace("{phrases}", " / ".join(phrases))] if phrases else []),
        said.quote if quoted else said.no_quote,
        said.end.replace("{verdict}", template.verdict(template.emotion_name(emotion))),
        said.form,
    ]
    listed = "\n".join(f"{number}. {rule}" for number, rule in enumerate(rules, 1))
    return f"{said.task}\n{listed}\n\n{said.source}{template.SPACE}{rationale}"


def style_phrases(rationale, template):
    """The phrases of the language's `STYLE` in a rationale outside its quotation; not "głośno" inside "głośnością"."""
    outside, _ = split_quoted(rationale)
    every = [phrase for levels in template.STYLE.values() for phrases in levels.values() for phrase in phrases]
    found = [phrase for phrase in every if phrase in outside]
    return [phrase for phrase in found if not any(phrase in other and phrase != other for other in found)]
