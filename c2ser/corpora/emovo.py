"""EMOVO, the Italian emotional speech corpus (Costantini et al., LREC 2014).

Six actors read 14 sentences in seven emotions: 588 files, 0.51 h; 98 per speaker, 84 per emotion. Acted.

Layout; a folder of documents may lie beside the speakers:

    EMOVO/<speaker>/<emotion>-<speaker>-<sentence>.wav        EMOVO/f1/dis-f1-b1.wav
      speaker f1 f2 f3 m1 m2 m3; emotion dis gio neu pau rab sor tri; sentence b1–3 l1–4 n1–5 d1–2

48 kHz, 16 bit, stereo from two spaced microphones whose signals hardly correlate: their mean is comb-filtered and
loses 1.7–4.5 dB. Channel 1 is used, as EmoBox does; f1/rab-f1-b1.wav is mono. Copies at 16 kHz with channel 1 only
are read as they are. The same sentences are spoken by everybody in every emotion.
Licence: for research. Source: http://voice.fub.it/activities/corpora/emovo/index.html
"""

import os
import re

from c2ser.corpora.base import FOLDS_DIR, Corpus, Note, Reading, Utterance, uniform
from c2ser.corpora.files import find_root, walk_audio

SPEAKERS = ("f1", "f2", "f3", "m1", "m2", "m3")
EMOTIONS = {
    "dis": "disgusted", "gio": "happy", "neu": "neutral", "pau": "fearful",
    "rab": "angry", "sor": "surprised", "tri": "sad",
}  # fmt: skip
SENTENCES = {
    "b1": "Gli operai si alzano presto",
    "b2": "I vigili sono muniti di pistola",
    "b3": "La cascata fa molto rumore",
    "l1": "L'autunno prossimo Tony partirà per la Spagna nella prima metà di ottobre",
    "l2": "Ora prendo la felpa di là ed esco per fare una passeggiata",
    "l3": "Un attimo dopo s'è incamminato ... ed è inciampato",
    "l4": "Vorrei il numero telefonico del Signor Piatti",
    "n1": "La casa forte vuole col pane",
    "n2": "La forza trova il passo e l'aglio rosso",
    "n3": "Il gatto sta scorrendo nella pera",
    "n4": "Insalata pastasciutta coscia d'agnello limoncello",
    "n5": "Uno quarantatré dieci mille cinquantasette venti",
    "d1": "Sabato sera cosa farà?",
    "d2": "Porti con te quella cosa?",
}
NAME = re.compile(rf"({'|'.join(EMOTIONS)})-([fm][1-3])-({'|'.join(SENTENCES)})\.wav", re.IGNORECASE)

CORPUS = Corpus(
    name="emovo",
    title="EMOVO",
    languages=("it",),
    licence="for research",
    source="http://voice.fub.it/activities/corpora/emovo/index.html",
    expected=uniform(SPEAKERS, EMOTIONS.values(), 14),
    folds=FOLDS_DIR / "emovo.tsv",
    channels={2: 1},
)


def read(root):
    """Read EMOVO/ or a folder above it. Raises InputError where no speaker's folder can be found."""
    root = find_root(root, _holds_speakers, "speakers' folders f1 … m3 with files such as f1/dis-f1-b1.wav")
    reading, found = Reading(), set()
    for path, between, name in walk_audio(root):
        match = NAME.fullmatch(name)
        folder = between[0].lower() if between else ""
        if folder not in SPEAKERS:
            reading.excluded.append(Note(path, "lies outside the speakers' folders"))
        elif not match or match.group(2).lower() != folder or len(between) > 1:
            reading.unexpected.append(Note(path, f"no name of the corpus for a file of speaker {folder}"))
        else:
            emotion, speaker, sentence = match.group(0)[:-4].lower().split("-")
            found.add((speaker, emotion, sentence))
            reading.utterances.append(
                Utterance(
                    id=f"{speaker}-{emotion}-{sentence}",
                    speaker=speaker,
                    emotion=EMOTIONS[emotion],
                    language="it",
                    audio=path,
                    text=SENTENCES[sentence],
                    gender=speaker[0],
                )
            )
    for speaker in SPEAKERS:
        for emotion in EMOTIONS:
            for sentence in SENTENCES:
                if (speaker, emotion, sentence) not in found:
                    name = f"{speaker}/{emotion}-{speaker}-{sentence}.wav"
                    reading.missing.append(Note(str(root / name), "no such file"))
    return reading


def _holds_speakers(directory):
    for speaker in SPEAKERS:
        folder = directory / speaker
        if folder.is_dir() and any(NAME.fullmatch(name) for name in os.listdir(folder)):
            return True
    return False
