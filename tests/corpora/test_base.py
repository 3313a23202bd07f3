"""Descriptions of corpora and their fold tables."""

import subprocess
import sys

import pytest

from c2ser import corpora
from c2ser.corpora.base import Corpus, read_folds, uniform
from c2ser.errors import InputError

SIZES = {"polish": 450, "emovo": 588, "casia": 1200, "esd": 35000, "meld": 13706, "m3ed": 24437, "emo_emilia": 1400}
FOLDS = {"polish": (360, 90), "emovo": (490, 98), "casia": (900, 300), "esd": (28000, 7000)}


def test_every_corpus_is_found_and_described():
    assert set(SIZES) <= set(corpora.available())  # one's own may lie beside them
    for name, size in SIZES.items():
        corpus = corpora.load(name).CORPUS
        assert (corpus.name, corpus.total()) == (name, size)
        assert corpus.licence and corpus.source and corpus.languages
        assert bool(corpus.folds) == (name in FOLDS)


def test_naming_them_imports_none():
    code = "import sys; from c2ser import corpora; print(*corpora.available()); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, modules = map(str.split, done.stdout.splitlines())
    assert set(SIZES) <= set(names) and not {"base", "joint", "prepare"} & set(names)
    assert [name for name in modules if name.startswith("c2ser.corpora.")] == []


@pytest.mark.parametrize("name", FOLDS)
def test_folds_test_every_speaker_once_with_the_published_sizes(name):
    corpus = corpora.load(name).CORPUS
    folds = corpus.read_folds()
    tested = [speaker for speakers in folds.values() for speaker in speakers]
    assert sorted(tested) == sorted(corpus.expected)
    for speakers in folds.values():
        test = sum(sum(corpus.expected[speaker].values()) for speaker in speakers)
        assert (corpus.total() - test, test) == FOLDS[name]


def test_folds_are_those_of_the_benchmark():
    def table(name):
        return [" ".join(speakers) for speakers in corpora.load(name).CORPUS.read_folds().values()]

    assert table("polish") == ["m3", "m2", "m4", "m5", "m1"]
    assert table("emovo") == ["f2", "m3", "m2", "f3", "f1", "m1"]
    assert table("casia") == ["wangzhe", "zhaozuoxiang", "liuchanhg", "zhaoquanyin"]
    assert table("esd") == [
        "0005 0011 0016 0018", "0012 0014 0015 0019", "0003 0004 0006 0009", "0007 0008 0013 0020",
        "0001 0002 0010 0017",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "lines, message",
    [
        ("x\ta", "2: expected .*a TAB"),
        ("1 a", "2: expected .*a TAB"),
        ("1\t", "2: expected .*speakers"),
        ("1\ta\n1\tb", "3: fold 1 stands above already"),
        ("1\ta b\n2\tc\n3\tb d", "4: b: tested in a fold above already"),
    ],
)
def test_a_malformed_fold_table_is_refused(tmp_path, lines, message):
    (tmp_path / "folds.tsv").write_text(f"# source\n{lines}\n")
    with pytest.raises(InputError, match=f"folds.tsv:{message}"):
        read_folds(tmp_path / "folds.tsv")


@pytest.mark.parametrize(
    "wrong, message",
    [({"languages": ("de")}, r"write \('de',\)"), ({"expected": {"sad": 3}}, "speaker → emotion → number.* write {}")],
)
def test_a_misdescribed_corpus_is_refused(wrong, message):
    with pytest.raises(InputError, match=f"toy: .*{message}"):
        Corpus(**{"name": "toy", "title": "", "languages": ("de",), "licence": "", "source": "", **wrong})


def test_an_absent_fold_table_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_folds(tmp_path / "folds.tsv")


def test_uniform():
    assert uniform("ab", ("sad", "happy"), 3) == {"a": {"sad": 3, "happy": 3}, "b": {"sad": 3, "happy": 3}}


@pytest.mark.parametrize("name", ["iemocap", "base", "../casia", "nowhere/mine.py", ""])
def test_an_unknown_corpus_is_refused(name):
    with pytest.raises(InputError, match="no corpus of that name|no such file"):
        corpora.load(name)
