"""What the text teacher is asked about a transcript, in each language.

The answer it may give is that of implicit chain of thought, "Emotion: happy.", so the names and their form come from
c2ser.cot.templates; a language that has no prompt here is asked about in English.
"""

from c2ser.cot import templates

PROMPTS = {
    "en": (
        "Which emotion does the person who says the following words most probably feel? Choose one of: {names}. "
        "Judge by the words alone. Answer with nothing but {lead} and the emotion.\n\nWords: {text}"
    ),
    "zh": "说出下面这句话的人最可能是什么情绪？请从以下选项中选择一个：{names}。只根据文字判断，只回答“{lead}”和情绪。\n\n文字：{text}",
    "it": (
        "Quale emozione prova più probabilmente la persona che dice le parole seguenti? Scegline una tra: {names}. "
        "Giudica soltanto dalle parole. Rispondi solo con {lead} e l'emozione.\n\nParole: {text}"
    ),
    "pl": (
        "Jaką emocję najprawdopodobniej odczuwa osoba, która wypowiada poniższe słowa? Wybierz jedną z: {names}. "
        "Oceniaj tylko na podstawie słów. Odpowiedz wyłącznie: {lead} i emocja.\n\nSłowa: {text}"
    ),
}
"""language → instruction with {names}, {lead} and {text}."""

FALLBACK = "en"


def prompt_language(language):
    """The language in which a text of `language` is asked about."""
    return language if language in PROMPTS else FALLBACK


def instruction(text, language, labels):
    """The question about a transcript. labels: the classes to choose from. language: one of `PROMPTS`."""
    template = templates.load(language)
    names = ", ".join(template.emotion_name(label) for label in labels)
    before, _, after = PROMPTS[language].partition("{text}")
    return before.replace("{names}", names).replace("{lead}", template.ANSWER_LEAD) + text + after


def answers(language, labels):
    """The answer that each class would be given, in the order of `labels`."""
    return [templates.load(language).implicit_answer(label) for label in labels]
