"""Folds, dev parts and splits."""

from dataclasses import replace

import pytest

from c2ser.corpora.base import Corpus, Utterance
from c2ser.corpora.sets import choose_dev_speakers, compose
from c2ser.errors import InputError

FOLDS = {1: ("a",), 2: ("b", "c"), 5: ("d",)}


def utterances(speakers, split=None):
    return [Utterance(f"{s}-{i}", s, "sad", "en", "x.wav", "", split=split) for s in speakers for i in range(2)]


def spoken(**classes):
    """One utterance of each class that a speaker is given, by initials."""
    names = {"a": "angry", "h": "happy", "s": "sad", "u": "unknown"}
    return [Utterance(f"{s}-{e}", s, names[e], "en", "x.wav") for s, given in classes.items() for e in given]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "folds.tsv"
    path.write_text("# toy\n1\ta\n2\tb c\n5\td\n")
    return Corpus("toy", "Toy", ("en",), "none", "nowhere", folds=path, expected=dict.fromkeys("abcd", {"sad": 2}))


def speakers(members):
    return "".join(sorted({utterance.speaker for utterance in members}))


def test_folds_and_their_dev_parts(corpus):
    sets, remarks = compose(corpus, utterances("abcd"), dev_speakers=1)
    assert {name: speakers(members) for name, members in sets.items()} == {
        "all": "abcd",
        "fold1/train": "bcd", "fold1/test": "a", "fold1/train_nodev": "cd", "fold1/dev": "b",
        "fold2/train": "ad", "fold2/test": "bc", "fold2/train_nodev": "a", "fold2/dev": "d",
        "fold5/train": "abc", "fold5/test": "d", "fold5/train_nodev": "bc", "fold5/dev": "a",
    }  # fmt: skip
    assert remarks == [] and all(len(sets[f"fold{k}/train"]) + len(sets[f"fold{k}/test"]) == 8 for k in FOLDS)


def test_only_the_folds_wanted_and_no_dev(corpus):
    sets, _ = compose(corpus, utterances("abcd"), wanted_folds=[5, 1], dev_speakers=0)
    assert sorted(sets) == ["all", "fold1/test", "fold1/train", "fold5/test", "fold5/train"]
    with pytest.raises(InputError, match="--folds 3 7: the folds of toy are 1 2 5"):
        compose(corpus, utterances("abcd"), wanted_folds=[3, 1, 7])


def test_folds_that_lack_speakers_are_remarked_on_or_skipped(corpus):
    sets, remarks = compose(corpus, utterances("acd"))
    assert remarks == ["fold 2: test speakers b are not there"] and speakers(sets["fold2/test"]) == "c"
    sets, remarks = compose(corpus, utterances("bc"), dev_speakers=0)
    assert sorted(sets) == ["all"] and remarks == [
        "fold 1 is skipped: nothing of its test speakers is there",
        "fold 2 is skipped: nothing of its train speakers is there",
        "fold 5 is skipped: nothing of its test speakers is there",
    ]


def test_a_speaker_whom_no_fold_tests_is_refused(corpus):
    with pytest.raises(InputError, match="no fold tests x, y; mend .*folds.tsv"):
        compose(corpus, utterances("axy"))


def test_a_fold_that_names_somebody_else_is_refused(corpus):
    """Whether the speakers are known from the published counts or from the files alone."""
    corpus.folds.write_text("1\ta\n2\tb cc\n5\td\n")
    for one in (corpus, replace(corpus, expected={})):
        with pytest.raises(InputError, match="folds.tsv: names cc, of whom toy has no utterance; its speakers are a, b, c, d"):
            compose(one, utterances("abcd"))


def test_an_empty_fold_table_is_refused_with_the_speakers(corpus):
    corpus.folds.write_text("# to be written\n")
    with pytest.raises(InputError, match="folds.tsv: there are no folds in it; write a line .*: a, b, d"):
        compose(corpus, utterances("abd"))


def test_dev_speakers_have_every_class_where_possible(corpus):
    """b, the next, is sad alone; c has all but is tested with b; d has all. Fold tables and test sets stay."""
    corpus = replace(corpus, expected={})
    sets, remarks = compose(corpus, spoken(a="ahs", b="s", c="ahs", d="ahsu"))
    assert [speakers(sets[f"fold{fold}/dev"]) for fold in FOLDS] == ["c", "d", "a"] and remarks == []
    assert [speakers(sets[f"fold{fold}/test"]) for fold in FOLDS] == ["a", "bc", "d"]
    four = corpus.folds.with_name("four.tsv")
    four.write_text("1\ta\n2\tb\n3\tc\n4\td\n5\te\n")
    corpus = replace(corpus, folds=four)
    for given, chosen in (
        ({"b": "ahs", "c": "s", "d": "ahs", "e": "ahs"}, "bc"),  # the first two
        ({"b": "s", "c": "s", "d": "ahs", "e": "ahs"}, "bd"),
        ({"b": "as", "c": "hs", "d": "ahs", "e": "as"}, "bc"),  # together they have all, and so have those who stay
        ({"b": "s", "c": "as", "d": "hs", "e": "ah"}, "be"),
        ({"b": "s", "c": "s", "d": "ah", "e": "s"}, "bc"),  # nobody else has d's classes, and training comes first
    ):
        sets, _ = compose(corpus, spoken(a="ahs", **given), wanted_folds=[1], dev_speakers=2)
        assert speakers(sets["fold1/dev"]) == chosen, given


def test_a_dev_set_without_some_class_is_warned_of(corpus):
    corpus = replace(corpus, expected={})
    _, remarks = compose(corpus, spoken(a="ahs", b="s", c="ah", d="sa"), wanted_folds=[5])
    assert remarks == []
    sets, remarks = compose(corpus, spoken(a="ahs", b="s", c="s", d="ah"), wanted_folds=[1])
    assert speakers(sets["fold1/dev"]) == "b"  # d alone has angry and happy: training needs them
    assert len(remarks) == 1 and "WARNING: fold1/dev has no angry, happy, which train has" in remarks[0]
    assert "--dev_speakers" in remarks[0] and "--probe_choose_by cross_speaker" in remarks[0]
    official = Corpus("toy", "Toy", ("en",), "none", "nowhere")
    split = [replace(one, split="dev" if one.speaker == "b" else "train") for one in spoken(a="as", b="s")]
    assert "WARNING: dev has no angry" in compose(official, split)[1][-1]


def test_dev_speakers_come_from_the_folds_that_follow():
    present = dict.fromkeys("abcd", {"sad"})
    assert choose_dev_speakers(FOLDS, 1, present, 1) == {"b"}
    assert choose_dev_speakers(FOLDS, 1, present, 2) == {"b", "c"}
    assert choose_dev_speakers(FOLDS, 2, present, 1) == {"d"}
    assert choose_dev_speakers(FOLDS, 5, present, 2) == {"a", "b"}
    assert choose_dev_speakers(FOLDS, 5, dict.fromkeys("bcd", {"sad"}), 1) == {"b"}
    with pytest.raises(InputError, match="--dev_speakers 2: fold 2 has 2 training speakers"):
        choose_dev_speakers(FOLDS, 2, present, 2)


def test_official_splits_and_none_at_all(corpus):
    official = Corpus("toy", "Toy", ("en",), "none", "nowhere")
    sets, remarks = compose(official, utterances("a", "train") + utterances("a", "test"))
    assert {name: len(members) for name, members in sets.items()} == {"all": 4, "train": 2, "test": 2}
    assert remarks == ["no set dev: the corpus has none or nothing of it is there"]
    assert list(compose(official, utterances("ab"))[0]) == ["all"]
