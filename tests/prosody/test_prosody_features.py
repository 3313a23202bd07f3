"""The command that writes prosodic features: what is in them, joined parts, faults."""

import logging

import numpy as np
import pytest

from c2ser.ark import read_ark
from c2ser.bin.prosody_features import main
from c2ser.datadir import DataDir, read_table
from c2ser.errors import InputError
from c2ser.probe.features import read_layers
from c2ser.prosody.functionals import NAMES


def extract(data, out, *options):
    main(["--data_dir", str(data.path), "--out_dir", str(out), *options])
    return {utterance: read_ark(entry) for utterance, entry in read_table(out / "feats.scp").items()}


def test_vectors_and_their_names(data_dir, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    found = extract(data_dir, tmp_path / "out")
    assert (tmp_path / "out/names").read_text().split() == list(NAMES)
    assert list(found) == ["a-1", "a-2", "b-1", "b-2"] and {one.shape for one in found.values()} == {(len(NAMES),)}
    mean, rate = NAMES.index("f0_mean"), NAMES.index("phonemes_per_s")
    assert found["a-1"][mean] - found["a-2"][mean] == pytest.approx(12, abs=0.3)
    assert (found["a-1"][rate], found["a-2"][rate]) == (3, 1) and np.isnan(found["b-1"][rate])
    assert "no f0_mean for 2 utterances: b-1, b-2" in caplog.text
    assert "no loudness for 1 utterances: b-1" in caplog.text
    assert read_layers(tmp_path / "out/feats.scp", ["b-1", "a-1"]).shape == (2, 1, len(NAMES))


def test_parts_joined_are_the_whole(data_dir, tmp_path):
    whole, parts = extract(data_dir, tmp_path / "whole"), {}
    for number, utterances in (("1", ["a-1"]), ("2", ["a-2", "b-1", "b-2"])):
        part = DataDir(data_dir.path / "split2" / number)
        for table in ("wav.scp", "utt2spk", "utt2lang", "text"):
            part.write(table, {key: value for key, value in data_dir.read(table).items() if key in utterances})
        parts.update(extract(part, tmp_path / number))
    for utterance, vector in whole.items():
        np.testing.assert_array_equal(vector, parts[utterance])


def test_faults_leave_nothing_behind(data_dir, tmp_path):
    (tmp_path / "b-2.wav").write_bytes(b"")
    with pytest.raises(InputError, match="utterance b-2: .*empty"):
        extract(data_dir, tmp_path / "out")
    data_dir.write("utt2lang", {"a-1": "it"})
    with pytest.raises(InputError, match=r"utt2lang: no entry for 3 utterances \(a-2, b-1, b-2\)"):
        extract(data_dir, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))
