"""Questions of style, tasks of their own: one thing is asked, one short answer is given; and levels told to a model."""

from c2ser.cot import templates
from c2ser.cot.rationale import liveliness
from c2ser.errors import InputError
from c2ser.prosody.style import MEASURES, PAPER, STATES

LIVELY, WORDS = "lively", "words"
QUESTIONS = (*MEASURES, LIVELY, WORDS)
"""How fast, how high, how loud …, how lively all that together is, and which words are said."""

ASKED = (*PAPER, LIVELY, WORDS)
"""Those that are asked where none are chosen."""

ANSWERED = QUESTIONS[:-1]
"""Those with levels for answers, which are scored like classes."""


def levels_of(question):
    """The levels that may be answered to one of `ANSWERED`."""
    return ("low", "medium", "high", "mixed") if question == LIVELY else STATES[question]


def answer(question, level, language):
    """The short answer, in the first of a rationale's wordings: "slowly."."""
    template = templates.load(language)
    return (template.DELIVERY if question == LIVELY else template.STYLE[question])[level][0] + template.FULL_STOP


def true_level(question, style):
    """The level to be answered, by {measure: level}; None where it was not measured, and of liveliness where none was."""
    if question == LIVELY:
        known = {measure: level for measure, level in style.items() if level in STATES[measure]}
        return liveliness(known) if known else None
    return style[question] if style.get(question) in STATES[question] else None


def check_questions(questions):
    """Raise InputError unless these are some of `QUESTIONS`, each once."""
    if not questions or len(set(questions)) < len(questions) or not set(questions) <= set(QUESTIONS):
        raise InputError(f"questions: {', '.join(questions) or 'none'}: expected some of {', '.join(QUESTIONS)}, each once")


def told(style, language):
    """The measured levels as the model is told them, "Measured: slowly, at a high volume."; "" where none is known."""
    template = templates.load(language)
    levels = [template.STYLE[one][style[one]][0] for one in MEASURES if style.get(one) in STATES[one]]
    if not template.TOLD:
        raise InputError(f"measured_style: c2ser/cot/templates/{language}.yaml lacks TOLD")
    return template.TOLD.replace("{style}", template.COMMA.join(levels)) if levels else ""


def told_ids(tokenizer, style, language):
    """Token ids of what `told` gives, a list; −1 alone where that is nothing."""
    text = told(style, language)
    return tokenizer(text, add_special_tokens=False)["input_ids"] if text else [-1]
