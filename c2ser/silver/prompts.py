"""What the text teacher is asked about a transcript, in each language.

The answer it may give is that of implicit chain of thought, "Emotion: happy.", so the names and their form come from
c2ser.cot.templates; a language that has no prompt here is asked about in English.
"""

from c2ser.cot import templates

PROMPTS = {language: asked for language in templates.languages() if (asked := templates.load(language).QUESTION_OF_WORDS)}
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
