"""How a language model is asked, in each language, to put a rationale into other words."""

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


def instructions(language):
    """The Instructions of a language. Raises InputError for a language without."""
    said = templates.load(language).REWRITING if language in templates.languages() else None
    if said is None:
        known = [code for code in templates.languages() if templates.load(code).REWRITING]
        raise InputError(
            f"no instructions for rewriting in language {language!r}; there are {', '.join(known)}: add REWRITING to "
            f"c2ser/cot/templates/{language}.yaml"
        )
    return Instructions(**said | {"about": re.compile(said["about"], re.IGNORECASE)})


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
