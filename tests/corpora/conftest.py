"""What the tests of the corpora share: trees of tiny audio, the command, and a look at what it wrote."""

import os
from collections import Counter
from pathlib import Path

import pytest

from c2ser.bin import prepare_data
from c2ser.datadir import DataDir
from tests.media import write_wav

SHARED = Path(__file__).parents[2].parent / "shared" / "corpora"


@pytest.fixture(scope="session")
def tiny_wav(tmp_path_factory):
    """Half a second of mono silence at 16 kHz, to be linked to under many names."""
    return write_wav(tmp_path_factory.mktemp("audio") / "tiny.wav")


@pytest.fixture(scope="session")
def build(tiny_wav):
    """build(root, names): make a tree in which each of the names is a link to `tiny_wav`."""

    def make(root, names, source=tiny_wav):
        folders = set()
        for name in names:
            path = os.path.join(root, name)
            folder = os.path.dirname(path)
            if folder not in folders:
                os.makedirs(folder, exist_ok=True)
                folders.add(folder)
            os.link(source, path)
        return Path(root)

    return make


@pytest.fixture(scope="session")
def shared():
    """shared("casia"): that folder of the real corpora, or a skip where it is not there."""

    def find(name):
        if not (SHARED / name).is_dir():
            pytest.skip(f"{SHARED / name} is not here")
        return SHARED / name

    return find


@pytest.fixture(scope="session")
def run():
    """run(corpus, root, data_dir, option=…): the command; returns `Prepared`."""

    def call(corpus, root, data_dir, **options):
        argv = ["--corpus", str(corpus), "--root", str(root), "--data_dir", str(data_dir)]
        for option, value in options.items():
            argv += [f"--{option}", str(value)]
        prepare_data.main(argv)
        return Prepared(data_dir)

    return call


class Prepared:
    """What the command wrote: `prepared["fold1/test"]` is a DataDir."""

    def __init__(self, path):
        self.path = Path(path)

    def __getitem__(self, name):
        return DataDir(self.path / name)

    def sets(self):
        """Names of all data directories there."""
        return sorted(str(path.parent.relative_to(self.path)) for path in self.path.rglob("utt2spk"))

    def classes(self, name):
        """Emotion → number of utterances of a set."""
        return dict(Counter(self[name].read("utt2emo").values()))

    def listed(self, name, kind):
        """The lines of `excluded`, `missing` or `suspicious` of a set as a dict."""
        path = self.path / name / kind
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return dict(line.split("\t") for line in lines)

    def check(self):
        """What holds of every data directory: the same ids in each table, Kaldi's order by utterance and speaker."""
        for name in self.sets():
            data = self[name]
            ids = data.utterances()
            for table in ("utt2emo", "utt2lang", "utt2dur", *(["text"] if data.has("text") else [])):
                assert list(data.read(table)) == ids, (name, table)
            speakers = list(dict.fromkeys(data.read("utt2spk").values()))
            assert speakers == sorted(speakers, key=str.encode) == list(data.read("spk2utt")), name
            assert not list(data.path.glob(".*")), name
        assert not list(self.path.glob(".prepare*"))
        return self
