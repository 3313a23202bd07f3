"""The probe command on features with classes in them."""

import json

import numpy as np
import pytest

from c2ser.ark import ArkWriter
from c2ser.bin import probe
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError


@pytest.fixture
def data(tmp_path):
    """Sets train (one utterance unlabelled), dev and test, of two classes that lie apart."""
    random, centre = np.random.default_rng(0), {"sad": -2.0, "happy": 2.0}
    with ArkWriter(tmp_path / "f.ark", tmp_path / "f.scp") as writer:
        for part, count in (("train", 20), ("dev", 8), ("test", 10)):
            labels = {f"{part}{i:02d}": ("sad", "happy")[i % 2] for i in range(count)}
            for utterance, label in labels.items():
                writer[utterance] = random.normal(centre[label], 0.5, 3).astype(np.float32)
            write_table(tmp_path / part / "utt2spk", dict.fromkeys(labels, "s"))
            if part == "train":
                labels.pop("train00")
            write_table(tmp_path / part / "utt2emo", labels)
    return tmp_path


def run(root, *more):
    argv = ["--feats_scp", root / "f.scp", "--train_dir", root / "train", "--test_dir", root / "test", *more]
    probe.main([str(word) for word in [*argv, "--out_dir", root / "out"]])
    return {name: read_table(root / "out" / name) for name in ("utt2pred", "posteriors")}


def test_test_set_is_labelled(data):
    made = run(data, "--dev_dir", data / "dev")
    assert made["utt2pred"] == read_table(data / "test/utt2emo")
    labels = (data / "out/labels").read_text().split()
    assert labels == ["happy", "sad"]
    for utterance, row in made["posteriors"].items():
        values = [float(value) for value in row.split()]
        assert sum(values) == pytest.approx(1, abs=1e-5)
        assert labels[values.index(max(values))] == made["utt2pred"][utterance]
    cost = json.loads((data / "out/decode.json").read_text())
    assert cost["mode"] == "probe" and cost["utterances"] == 10 and cost["regularisation"] in (1e-4, 1e-3, 1e-2, 0.1, 1)


def test_labels_of_the_test_set_are_not_read(data):
    with_them = run(data)
    (data / "test/utt2emo").unlink()
    assert run(data) == with_them


def test_missing_features_are_named(data):
    table = read_table(data / "f.scp")
    table.pop("test03")
    write_table(data / "f.scp", table)
    with pytest.raises(InputError, match=r"f.scp: no features for 1 utterances \(test03\)"):
        run(data)
    assert not (data / "out").exists()
