"""A corpus of any size, as stage 1 takes one: a manifest whose lines point to few sound files. See scale.py."""

from pathlib import Path

from c2ser.corpora.base import Corpus, Reading, Utterance

CORPUS = Corpus("scale", "Few files, many names", ("en", "zh"), "none", "benchmarks/scale.py")


def read(root):
    """The lines of `manifest.tsv` under `root`: utterance, speaker, emotion, language, gender, split, file, words."""
    reading = Reading()
    with open(Path(root) / "manifest.tsv", encoding="utf-8") as manifest:
        for line in manifest:
            utterance, speaker, emotion, language, gender, split, audio, text = line.rstrip("\n").split("\t")
            reading.utterances.append(
                Utterance(utterance, speaker, emotion, language, audio, text, gender=gender, split=split)
            )
    return reading
