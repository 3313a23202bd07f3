"""What a prepared corpus brings to a fold, and how its ids are named."""

import pytest

from c2ser.corpora.base import Utterance
from c2ser.corpora.prepared import read_prepared, with_prefix
from c2ser.corpora.writing import write_set

SPEAKERS = ("a", "b", "c")


def utterance(speaker):
    return Utterance(f"{speaker}-1", speaker, "sad", "it", f"/{speaker}.wav", "", seconds=1.0)


@pytest.fixture
def write(tmp_path):
    """write(fold1_train="ab", …): those sets of speakers, and all; returns the folder."""

    def make(**sets):
        for name, speakers in {"all": SPEAKERS, **sets}.items():
            folder = name.replace("_", "/", 1) if name.startswith("fold") else name
            write_set(tmp_path / folder, [utterance(speaker) for speaker in speakers])
        return tmp_path

    return make


def named(*speakers):
    return [f"toy_{speaker}-1" for speaker in speakers]


def test_prefixes_are_put_before_every_id():
    tables = {
        "utt2spk": {"a-1": "a"}, "spk2utt": {"a": "a-1"}, "segments": {"a-1": "call 0 1"}, "text": {"a-1": "a b"},
        "wav.scp": {"call": "/call.wav"}, "reco2channel": {"call": "2"}, "spk2gender": {"a": "f"},
    }  # fmt: skip
    assert with_prefix(tables, "toy_") == {
        "utt2spk": {"toy_a-1": "toy_a"}, "segments": {"toy_a-1": "toy_call 0 1"}, "text": {"toy_a-1": "a b"},
        "wav.scp": {"toy_call": "/call.wav"}, "reco2channel": {"toy_call": "2"}, "spk2gender": {"toy_a": "f"},
    }  # fmt: skip


def test_folds(write):
    sets = {"fold1_train": "bc", "fold1_dev": "b", "fold1_test": "a", "fold4_train": "a", "fold4_test": "bc"}
    corpus = read_prepared("toy", write(**sets))
    assert corpus.folds[1] == {"train": named(*"bc"), "train_nodev": named("c"), "dev": named("b"), "test": named("a")}
    assert corpus.parts(4) == {"train": named("a"), "train_nodev": named("a"), "test": named(*"bc")}
    assert corpus.parts(2) == {"train": named(*SPEAKERS), "train_nodev": named(*SPEAKERS)}
    assert corpus.training == corpus.testing == named(*SPEAKERS) and corpus.dev == named("b")
    assert corpus.tables["utt2corpus"] == dict.fromkeys(named(*SPEAKERS), "toy") and corpus.remarks == []


def test_official_splits(write):
    corpus = read_prepared("toy", write(train="a", test="c"))
    for fold in (1, 2):
        assert corpus.parts(fold) == {"train": named("a"), "train_nodev": named("a"), "test": named("c")}
    assert (corpus.training, corpus.dev, corpus.testing) == (named("a"), [], named("c"))
    assert corpus.remarks == ["1 utterances are in all and in no official split"]


def test_a_test_corpus_trains_nothing(write):
    corpus = read_prepared("toy", write(test="abc"))
    assert (corpus.training, corpus.dev, corpus.testing) == ([], [], named(*SPEAKERS))
    assert corpus.parts(3) == {"test": named(*SPEAKERS)}


def test_utterances_of_a_fold_that_are_in_no_part(write):
    assert read_prepared("toy", write(fold2_train="a", fold2_test="b")).remarks == [
        "1 utterances are in all and in no part of fold2"
    ]
