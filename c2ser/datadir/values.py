"""What a value of each table must look like. Every check returns None, or what is wrong and the remedy."""

import math
import re

from c2ser.datadir.votes import parse_votes
from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS, canonical, is_known
from c2ser.errors import InputError

GENDERS = ("f", "m", "o", "u")
"""Codes of spk2gender: female, male, other, unknown."""

LEVELS = ("low", "medium", "high", "unknown")
"""Levels of utt2style; unknown where the measure is NaN."""

STYLE = dict.fromkeys(("speed", "pitch", "volume", "range", "intonation", "articulation", "pauses"), LEVELS[:-1])
STYLE["intonation"] = ("rising", "falling", "both", "level")
"""Measures of utt2style, in the order in which they are written, and the levels of each beside unknown."""

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")

ISO_639_1 = frozenset(
    """aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo
    es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg
    ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn
    no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta
    te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu""".split()
)
MEANT_LANGUAGE = {
    "cn": "zh", "jp": "ja", "gr": "el", "cz": "cs", "ua": "uk", "dk": "da",
    "eng": "en", "chi": "zh", "zho": "zh", "cmn": "zh", "ita": "it", "pol": "pl", "deu": "de", "ger": "de", "fra": "fr",
    "fre": "fr", "spa": "es", "por": "pt", "rus": "ru", "jpn": "ja", "kor": "ko", "ara": "ar", "tur": "tr", "hin": "hi",
    "nld": "nl", "dut": "nl", "swe": "sv", "fas": "fa", "per": "fa", "ell": "el", "gre": "el", "ces": "cs", "cze": "cs",
}  # fmt: skip
"""Codes that are often written where ISO 639-1 has another one."""


def speaker(value):
    """utt2spk: one id."""
    return None if len(value.split()) == 1 else f"{value!r} is not one speaker id; ids hold no blanks"


def emotion(value, allowed=None):
    """utt2emo: one of `allowed`, or any label that c2ser.emotions knows."""
    if value in allowed if allowed is not None else is_known(value):
        return None
    names = EMOTIONS + FURTHER_EMOTIONS if allowed is None else tuple(allowed)
    try:
        meant = canonical(value)
    except InputError:
        meant = None
    if meant in names:
        return f"emotion {value!r} is written {meant!r} here; write that"
    return f"unknown emotion {value!r}; use one of {', '.join(names)}"


def language(value):
    """utt2lang: ISO 639-1, or ISO 639-3 for a language that has no code of two letters."""
    if value in ISO_639_1 or re.fullmatch("[a-z]{3}", value) and value not in MEANT_LANGUAGE:
        return None
    meant = MEANT_LANGUAGE.get(value.lower(), value.lower() if value.lower() in ISO_639_1 else None)
    remedy = f"write {meant!r}" if meant else "write its ISO 639-1 code, such as en or zh"
    return f"{value!r} is no language code; {remedy}"


def corpus(value):
    """utt2corpus: one name."""
    return None if len(value.split()) == 1 else f"{value!r} is not one name of a corpus; names hold no blanks"


def duration(value):
    """utt2dur: seconds, > 0."""
    seconds = _number(value)
    return None if seconds is not None and seconds > 0 else f"duration {value!r} is not a positive number of seconds"


def sample_count(value):
    """utt2num_samples: an integer > 0."""
    good = re.fullmatch("[0-9]+", value) and int(value) > 0
    return None if good else f"number of samples {value!r} is not a positive integer"


def loudness(value):
    """utt2loudness (LUFS): a finite number, -inf for silence, or nan where it cannot be measured."""
    good = value in ("-inf", "nan") or _number(value) is not None
    return None if good else f"loudness {value!r} is not a number; measure it again"


def measure(value):
    """utt2f0 (Hz) and utt2rate (phonemes / s): a finite number, >= 0, or nan where it cannot be measured."""
    number = 0 if value == "nan" else _number(value)
    return None if number is not None and number >= 0 else f"{value!r} is not a number from 0; measure it again"


def style(value):
    """utt2style: `speed=… pitch=… volume=…` or other measures of STYLE, each once, in that order."""
    levels = dict(part.partition("=")[::2] for part in value.split(" "))
    if all(level in (*STYLE.get(measure, ()), LEVELS[-1]) for measure, level in levels.items()):
        if value == " ".join(f"{measure}={levels[measure]}" for measure in STYLE if measure in levels):
            return None
    known = f"or other of {', '.join(STYLE)}, with L one of {', '.join(LEVELS)}"
    return f"style {value!r} is not `speed=L pitch=L volume=L`, {known}"


def intonation(value):
    """utt2intonation: a level of STYLE, or uncertain."""
    return None if value in (*STYLE["intonation"], "uncertain") else f"{value!r} is no intonation; measure it again"


def reliable(value):
    """utt2reliable: measures of STYLE, or none."""
    good = value == "none" or set(value.split()) <= set(STYLE)
    return None if good else f"{value!r} is neither `none` nor measures out of {', '.join(STYLE)}; measure it again"


def votes(value):
    """utt2votes: `class:number …`, see `parse_votes`."""
    try:
        parse_votes(value)
    except InputError as error:
        return str(error)
    return None


def segment(value):
    """segments: recording, start and end in seconds, 0 <= start < end."""
    fields = value.split()
    if len(fields) != 3 or None in (times := [_number(text) for text in fields[1:]]):
        return f"segment {value!r} is not `recording start end`, times in seconds"
    if times[0] < 0:
        return f"the segment starts at {fields[1]} s; times count from 0"
    return None if times[1] > times[0] else f"the segment ends at {fields[2]} s, not after its start at {fields[1]} s"


def channel(value):
    """reco2channel: a number from 1, or mean."""
    good = value == "mean" or re.fullmatch("[1-9][0-9]*", value)
    return None if good else f"channel {value!r} is neither a number from 1 nor `mean`"


def gender(value):
    """spk2gender: one of GENDERS."""
    return None if value in GENDERS else f"gender {value!r} is none of {', '.join(GENDERS)}"


def _number(text):
    """A finite decimal number as a float, or None."""
    return float(text) if NUMBER.fullmatch(text) and math.isfinite(float(text)) else None


CHECKS = {
    "utt2spk": ("speaker", speaker),
    "utt2emo": ("emotion", emotion),
    "utt2lang": ("language", language),
    "utt2corpus": ("corpus", corpus),
    "utt2dur": ("duration", duration),
    "utt2num_samples": ("samples", sample_count),
    "utt2f0": ("f0", measure),
    "utt2loudness": ("loudness", loudness),
    "utt2rate": ("rate", measure),
    "utt2articulation": ("rate", measure),
    "utt2range": ("range", measure),
    "utt2pauses": ("pauses", measure),
    "utt2intonation": ("intonation", intonation),
    "utt2reliable": ("reliable", reliable),
    "utt2style": ("style", style),
    "utt2votes": ("votes", votes),
    "segments": ("segment", segment),
    "reco2channel": ("channel", channel),
    "spk2gender": ("gender", gender),
}
"""Table → (kind of the fault, check of one value)."""
