"""All that is measured of an utterance for its style, from one F0 contour, and which of it is to be trusted."""

import math

import numpy as np

from c2ser.audio import SAMPLE_RATE, is_silent
from c2ser.errors import InputError
from c2ser.jsonfile import read_json
from c2ser.prosody.f0 import f0_contour, voiced_mean
from c2ser.prosody.level import phrasing
from c2ser.prosody.loudness import BLOCK_SECONDS, loudness
from c2ser.prosody.rate import count_phonemes, speaking_rate
from c2ser.prosody.style import MEASURES, UNCERTAIN, UNKNOWN, Moments, StyleStatistics, value_of

VOICED_SECONDS = {"pitch": 0.1, "range": 0.25, "intonation": 0.25}
"""Seconds of voice that a measure of F0 needs to be reliable: a syllable, and what can be called a melody."""

PHONEMES = 5
"""Phonemes that a rate needs to be reliable: over fewer, one more or less decides."""

PAUSED_SECONDS = 1.0
"""Seconds of speech and pauses together that a share of pauses needs to be reliable."""

STEP = 2.0
"""Semitones by which the medians of two thirds of a contour differ where it is said to rise or to fall."""


def measure(samples, text="", language="en", f0_method="swift", f0_checkpoint=None, rate_method="rules"):
    """Measure one utterance: table → what is written there, for every table of `MEASURES` and for utt2reliable.

    samples: float32 `(samples,)` at 16 kHz, not empty; text, language: its transcript and the ISO 639-1 code; methods: see
    `f0_contour` and `speaking_rate`, which say what is raised. utt2f0: Hz; utt2loudness: LUFS; utt2rate, utt2articulation:
    phonemes / s, of the whole and without pauses; utt2range: semitones from the 5th to the 95th percentile of the voiced
    F0; utt2intonation: `intonation`; utt2pauses: `phrasing`'s pauses as a share of speech and pauses. `nan` is what
    cannot be measured. utt2reliable: the measures to be trusted, or `none`.
    """
    times, f0, voiced = f0_contour(samples, f0_method, f0_checkpoint)
    (spoken, paused), silent = phrasing(samples, times, voiced), is_silent(samples)
    voice = float(voiced.sum() * (times[1] - times[0])) if len(times) > 1 else 0.0
    tones = 12 * np.log2(f0[voiced])
    low, high = np.percentile(tones, (5, 95)) if len(tones) else (math.nan, math.nan)
    known = voice >= VOICED_SECONDS["intonation"]
    counted = not silent and count_phonemes(text, language, rate_method) >= PHONEMES
    reliable = {measure: voice >= least for measure, least in VOICED_SECONDS.items()} | {
        "speed": counted,
        "articulation": counted,
        "volume": not silent and len(samples) >= BLOCK_SECONDS * SAMPLE_RATE,
        "pauses": not silent and spoken + paused >= PAUSED_SECONDS,
    }
    seconds = len(samples) / SAMPLE_RATE
    return {
        "utt2rate": f"{speaking_rate(text, language, seconds, rate_method):.3f}",
        "utt2f0": f"{voiced_mean(f0, voiced):.2f}",
        "utt2loudness": f"{loudness(samples, SAMPLE_RATE):.2f}",
        "utt2range": f"{high - low:.2f}",
        "utt2intonation": intonation(tones) if known else UNCERTAIN,
        "utt2articulation": f"{speaking_rate(text, language, spoken, rate_method):.3f}",
        "utt2pauses": "nan" if silent else f"{paused / (spoken + paused):.3f}",
        "utt2reliable": " ".join(name for name in MEASURES if reliable[name]) or "none",
    }


def intonation(tones):
    """How a contour of voiced frames, semitones `(frames,)` of three or more in their order, goes: "rising", "falling",
    "both" or "level", by the medians of its thirds, which single octave errors do not move."""
    first, second, third = (np.median(part) for part in np.array_split(tones, 3))
    steps = (second - first, third - second, third - first)
    if max(steps) >= STEP:
        return "both" if min(steps) <= -STEP else "rising"
    return "falling" if min(steps) <= -STEP else "level"


class Levels:
    """{measure: level} of any utterance, by the statistics that `c2ser make-style` wrote of a training set.

    Raises InputError for another file.
    """

    def __init__(self, path):
        content = read_json(path, "c2ser make-style writes it as --stats")
        try:
            self.told, self.languages, self.method = content["told"], content["languages"], content["f0_method"]
            self.reliable_only, self.statistics = content["reliable_only"], {}
            for name, entry in content["measures"].items():
                groups = {group: Moments(**moments) for group, moments in entry["groups"].items()}
                self.statistics[name] = StyleStatistics(Moments(**entry["overall"]), groups)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not what c2ser make-style writes ({error!r}); run it again") from None

    def __call__(self, samples, text="", language=None, gender=None):
        """Levels of float32 `(samples,)` at 16 kHz. text, language: of the speech; language None: the training's, where it
        had one; gender: f, m or None. Who is of no group that has statistics is cut by those of all.

        Raises InputError for a text whose language is not known, and as `measure` does.
        """
        if language is None and len(self.languages) != 1 and text:
            raise InputError(f"the style was measured in {', '.join(self.languages)}: say in which the speech is")
        language = language or (self.languages or ["en"])[0]
        tables, found = measure(samples, text, language, self.method), {}
        for name in self.told:
            trusted = tables["utt2reliable"] if self.reliable_only else name
            value = value_of(name, tables[MEASURES[name]], trusted)
            if name == "intonation":
                found[name] = UNKNOWN if value == UNCERTAIN else value
                continue
            groups = self.statistics[name].groups
            own = next((group for group in (f"{language} {gender}", language, gender) if group in groups), None)
            found[name] = self.statistics[name].level(value, own)
        return found
