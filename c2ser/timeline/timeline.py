"""What a system says of each stretch of a long recording."""

from itertools import islice
from typing import NamedTuple

import numpy as np

from c2ser.audio import SAMPLE_RATE, audio_blocks
from c2ser.timeline.turns import sounds

PEAK_SAMPLES = 160
"""Samples of which the picture of a waveform knows the least and the greatest (10 ms)."""

ENOUGH = 5
"""Stretches by which a speaker's means can be told from a mood."""


class Segment(NamedTuple):
    """A stretch in seconds: who speaks ("" where nobody says), the class and the probability of each class, and whether
    there was anything to hear."""

    start: float
    end: float
    speaker: str
    label: str
    posterior: dict
    sound: bool = True


class Timeline(NamedTuple):
    """A recording's segments by start; seconds: how long it is; peaks: time, least and greatest sample of every 10 ms and
    less, `(n, 3)`."""

    audio: str
    model: str
    labels: list
    seconds: float
    segments: list
    peaks: np.ndarray


class Survey:
    """What the first pass over a recording finds: `blocks` yields what it is given, float32 `(samples,)` at 16 kHz."""

    def __init__(self):
        self.seconds, self.peaks = 0.0, [np.zeros((0, 3))]

    def blocks(self, blocks):
        """Look at the blocks that pass by."""
        for block in blocks:
            places = np.arange(0, len(block), PEAK_SAMPLES)
            if len(block):
                ends = [reduce.reduceat(block, places) for reduce in (np.minimum, np.maximum)]
                self.peaks.append(np.stack([self.seconds + places / SAMPLE_RATE, *ends], axis=1))
            self.seconds = round(self.seconds + len(block) / SAMPLE_RATE, 7)  # a sample is a whole number of these
            yield block


def answer(predictor, path, turns, mode="implicit", channel=None, speakers=None, made=None):
    """A `Segment` for each turn of a recording, read and answered some at a time.

    speakers: speaker → what `Predictor.enrol` gave; made: called with the number of turns that were answered. Raises
    InputError, naming the recording and the place, as the Predictor does.
    """
    size, known, segments = 4 * predictor.decoding.batch_size, speakers or {}, []
    pairs = zip(turns, sounds(audio_blocks(path, channel), turns))
    while batch := list(islice(pairs, size)):
        names = [f"{path}, {turn.start:.2f}–{turn.end:.2f} s" for turn, _ in batch]
        given = [known.get(turn.speaker) for turn, _ in batch]
        answers = predictor([speech for _, speech in batch], mode, names=names, speakers=given)
        segments += [Segment(*turn, one.label, one.posterior, one.sound) for (turn, _), one in zip(batch, answers)]
        if made:
            made(len(batch))
    return segments


def enrol(predictor, path, turns, mode="implicit", channel=None):
    """Speaker → what `Predictor.enrol` gives of their own turns, for those with `ENOUGH`."""
    own = {speaker: [turn for turn in turns if turn.speaker == speaker] for speaker in {turn.speaker for turn in turns}}
    return {
        speaker: predictor.enrol(sounds(audio_blocks(path, channel), theirs), mode)
        for speaker, theirs in own.items() if len(theirs) >= ENOUGH
    }  # fmt: skip


def merged(segments):
    """Overlapping windows → stretches without overlap: each between two neighbouring edges of windows, its posterior the
    mean of those of the windows over it."""
    edges = sorted({edge for one in segments for edge in one[:2]})
    made, over, rest = [], [], list(reversed(segments))
    for start, end in zip(edges, edges[1:]):
        over = [one for one in over if one.end > start]
        while rest and rest[-1].start <= start:
            over.append(rest.pop())
        if over:
            mean = {label: sum(one.posterior[label] for one in over) / len(over) for label in over[0].posterior}
            made.append(Segment(start, end, "", max(mean, key=mean.get), mean, any(one.sound for one in over)))
    return made
