"""What an audio language model that was not trained here is asked, in each language.

Its answer is to have the form of ours, "Emotion: happy.", so names and lead come from c2ser.cot.templates; the rules of
c2ser.inference.labels read what it says instead, too.
"""

from c2ser.cot import templates

QUESTIONS = {
    "en": (
        "Listen to how the speaker talks and to what they say. Which emotion do they express? Choose one of: {names}. "
        "Answer with nothing but {lead} and the emotion."
    ),
    "zh": "请听说话者的语气和内容。说话者表达的是什么情绪？请从以下选项中选择一个：{names}。只回答“{lead}”和情绪。",
    "it": (
        "Ascolta come parla la persona e che cosa dice. Quale emozione esprime? Scegline una tra: {names}. "
        "Rispondi solo con {lead} e l'emozione."
    ),
    "pl": (
        "Posłuchaj, jak mówi ta osoba i co mówi. Jaką emocję wyraża? Wybierz jedną z: {names}. "
        "Odpowiedz wyłącznie: {lead} i emocja."
    ),
}
"""language → question with {names} and {lead}: the same languages as the text teacher's (c2ser.silver.prompts)."""


def question(language, labels):
    """The question about a recording. labels: the classes to choose from. language: one of `QUESTIONS`."""
    template = templates.load(language)
    names = ", ".join(template.emotion_name(label) for label in labels)
    return QUESTIONS[language].format(names=names, lead=template.ANSWER_LEAD)
