"""The errors that a system was surest of, to listen to: the wrong class with the highest posterior, and what was said."""

import io
from dataclasses import dataclass, replace
from pathlib import Path

from c2ser.datadir import DataDir, read_table
from c2ser.errors import InputError

COUNT = 8
MAX_COUNT = 10
MAX_SECONDS = 8.0
"""Bound what recordings add to a page: 10 clips of 8 s are about half a megabyte."""
SHOWN = 3


@dataclass(frozen=True)
class HardError:
    """An utterance whose most probable class is wrong.

    `top` holds the `SHOWN` most probable classes and the true one, as (class, posterior) pairs in falling order.
    `transcript`, `language` and `rationale` are "" where they are not known. `clip` is its recording as MP3, or None;
    `seconds` is how long the recording is, of which the clip has the first `MAX_SECONDS` at most.
    """

    utterance: str
    data_dir: str
    speaker: str
    truth: str
    answer: str
    posterior: float
    top: tuple
    transcript: str = ""
    language: str = ""
    rationale: str = ""
    clip: bytes | None = None
    seconds: float = 0.0


def hardest(sets, count=COUNT):
    """The `count` utterances of `PredictedSet`s with the highest posterior on a wrong class, as `HardError`s.

    The class that the posteriors favour counts, whatever the predictions are. Of equal ones the first by name of the
    utterance. Raises InputError where a set has no posteriors, or `count` is not from 1 to `MAX_COUNT`.
    """
    if not 1 <= count <= MAX_COUNT:
        raise InputError(f"{count} hardest errors: give 1 to {MAX_COUNT}")
    found = []
    for one in sets:
        if one.posteriors is None:
            raise InputError(f"{one.decode_dir}: no posteriors, so it is not known how sure its errors are")
        for row, posterior in enumerate(one.posteriors):
            answer, truth = one.classes[posterior.argmax()], one.reference[row]
            if answer == truth:
                continue
            order = sorted(zip(one.classes, posterior.tolist()), key=lambda pair: -pair[1])
            top = tuple(pair for place, pair in enumerate(order) if place < SHOWN or pair[0] == truth)
            found.append(
                HardError(one.utterances[row], one.data_dir, one.speakers[row], truth, answer, order[0][1], top)
            )
    return sorted(found, key=lambda error: (-error.posterior, error.utterance))[:count]


def with_texts(errors, rationales=None):
    """Add transcripts and languages from the errors' data directories, and rationales.

    rationales: data directory → decoding directory whose `answers` are shown. Raises InputError where that has none of
    an utterance.
    """
    tables = {}

    def table(path, name, optional=True):
        if (path, name) not in tables:
            tables[path, name] = DataDir(path).read(name, optional) if optional else read_table(path / name, True)
        return tables[path, name]

    completed = []
    for error in errors:
        rationale = ""
        if rationales:
            folder = Path(rationales[error.data_dir])
            answers = table(folder, "answers", optional=False)
            if error.utterance not in answers:
                raise InputError(f"{folder}/answers: no answer for {error.utterance}; decode {error.data_dir} again")
            rationale = answers[error.utterance]
        transcript, language = (table(error.data_dir, name).get(error.utterance, "") for name in ("text", "utt2lang"))
        completed.append(replace(error, transcript=transcript, language=language, rationale=rationale))
    return completed


def with_clips(errors, audio_scp):
    """Add the recordings, read from a wav.scp keyed by utterance. Raises InputError where one is not there."""
    from c2ser.audio import SAMPLE_RATE, read_audio

    entries = read_table(audio_scp)
    completed = []
    for error in errors:
        if error.utterance not in entries:
            raise InputError(f"{audio_scp}: no entry for {error.utterance}; dump the audio of {error.data_dir}")
        samples = read_audio(entries[error.utterance])
        completed.append(replace(error, clip=encode(samples), seconds=len(samples) / SAMPLE_RATE))
    return completed


def encode(samples):
    """The first `MAX_SECONDS` of float32 `(samples,)` at 16 kHz as the bytes of an MP3 file.

    Every browser plays MP3, it is small, and, unlike Ogg, the same samples give the same bytes.
    """
    import numpy as np
    import soundfile

    from c2ser.audio import SAMPLE_RATE

    stream = io.BytesIO()
    cut = np.clip(samples[: int(MAX_SECONDS * SAMPLE_RATE)], -1, 1)
    soundfile.write(stream, cut, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
    return stream.getvalue()


def hardest_rows(errors):
    """The table of hardest errors without what is said in them: corpora's licences may forbid to publish that."""
    rows = [["Utterance", "test set", "true", "answered", "posterior", "of the true class"]]
    for error in errors:
        true = dict(error.top).get(error.truth)
        rows.append([error.utterance, error.data_dir, error.truth, error.answer, f"{error.posterior:.3f}",
                     "–" if true is None else f"{true:.3f}"])  # fmt: skip
    return rows if len(rows) > 1 else []
