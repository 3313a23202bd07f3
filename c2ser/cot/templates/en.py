"""English."""

from c2ser.cot.templates import Pattern, compile_cues, compile_stems

PROMPT_EXPLICIT = "Please describe the speaking style, content, and the speaker's emotional state of this speech."
PROMPT_IMPLICIT = (
    "Please consider the speaking style, content, and directly provide the speaker's emotion in this speech."
)

ANSWER_LEAD = "Emotion:"
FULL_STOP = "."
SPACE = " "
QUOTES = ("“", "”")
COMMA, AND = ", ", " and "

STYLE = {
    "speed": {
        "low": ("slowly", "at a slow pace"),
        "medium": ("at a normal pace", "at a moderate speed"),
        "high": ("quickly", "at a fast pace"),
    },
    "pitch": {
        "low": ("in a low-pitched voice", "with a low pitch"),
        "medium": ("in a medium-pitched voice", "with an average pitch"),
        "high": ("in a high-pitched voice", "with a high pitch"),
    },
    "volume": {
        "low": ("at a low volume", "at a quiet volume"),
        "medium": ("at a medium volume", "at a moderate volume"),
        "high": ("at a high volume", "at a loud volume"),
    },
}

_MEDIUM = "(?:medium|moderate|normal|average|ordinary|middling)"
CUES = compile_cues({
    "speed": {
        "low": r"\bslow(?:ly|er)?\b|\bunhurried\b|\bleisurely\b|\blow (?:speed|pace|rate)\b",
        "medium": rf"\b(?:{_MEDIUM}|steady)(?: speaking)? (?:pace|speed|rate|tempo)\b|\bmoderately paced\b",
        "high": r"\bfast(?:er)?\b|\bquick(?:ly)?\b|\brapid(?:ly)?\b|\bbrisk(?:ly)?\b|\bhigh (?:speed|pace|rate)\b",
    },
    "pitch": {
        "low": r"\b(?:low|deep)(?:-| |er )(?:pitch(?:ed)?|voice|tone|register|intonation)\b",
        "medium": rf"\b{_MEDIUM}[- ](?:pitch(?:ed)?|voice|tone|register|intonation)\b",
        "high": r"\bhigh(?:-| |er )(?:pitch(?:ed)?|voice|tone|register|intonation)\b",
    },
    "volume": {
        "low": r"\blow(?:er)? (?:volume|loudness)\b|\bquiet(?:ly)?\b|\bsoft(?:ly)?\b",
        "medium": rf"\b{_MEDIUM} (?:volume|loudness)\b|\bmoderately loud\b",
        "high": r"\bhigh(?:er)? (?:volume|loudness)\b|(?<!moderately )\bloud(?:ly)?\b|\braised voice\b",
    },
})  # fmt: skip

OPENINGS = (
    Pattern(
        "The speaker talks {style}, saying: {quote}",
        "The speaker talks {style}.",
        "The speaker says: {quote}",
    ),
    Pattern(
        "Speaking {style}, the person says: {quote}",
        "The person is speaking {style}.",
        "The person says: {quote}",
    ),
    Pattern(
        "This utterance is delivered {style}: {quote}",
        "This utterance is delivered {style}.",
        "The words of this utterance are: {quote}",
    ),
    Pattern(
        "Someone speaks {style} and says: {quote}",
        "Someone speaks {style}.",
        "Someone says: {quote}",
    ),
)

DELIVERY = {
    "high": ("lively", "energetic"),
    "medium": ("even", "balanced"),
    "low": ("subdued", "restrained"),
    "mixed": ("mixed", "varied"),
}

INFERENCES = (
    Pattern(
        "This {delivery} delivery and the words together show how the speaker feels.",
        "This {delivery} delivery shows how the speaker feels.",
        "The words show how the speaker feels.",
    ),
    Pattern(
        "Along with what is said, this {delivery} style reveals the inner state.",
        "This {delivery} style reveals the inner state.",
        "What is said reveals the inner state.",
    ),
    Pattern(
        "Both the {delivery} manner and the content hint at the feeling behind them.",
        "The {delivery} manner hints at the feeling behind it.",
        "The content hints at the feeling behind it.",
    ),
    Pattern(
        "From the {delivery} way of speaking and the wording, the feeling can be inferred.",
        "From the {delivery} way of speaking, the feeling can be inferred.",
        "From the wording, the feeling can be inferred.",
    ),
)
INFERENCE_BARE = "The sound of the voice is all there is to judge by."

EMOTION_STEMS = compile_stems({
    "angry": r"\bang(?:er|ry|rily)\b|\bfurious|\brage\b|\birritat",
    "disgusted": r"\bdisgust|\brevuls|\brevolt",
    "fearful": r"\bfear|\bafraid\b|\bscared?\b|\bfrighten|\bterrif",
    "happy": r"\bhapp(?:y|i)|\bjoy|\bdelight|\bcheerful",
    "neutral": r"\bneutral|\bunemotional",
    "sad": r"\bsad(?:ly|ness|dened)?\b|\bsorrow|\bunhapp(?:y|i)|\bgrie[fv]",
    "surprised": r"\bsurpris|\bastonish|\bamaze",
})  # fmt: skip

SCRIPT = "LATIN"
COMMON_WORDS = frozenset(
    "the a an and of to is are was with at in this that how what by from for it there be can both such all".split()
)
