"""What the model is asked: the paper's two prompts, their translations, and paraphrases to test stability with."""

from c2ser.cot import templates
from c2ser.cot.questions import QUESTIONS
from c2ser.errors import InputError

MODES = ("explicit", "implicit")
"""explicit: the answer is a rationale that ends with the emotion; implicit: the emotion alone."""

PROMPTS = {
    language: {
        "explicit": templates.load(language).PROMPT_EXPLICIT,
        "implicit": templates.load(language).PROMPT_IMPLICIT,
    }
    for language in templates.languages()
}
"""language → mode → prompt, from the language's template module; the English ones are the paper's, word for word."""

PARAPHRASES = {
    "explicit": (
        "Describe how the person speaks, what they say, and how they feel in this recording.",
        "Listen to the speech and explain the way of talking, the words, and the emotion of the speaker.",
        "What are the speaking style, the content, and the emotional state of the speaker in this audio?",
        "Give an account of the voice, the spoken words, and the feeling that the speaker expresses.",
        "Analyse this utterance: its delivery, its wording, and the emotion behind it.",
    ),
    "implicit": (
        "Taking into account how the person speaks and what they say, name their emotion in this recording.",
        "Listen to the speech, weigh the way of talking and the words, and state the speaker's emotion only.",
        "Given the speaking style and the content, which emotion does the speaker in this audio express?",
        "Think of the voice and of the spoken words, then answer with the speaker's feeling alone.",
        "Considering the delivery and the wording of this utterance, tell its emotion directly.",
    ),
}
"""mode → English prompts of the same meaning, never used in training: agreement between them measures stability."""


def prompt(mode, language="en"):
    """The prompt of a mode, or a question of style, in a language. Raises InputError for one that has none."""
    if mode in QUESTIONS and language in PROMPTS:
        asked = templates.load(language).QUESTIONS or {}
        if mode not in asked:
            raise InputError(f"c2ser/cot/templates/{language}.yaml lacks QUESTIONS: {mode}")
        return asked[mode]
    if mode not in MODES:
        raise InputError(f"unknown prompt mode {mode!r}; known are {', '.join(MODES)}")
    if language not in PROMPTS:
        raise InputError(f"no prompts in language {language!r}; there are {', '.join(PROMPTS)}")
    return PROMPTS[language][mode]
