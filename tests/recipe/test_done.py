"""Keys change with what goes in, and with nothing else; markers say why a stage runs again."""

import subprocess
import sys

import pytest

from c2ser.errors import InputError
from c2ser.recipe.done import begin, begun_path, collect, key_of, main, marker_path


@pytest.fixture(autouse=True)
def recipe(tmp_path, monkeypatch):
    """A recipe folder with a few inputs, as the current directory."""
    folder = tmp_path / "recipe"
    (folder / "data" / "train").mkdir(parents=True)
    (folder / "conf").mkdir()
    (folder / "conf" / "a b.yaml").write_text("x: 1\n")
    (folder / "data" / "train" / "text").write_text("u1 tak\n")
    (folder / "data" / "train" / "utt2emo").write_text("u1 sad\n")
    (folder / "data" / "train" / ".done").write_text("KEY1\n# value abc nj\n")
    monkeypatch.chdir(folder)
    return folder


FULL = dict(files=["conf/a b.yaml"], globs=["data/train/*"], values=["nj=8"], markers=["data/train"])


def finish(name):
    begun_path(marker_path(name)).rename(marker_path(name))


def test_the_key_depends_on_names_contents_and_values(recipe):
    key = key_of(collect(**FULL))
    assert len(key) == 64 and key == key_of(collect(**FULL))
    (recipe / "data" / "train" / ".hidden").write_text("not matched by *")
    (recipe / "data" / "train" / "split2").mkdir()
    assert key == key_of(collect(**FULL))
    others = {key_of(collect(**(FULL | {"values": ["nj=9"]}))), key_of(collect(**(FULL | {"markers": []})))}
    (recipe / "data" / "train" / ".done").write_text("KEY2\n")
    others.add(key_of(collect(**FULL)))
    (recipe / "data" / "train" / ".done").write_text("KEY1\n# comments do not count\n")
    assert key == key_of(collect(**FULL))
    (recipe / "data" / "train" / "text").write_text("u1 nie\n")
    others.add(key_of(collect(**FULL)))
    (recipe / "data" / "train" / "text").rename(recipe / "data" / "train" / "text2")
    others.add(key_of(collect(**FULL)))
    assert len(others) == 5 and key not in others


def test_order_and_way_of_naming_do_not_count(recipe):
    one = collect(files=["data/train/text", "data/train/utt2emo"], values=["a", "b"])
    two = collect(files=[str(recipe / "data/train/utt2emo"), "./data//train/text"], values=["b", "a"])
    three = collect(globs=["data/**/*"], values=["a", "b"])
    assert key_of(one) == key_of(two) == key_of(three)


@pytest.mark.parametrize(
    "inputs, words",
    [
        ({"files": ["conf/absent.yaml"]}, "conf/absent.yaml: no such file"),
        ({"files": ["data/train"]}, "data/train: a directory"),
        ({"globs": ["data/test/*"]}, r"data/test/\*: no file matches"),
        ({"markers": ["exp/a"]}, "exp/a/.done: no such marker"),
    ],
)
def test_missing_inputs_are_named(inputs, words):
    with pytest.raises(InputError, match=words):
        collect(**inputs)


def test_marker_path():
    assert str(marker_path("exp/a")) == "exp/a/.done"
    assert str(marker_path("data/a/.done.prepare")) == "data/a/.done.prepare"


def test_verdicts(recipe):
    def now(**options):
        return begin("exp/a", collect(**FULL), **options)

    assert now() == ("run", "not done yet")
    assert now() == ("resume", "it was interrupted, its inputs are the same")
    finish("exp/a")
    assert now() == ("skip", "up to date")
    assert now(force=True) == ("redo", "forced")
    finish("exp/a")
    (recipe / "conf" / "a b.yaml").write_text("x: 2\n")
    assert now() == ("redo", "conf/a b.yaml changed")
    assert not (recipe / "exp" / "a" / ".done").exists()
    (recipe / "conf" / "a b.yaml").write_text("x: 3\n")
    assert now() == ("redo", "conf/a b.yaml changed")
    assert now()[0] == "resume"
    finish("exp/a")
    assert now() == ("skip", "up to date")


def test_the_difference_names_what_is_new_and_gone(recipe):
    begin("exp/a", collect(**FULL))
    finish("exp/a")
    (recipe / "data" / "train" / "text").unlink()
    (recipe / "data" / "train" / "segments").write_text("u1 r 0 1\n")
    why = begin("exp/a", collect(**(FULL | {"values": ["nj=9"]})))[1]
    assert why == "nj changed, data/train/segments is new, data/train/text is gone"


def test_clean_removes_unless_resumed(recipe):
    made = recipe / "exp" / "a" / "checkpoints"

    def now(value):
        verdict = begin("exp/a", collect(values=[value]), clean=["exp/a/checkpoints", "exp/a/log", "exp/none"])[0]
        return verdict, made.exists()

    made.mkdir(parents=True)
    (recipe / "exp" / "a" / "log").write_text("a file")
    assert now("x=1") == ("run", False)
    assert not (recipe / "exp" / "a" / "log").exists()
    made.mkdir()
    assert now("x=1") == ("resume", True)
    assert now("x=2") == ("redo", False)
    finish("exp/a")
    made.mkdir()
    assert now("x=2") == ("skip", True)
    with pytest.raises(InputError, match="holds the current directory"):
        begin("exp/a", collect(values=["x=3"]), clean=[".."])
    assert now("x=2") == ("skip", True)


def test_commands(capsys):
    def key(*words):
        main(["key", *words])
        return capsys.readouterr().out.strip()

    first = key("--file", "conf/a b.yaml", "--glob", "data/train/*", "--value", "nj=8", "--done", "data/train")
    assert first == key_of(collect(**FULL))
    assert main(["check", "exp/a", first]) == 1
    assert main(["mark", "exp/a", first]) == 0
    assert main(["check", "exp/a", first]) == 0
    assert main(["check", "exp/a", key("--value", "nj=9")]) == 1


def test_it_needs_the_standard_library_only():
    code = "import sys, c2ser.recipe.done; print([name for name in ('numpy', 'torch', 'yaml') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
