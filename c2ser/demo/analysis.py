"""What the demo says of a recording: pitch and loudness over time, then the answer as it comes; no page is known here."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from c2ser.audio import SAMPLE_RATE, read_audio
from c2ser.errors import InputError
from c2ser.prosody.f0 import f0_contour
from c2ser.prosody.loudness import loudness, loudness_contour

MAX_SECONDS = 60.0
"""Longer recordings are refused: the page would seem to hang."""


@dataclass(frozen=True)
class Analysis:
    """What is known so far of one recording.

    seconds: its length; pitch: times in s and F0 in Hz, NaN where unvoiced; loudness: times in s and LUFS; mean_pitch:
    in Hz, NaN where nothing is voiced; mean_loudness: in LUFS; text: of the answer, as far as it is generated; label,
    posterior (class → probability): None until the end.
    """

    seconds: float
    pitch: tuple
    loudness: tuple
    mean_pitch: float
    mean_loudness: float
    text: str = ""
    label: str | None = None
    posterior: dict | None = None


class Analyst:
    """Analyses recordings with a `Predictor`.

    predictor: a system that hears; max_seconds: of a recording. Raises InputError for a system that reads transcripts.
    """

    def __init__(self, predictor, max_seconds=MAX_SECONDS):
        self.predictor, self.max_seconds = predictor, max_seconds
        self.modes = [mode for mode in ("explicit", "implicit") if mode in predictor.bundle.modes]
        if any(predictor.reads_text(mode) for mode in self.modes):
            raise InputError("this system reads transcripts instead of hearing (text_only): there is nothing to record")

    def __call__(self, path, mode, channel=None):
        """Yield an `Analysis` with the curves at once, then one for every token of the answer, and the whole last.

        path: audio file of any rate and format that libsndfile reads; mode: one of `modes`; channel: 1-based number,
        "mean" or None (mono only). Raises InputError that names the file without its folder.
        """
        try:
            samples = self._read(path, channel)
            known = measure(samples)
            yield known
            for made in self.predictor.stream(samples, mode):
                yield replace(known, text=made.text, label=made.label, posterior=made.posterior)
        except InputError as error:
            name = Path(path).name
            raise InputError(str(error).replace(str(path), name).replace("array 0", name)) from None

    def _read(self, path, channel):
        samples = read_audio(str(path), channel, most=2 * self.max_seconds)  # a small file may unfold into days
        seconds = len(samples) / SAMPLE_RATE
        if seconds > self.max_seconds:
            raise InputError(f"{path}: {seconds:.10g} s; at most {self.max_seconds:g} s are taken here: cut it shorter")
        return samples


def measure(samples):
    """The curves of float `(samples,)` at 16 kHz, as an `Analysis` without an answer."""
    times, f0, voiced = f0_contour(samples)
    mean = float(f0[voiced].mean()) if voiced.any() else np.nan
    return Analysis(len(samples) / SAMPLE_RATE, (times, f0), loudness_contour(samples), mean, float(loudness(samples)))
