import json

import pytest

from c2ser.datadir import write_table

LABELS = ("angry", "fearful", "neutral")


def write_set(root, fold, speaker, mode="implicit"):
    """A test set of six utterances with its decoding: one wrong, one invalid and one answer outside its classes."""
    data, decode = root / f"data/fold{fold}/test", root / f"exp/fold{fold}/decode_{mode}_test"
    utterances = [f"{speaker}_{i}" for i in range(6)]
    reference = ["angry", "angry", "fearful", "fearful", "neutral", "neutral"]
    scored = ["angry", "fearful", "fearful", "fearful", "neutral", "neutral"]
    predicted = ["angry", "fearful", "<invalid>", "fearful", "happy", "neutral"]
    write_table(data / "utt2emo", dict(zip(utterances, reference)))
    write_table(data / "utt2spk", dict.fromkeys(utterances, speaker))
    write_table(decode / "utt2pred", dict(zip(utterances, predicted)))
    write_table(decode / "utt2scored", dict(zip(utterances, scored)))
    rows = [" ".join("0.8" if label == chosen else "0.1" for label in LABELS) for chosen in scored]
    write_table(decode / "posteriors", dict(zip(utterances, rows)))
    (decode / "labels").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    cost = {"mode": mode, "utterances": 6, "seconds_per_utterance": 0.5 * fold, "tokens_per_utterance": 4}
    (decode / "decode.json").write_text(json.dumps(cost), encoding="utf-8")
    return data, decode


@pytest.fixture
def one_set(tmp_path):
    """(data directory, decoding directory) of one test set."""
    return write_set(tmp_path, 1, "m1")


@pytest.fixture
def folds(tmp_path):
    """Three such sets, as ([data directories], [decoding directories])."""
    return tuple(map(list, zip(*(write_set(tmp_path, fold, f"m{fold}") for fold in (1, 2, 3)))))
