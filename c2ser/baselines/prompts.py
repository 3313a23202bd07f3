"""What an audio language model that was not trained here is asked, in each language.

Its answer is to have the form of ours, "Emotion: happy.", so names and lead come from c2ser.cot.templates; the rules of
c2ser.inference.labels read what it says instead, too.
"""

from c2ser.cot import templates

QUESTIONS = {
    language: asked for language in templates.languages() if (asked := templates.load(language).QUESTION_OF_SPEECH)
}
"""language → question with {names} and {lead}: the same languages as the text teacher's (c2ser.silver.prompts)."""


def question(language, labels):
    """The question about a recording. labels: the classes to choose from. language: one of `QUESTIONS`."""
    template = templates.load(language)
    names = ", ".join(template.emotion_name(label) for label in labels)
    return QUESTIONS[language].format(names=names, lead=template.ANSWER_LEAD)
