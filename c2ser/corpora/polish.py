"""Emotions in Polish speech (Miesikowska and Swisulski, Gdansk University of Technology, 2020).

Five men say six words in three emotions, five times each: 450 files, 0.105 h. Acted.

Layout (the folder POLISH of the 16 kHz copy; the original distribution has the same names):

    POLISH/<speaker>.<emotion>_<word>_<repetition>.wav        m1.a_nie_1.wav
      speaker m1 … m5; emotion a = angry, s = fearful, n = neutral; word nie oddaj podaj stop tak trzymaj; 1 … 5

Mono, 16 kHz, 32-bit float. The word is the transcript; every word occurs in every emotion, so it tells none.
Licence: CC BY. Source: https://doi.org/10.34808/h46c-hb44
"""

import os
import re

from c2ser.corpora.base import FOLDS_DIR, Corpus, Note, Reading, Utterance, uniform
from c2ser.corpora.files import find_root, is_audio

SPEAKERS = ("m1", "m2", "m3", "m4", "m5")
EMOTIONS = {"a": "angry", "s": "fearful", "n": "neutral"}
WORDS = ("nie", "oddaj", "podaj", "stop", "tak", "trzymaj")
NAME = re.compile(rf"(m[1-5])\.([asn])_({'|'.join(WORDS)})_([1-5])\.wav", re.IGNORECASE)

CORPUS = Corpus(
    name="polish",
    title="Emotions in Polish speech",
    languages=("pl",),
    licence="CC BY",
    source="https://doi.org/10.34808/h46c-hb44",
    expected=uniform(SPEAKERS, EMOTIONS.values(), 30),
    folds=FOLDS_DIR / "polish.tsv",
)


def read(root):
    """Read POLISH/ or a folder above it. Raises InputError where it cannot be found."""
    root = find_root(root, _holds_recordings, "files such as m1.a_nie_1.wav (unpack polish_speech_emotions.zip)")
    reading, found = Reading(), set()
    for name in sorted(os.listdir(root)):
        if not is_audio(name):
            continue
        match = NAME.fullmatch(name)
        if not match:
            reading.unexpected.append(Note(str(root / name), "no name of the corpus"))
            continue
        speaker, emotion, word, repetition = match.group(0)[:-4].lower().replace(".", "_").split("_")
        found.add(f"{speaker}.{emotion}_{word}_{repetition}.wav")
        reading.utterances.append(
            Utterance(
                id=f"{speaker}-{emotion}_{word}_{repetition}",
                speaker=speaker,
                emotion=EMOTIONS[emotion],
                language="pl",
                audio=str(root / name),
                text=word,
                gender="m",
            )
        )
    for name in _published_names():
        if name not in found:
            reading.missing.append(Note(str(root / name), "no such file"))
    return reading


def _holds_recordings(directory):
    return any(NAME.fullmatch(name) for name in os.listdir(directory))


def _published_names():
    for speaker in SPEAKERS:
        for emotion in EMOTIONS:
            for word in WORDS:
                yield from (f"{speaker}.{emotion}_{word}_{repetition}.wav" for repetition in range(1, 6))
