"""The most frequent class of training."""

import json

import pytest

from c2ser.baselines.majority import class_shares
from c2ser.bin import majority
from c2ser.datadir import DataDir, read_table
from c2ser.errors import InputError
from c2ser.evaluation.predictions import read_posteriors, read_set

EMOTIONS = {"s-1": "sad", "s-2": "happy", "s-3": "sad", "s-4": "unknown", "s-5": "sad", "s-6": "calm"}


@pytest.fixture
def train(tmp_path):
    data = DataDir(tmp_path / "train")
    data.write_speakers(dict.fromkeys([*EMOTIONS, "s-7"], "s"))
    data.write("utt2emo", EMOTIONS)
    return data


def test_shares_are_of_the_labelled(train):
    shares, count, without = class_shares(train)
    assert shares == {"happy": 0.2, "sad": 0.6, "calm": 0.2} and list(shares) == ["happy", "sad", "calm"]
    assert (count, without) == (5, ["s-4", "s-7"])


def test_every_utterance_gets_the_most_frequent_class(train, test_set, tmp_path):
    out = tmp_path / "out"
    majority.main(["--train_dir", str(train.path), "--data_dir", str(test_set.path), "--out_dir", str(out)])
    assert read_table(out / "utt2pred") == dict.fromkeys(test_set.utterances(), "sad")
    labels, rows = read_posteriors(out)
    assert labels == ["happy", "sad", "calm"] and {tuple(row) for row in rows.values()} == {(0.2, 0.6, 0.2)}
    made = read_set(test_set.path, out)
    assert made.confidence.tolist() == [0.6] * 5 and made.decode["mode"] == "majority"
    account = json.loads((out / "decode.json").read_text())
    assert account["train_utterances"] == 5 and account["train_unlabelled"] == 2


def test_of_equally_frequent_classes_the_first_in_our_order_is_taken(train, test_set, tmp_path):
    train.write("utt2emo", {"s-1": "surprised", "s-2": "disgusted"})
    majority.main(["--train_dir", str(train.path), "--data_dir", str(test_set.path), "--out_dir", str(tmp_path)])
    assert set(read_table(tmp_path / "utt2pred").values()) == {"disgusted"}


def test_labels_that_do_not_serve_are_named(train):
    train.write("utt2emo", {"s-1": "sadd"})
    with pytest.raises(InputError, match="utt2emo: unknown labels sadd"):
        class_shares(train)
    train.write("utt2emo", {"s-1": "unknown"})
    with pytest.raises(InputError, match="utt2emo: no utterance has a label"):
        class_shares(train)
