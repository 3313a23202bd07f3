"""Keys change with what goes in, and with nothing else; markers say why a stage runs again."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from c2ser.errors import InputError
from c2ser.recipe import inputs as inputs_module
from c2ser.recipe.done import begin, end, lost_output
from c2ser.recipe.inputs import collect, key_of, marker_path, tree_digest


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
        ({"markers": ["exp/a"]}, "exp/a/.done: no such marker; .* without --stage"),
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
    end("exp/a")
    assert now() == ("skip", "up to date")
    assert now(force=True) == ("redo", "forced")
    end("exp/a")
    (recipe / "conf" / "a b.yaml").write_text("x: 2\n")
    assert now() == ("redo", "conf/a b.yaml changed")
    assert not (recipe / "exp" / "a" / ".done").exists()
    (recipe / "conf" / "a b.yaml").write_text("x: 3\n")
    assert now() == ("redo", "conf/a b.yaml changed")
    assert now()[0] == "resume"
    end("exp/a")
    assert now() == ("skip", "up to date")


def test_the_difference_names_what_is_new_and_gone(recipe):
    begin("exp/a", collect(**FULL))
    end("exp/a")
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
    end("exp/a")
    made.mkdir()
    assert now("x=2") == ("skip", True)
    with pytest.raises(InputError, match="holds the current directory"):
        begin("exp/a", collect(values=["x=3"]), clean=[".."])
    assert now("x=2") == ("skip", True)


def test_a_configuration_counts_by_its_content(recipe):
    """Not by its folder's name; but two files of one name are told apart."""
    (recipe / "conf2").mkdir()
    (recipe / "conf2" / "a b.yaml").write_text("x: 1\n")
    assert key_of(collect(files=["conf/a b.yaml"])) == key_of(collect(files=["conf2/a b.yaml"]))
    begin("exp/a", collect(files=["conf/a b.yaml"]))
    end("exp/a")
    assert begin("exp/a", collect(files=["conf2/a b.yaml"])) == ("skip", "up to date")
    both = dict(files=["conf/a b.yaml", "conf2/a b.yaml"])
    (recipe / "conf2" / "a b.yaml").write_text("x: 2\n")
    one = key_of(collect(**both))
    (recipe / "conf" / "a b.yaml").write_text("x: 2\n")
    (recipe / "conf2" / "a b.yaml").write_text("x: 1\n")
    assert key_of(collect(**both)) != one


def corpus(root):
    """A folder with files on two levels, all of one size and time."""
    (root / "m1").mkdir(parents=True)
    for name in ("m1/a.wav", "m1/b.wav", "readme"):
        (root / name).write_bytes(b"1234")
        os.utime(root / name, (1e9, 1e9))


@pytest.mark.parametrize(
    "edit",
    [
        lambda root: (root / "m1/a.wav").unlink(),
        lambda root: (root / "m1/c.wav").write_bytes(b""),
        lambda root: (root / "m1/a.wav").rename(root / "a.wav"),
        lambda root: (root / "readme").write_bytes(b"12345"),
        lambda root: os.utime(root / "m1/b.wav", (1e9, 1e9 + 1)),
    ],
)
def test_every_edit_of_a_corpus_is_seen(recipe, edit):
    corpus(recipe / "corpus x")
    inputs = collect(trees=["corpus x"])
    (recipe / "corpus x" / ".DS_Store").write_text("hidden")
    (recipe / "corpus x" / "m1" / "again").symlink_to("..")  # a loop must end
    begin("exp/a", inputs)
    end("exp/a")
    assert begin("exp/a", collect(trees=["corpus x"])) == ("skip", "up to date")
    edit(recipe / "corpus x")
    assert begin("exp/a", collect(trees=["corpus x"])) == ("redo", "files of corpus x changed")


def test_a_corpus_is_opened_nowhere(recipe):
    """Only listed: an unreadable file changes nothing, and 100,000 take about a second."""
    corpus(recipe / "c")
    with mock.patch("builtins.open", side_effect=AssertionError("opened")):
        assert len(tree_digest("c")) == 64


def test_large_files_are_read_once(recipe, monkeypatch):
    monkeypatch.setattr(inputs_module, "LARGE", 4)
    path = recipe / "conf" / "weights.pt"
    path.write_bytes(b"abcdef")
    os.utime(path, (1e9, 1e9))
    expected = hashlib.sha256(b"abcdef").hexdigest()
    with mock.patch.object(inputs_module, "sha256", wraps=inputs_module.sha256) as reading:
        for _ in range(2):
            assert collect(files=["conf/weights.pt"])[0].digest == expected
        assert reading.call_count == 1
        path.write_bytes(b"abcdeF")
        assert collect(files=["conf/weights.pt"])[0].digest == hashlib.sha256(b"abcdeF").hexdigest()
        written = path.stat().st_mtime_ns
        path.write_bytes(b"abcdEF")
        os.utime(path, ns=(written, written))  # within a tick of the clock
        assert collect(files=["conf/weights.pt"])[0].digest == hashlib.sha256(b"abcdEF").hexdigest()
    (recipe / "data/.digests").write_text("{cut o")
    assert collect(files=["conf/weights.pt"])[0].digest == hashlib.sha256(b"abcdEF").hexdigest()


def test_what_a_stage_made_is_looked_for(recipe):
    dump = recipe / "dump"

    def make():
        dump.mkdir(exist_ok=True)
        (dump / "a.1.ark").write_bytes(b"12345")
        (dump / "a.scp").write_text("u1 a.1.ark:3\n")

    def now():
        return begin("data/.done.dump", [], out=["dump/*.ark", "dump/a.scp", "dump"], stage="2")

    now()
    with pytest.raises(InputError, match=r"dump/\*.ark: the stage has ended without making it"):
        end("data/.done.dump")
    make()
    end("data/.done.dump")
    assert now() == ("skip", "up to date")
    (dump / "a.1.ark").write_bytes(b"123")
    assert lost_output(recipe / "data/.done.dump") == "dump/a.1.ark has 3 bytes, but was made with 5"
    (dump / "a.1.ark").unlink()
    with pytest.raises(InputError, match=r"dump/a.1.ark is gone: run ./run.sh --stage 2 --stop_stage 2, then this again"):
        begin("exp/b", collect(markers=["data/.done.dump"]), needs=["data/.done.dump"], clean=["data/train"])
    assert (recipe / "data/train/text").is_file() and not (recipe / "exp/b").exists()
    assert now() == ("redo", "dump/a.1.ark is gone")
    make()
    end("data/.done.dump")
    begin("exp/b", collect(markers=["data/.done.dump"]), needs=["data/.done.dump"])
    end("exp/b")
    (dump / "a.1.ark").unlink()  # of no concern to what is done already
    assert begin("exp/b", collect(markers=["data/.done.dump"]), needs=["data/.done.dump"])[0] == "skip"


def test_nothing_finished_is_removed_before_its_successor_is_there(recipe):
    dump = recipe / "dump" / "all"

    def now(value):
        return begin("data/.done.dump", collect(values=[value]), clean=["dump/all"])[0]

    now("x=0")
    dump.mkdir(parents=True)
    assert now("x=1") == "redo" and not dump.exists() and not (recipe / "dump/.all.old").exists()  # never finished
    dump.mkdir()
    (dump / "ark").write_text("first")
    end("data/.done.dump")
    assert now("x=2") == "redo" and not dump.exists()
    kept = recipe / "dump" / ".all.old" / "ark"
    assert kept.read_text() == "first"
    dump.mkdir()
    (dump / "ark").write_text("half")
    assert now("x=3") == "redo" and not dump.exists() and kept.read_text() == "first"
    dump.mkdir()
    assert now("x=3") == "resume" and kept.read_text() == "first"
    end("data/.done.dump")
    assert not kept.exists() and dump.exists()


def test_it_needs_the_standard_library_only():
    code = "import sys, c2ser.recipe.done; print([name for name in ('numpy', 'torch', 'yaml') if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment).stdout == "[]\n"


def made(name):
    """A stage that makes the folder `name`, begun; its predecessor makes room."""
    verdict = begin("exp/m", collect(values=[f"x={name}"]), clean=[path for path in ("exp/a", "exp/b") if Path(path).is_dir()])
    Path("exp", name).mkdir(parents=True)
    return verdict[0]


def test_a_kill_before_the_replaced_is_removed_leaves_it_to_the_next_run(recipe):
    for name in ("a", "b"):
        made(name)
        with mock.patch("c2ser.recipe.done.remove", side_effect=KeyboardInterrupt):
            try:
                end("exp/m")
            except KeyboardInterrupt:
                assert name == "b"
    assert sorted(os.listdir("exp")) == [".a.old", "b", "m"]
    assert begin("exp/m", collect(values=["x=b"]))[0] == "skip" and sorted(os.listdir("exp")) == ["b", "m"]


def test_what_was_replaced_goes_although_the_resumed_stage_names_it_no_more(recipe):
    made("a")
    end("exp/m")
    assert made("b") == "redo"  # and is killed
    assert begin("exp/m", collect(values=["x=b"]))[0] == "resume"
    end("exp/m")
    assert sorted(os.listdir("exp")) == ["b", "m"]


def test_a_kill_while_room_is_made_loses_nothing(recipe):
    """The stage then begins anew; what was not set aside yet still counts as finished."""
    made("a")
    end("exp/m")
    Path("exp/b").mkdir()
    real = Path.rename

    def rename(path, to):
        if path.name != "a":
            raise KeyboardInterrupt
        return real(path, to)

    with mock.patch.object(Path, "rename", rename):
        with pytest.raises(KeyboardInterrupt):
            begin("exp/m", collect(values=["x=c"]), clean=["exp/a", "exp/b"])
    assert begin("exp/m", collect(values=["x=c"]), clean=["exp/a", "exp/b"])[0] == "redo"
    assert sorted(os.listdir("exp")) == [".a.old", ".b.old", "m"]
    Path("exp/c").mkdir()
    end("exp/m")
    assert sorted(os.listdir("exp")) == ["c", "m"]
