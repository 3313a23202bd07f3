"""The emotion classes, how corpora spell them, and what they are called in each language."""

from c2ser.errors import InputError

EMOTIONS = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
"""The seven classes of the paper (section III), in the order used for every posterior and confusion matrix."""

UNLABELLED = "unknown"
"""What utt2emo says of an utterance without a label, in a directory where others have one."""

FURTHER_EMOTIONS = ("bored", "calm", "contemptuous", "excited", "frustrated", "other", "unknown")
"""Labels that other corpora carry. A data directory may hold them; a model is trained on the set it is given."""

ALIASES = {
    "angry": ("anger", "ang", "angry"),
    "disgusted": ("disgust", "dis", "disgusted"),
    "fearful": ("fear", "fea", "fearful", "afraid", "scared"),
    "happy": ("happiness", "hap", "happy", "joy", "joyful"),
    "neutral": ("neutral", "neu", "normal", "neutrality"),
    "sad": ("sadness", "sad"),
    "surprised": ("surprise", "sur", "surprised"),
    "bored": ("boredom", "bored"),
    "calm": ("calm", "calmness"),
    "contemptuous": ("contempt", "contemptuous"),
    "excited": ("excitement", "excited", "exc"),
    "frustrated": ("frustration", "frustrated", "fru"),
    "other": ("other", "others", "oth"),
    "unknown": ("unknown", "unk", "<unk>", "xxx"),
}
"""How corpora spell each class, in lower case."""

NAMES = {
    "en": dict(zip(EMOTIONS, ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"))),
    "zh": dict(zip(EMOTIONS, ("愤怒", "厌恶", "恐惧", "快乐", "中性", "悲伤", "惊讶"))),
    "it": dict(zip(EMOTIONS, ("rabbia", "disgusto", "paura", "gioia", "neutralità", "tristezza", "sorpresa"))),
    "pl": dict(zip(EMOTIONS, ("złość", "wstręt", "strach", "radość", "neutralność", "smutek", "zaskoczenie"))),
}
"""Language code → class → the word that answers and rationales use for it."""

_BY_ALIAS = {alias: label for label, aliases in ALIASES.items() for alias in aliases}


def canonical(label):
    """The project's name of a label as a corpus spells it: "Anger" → "angry". Raises InputError for an unknown one."""
    if not isinstance(label, str):
        raise InputError(
            f"emotion label {label!r} is no text: an empty cell, or a number; write the class's name, such as happy, or "
            f"{UNLABELLED} where there is none"
        )
    try:
        return _BY_ALIAS[label.strip().lower()]
    except KeyError:
        raise InputError(f"unknown emotion label {label!r}; known are {', '.join(sorted(_BY_ALIAS))}") from None


def is_known(label):
    """Whether `label` is one of the names that utt2emo may hold."""
    return label in EMOTIONS or label in FURTHER_EMOTIONS


def name(label, language):
    """What answers in `language` (a code such as "zh") call the class `label`; the label itself where none is known."""
    return NAMES.get(language, NAMES["en"]).get(label, label)
