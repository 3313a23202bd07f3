"""Where to listen in a long recording: fixed windows, where a voice is, or the turns of an RTTM file."""

import logging
from typing import NamedTuple

import numpy as np

from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE, segment_end
from c2ser.datadir.tables import read_lines
from c2ser.errors import InputError

PAUSE = 0.5
"""Seconds without a voice that part two stretches of speech."""

CHUNK = 512
"""Samples that silero-vad takes at a time (32 ms)."""


class Turn(NamedTuple):
    """A stretch of a recording in seconds, and who speaks in it ("" where nobody says)."""

    start: float
    end: float
    speaker: str = ""


def windows(seconds, window, hop):
    """Turns of `window` seconds every `hop` seconds, which is no longer; the first that reaches the end ends there."""
    count = int(np.ceil(max(seconds - window, 0) / hop - 1e-9)) + 1
    starts = [number * hop for number in range(count)]  # edges that are the same are so to the bit
    return [Turn(round(start, 7), round(min(start + window, seconds), 7)) for start in starts]


def speech_turns(blocks):
    """Turns in which silero-vad hears a voice. blocks: float32 `(samples,)` at 16 kHz, in order, of any size each.

    Its weights come with its package. Raises InputError where that is not installed.
    """
    import torch

    threads = torch.get_num_threads()
    try:
        from silero_vad import VADIterator, load_silero_vad
    except ImportError:
        what = "voice activity needs two packages more: pip install silero-vad onnxruntime; or take windows"
        raise InputError(what) from None
    finally:
        torch.set_num_threads(threads)  # the package sets them to one for the whole process
    listen = VADIterator(load_silero_vad(onnx=True), sampling_rate=SAMPLE_RATE, min_silence_duration_ms=int(1000 * PAUSE))
    turns, start, rest, count = [], None, np.zeros(0, np.float32), 0
    for block in blocks:
        count += len(block)
        rest = np.concatenate([rest, block])
        whole = len(rest) // CHUNK * CHUNK
        for chunk in rest[:whole].reshape(-1, CHUNK):
            event = listen(torch.from_numpy(chunk)) or {}
            start = event.get("start", start)
            if "end" in event:
                turns.append(Turn(start / SAMPLE_RATE, event["end"] / SAMPLE_RATE))
                start = None
        rest = rest[whole:]
    return turns if start is None else [*turns, Turn(start / SAMPLE_RATE, count / SAMPLE_RATE)]


def read_rttm(path):
    """The SPEAKER lines of an RTTM file as turns by start, those of one speaker that overlap joined.

    Raises InputError, naming the line, for what is none, for several recordings in one file, and for no turn at all.
    """
    found, recordings = {}, set()
    for number, line in read_lines(path):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            recording, start, length, speaker = fields[1], float(fields[3]), float(fields[4]), fields[7]
        except (IndexError, ValueError):
            start, length = -1.0, 0.0
        if not (0 <= start < np.inf and 0 < length < np.inf):
            raise InputError(f"{path}:{number}: expected SPEAKER recording channel start seconds <NA> <NA> speaker …")
        recordings.add(recording)
        found.setdefault(speaker, []).append(Turn(start, start + length, speaker))
    if len(recordings) != 1:
        told = ", ".join(sorted(recordings)) or "no SPEAKER line"
        raise InputError(f"{path}: {told}: expected the turns of one recording; keep those of the one that is labelled")
    joined = []
    for turn in (turn for turns in found.values() for turn in sorted(turns)):
        if joined and joined[-1].speaker == turn.speaker and turn.start < joined[-1].end:
            joined[-1] = joined[-1]._replace(end=max(joined[-1].end, turn.end))
        else:
            joined.append(turn)
    return sorted(joined)


def pieces(turns, seconds, longest, name):
    """Turns within a recording of `seconds`, each cut into equal parts of `longest` seconds at most, by start.

    Those that are too short to be heard are left out, with a warning. Raises InputError for a turn that ends after the
    recording, of the name `name`.
    """
    made, short = [], 0
    for turn in turns:
        if (end := segment_end(turn.start, turn.end, seconds)) is None:
            raise InputError(f"{name}: lasts {seconds:.3f} s, but a turn is from {turn.start:.3f} to {turn.end:.3f} s")
        edges = np.linspace(turn.start, end, 1 + int(np.ceil((end - turn.start) / longest - 1e-9))).tolist()
        parts = [turn._replace(start=start, end=end) for start, end in zip(edges, edges[1:])]
        heard = [part for part in parts if np.diff(_samples(part))[0] >= MIN_SAMPLES]
        made, short = made + heard, short + len(parts) - len(heard)
    if short:
        logging.warning("%s: %d stretches are left out: shorter than %g s", name, short, MIN_SAMPLES / SAMPLE_RATE)
    return sorted(made)


def sounds(blocks, turns):
    """Yield float32 `(samples,)` of each turn, by start; no more is held than the longest of them and a block."""
    held, first, blocks = np.zeros(0, np.float32), 0, iter(blocks)
    for turn in turns:
        start, end = _samples(turn)
        while first + len(held) < end and (block := next(blocks, None)) is not None:
            passed = min(max(start - first, 0), len(held))
            held, first = np.concatenate([held[passed:], block]), first + passed
        yield held[start - first : end - first]


def _samples(turn):
    return round(turn.start * SAMPLE_RATE), round(turn.end * SAMPLE_RATE)
