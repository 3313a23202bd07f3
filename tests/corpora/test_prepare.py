"""A user's own corpus, and what the command promises of any: all or nothing, the same again, no leftovers unsaid."""

from pathlib import Path

import pytest

from c2ser import corpora
from c2ser.corpora import writing
from c2ser.corpora.prepare import prepare
from c2ser.errors import InputError
from tests.media import write_wav

OWN = """
from c2ser.corpora.base import Corpus, Reading, Utterance
from c2ser.corpora.files import walk_audio

CORPUS = Corpus(name="own", title="My corpus", languages=("cs",), licence="mine", source="here")

def read(root):
    utterances = []
    for path, (emotion, speaker), name in walk_audio(root):
        utterances.append(Utterance(f"{speaker}-{name[:-4]}", speaker, emotion, "cs", path, "", gender="f"))
    return Reading(utterances)
"""
RECORDINGS = """
from c2ser.corpora.base import Corpus, Reading, Utterance

CORPUS = Corpus(name="calls", title="Calls", languages=("de",), licence="mine", source="here", channels={2: "mean"})

def read(root):
    rows = [("anna", 0.0, 1.5, "calm"), ("bert", 1.5, 1.9, "bored"), ("anna", 1.9, 2.0, "other")]
    return Reading([
        Utterance(
            f"{who}-{i}", who, emotion, "de", f"{root}/call.wav", "Ja  \\t doch", start=a, end=b, recording="call"
        )
        for i, (who, a, b, emotion) in enumerate(rows)
    ])
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    for name in ("sad/eva/1.wav", "sad/ivo/1.wav", "bored/eva/2.wav"):
        write_wav(tmp_path / "audio" / name, 0.02 if "ivo" in name else 0.4)
    return tmp_path / "own.py"


def test_a_corpus_of_ones_own_is_given_by_the_path_of_its_module(own, tmp_path, run, capsys):
    prepared = run(own, tmp_path / "audio", tmp_path / "data").check()
    assert prepared.sets() == ["all"] and prepared.classes("all") == {"sad": 2, "bored": 1}
    assert prepared["all"].read("utt2dur") == {"eva-1": "0.4000", "eva-2": "0.4000", "ivo-1": "0.0200"}
    assert prepared.listed("all", "suspicious") == {"ivo-1": "20 ms: shorter than one frame"}
    said = capsys.readouterr().out
    assert "nothing was asserted" in said and "1 are shorter than 0.3 s; the shortest lasts 0.020 s" in said


def test_utterances_that_share_a_recording_get_segments(tmp_path, run):
    (tmp_path / "calls.py").write_text(RECORDINGS)
    write_wav(tmp_path / "call.wav", 2.0, channels=2)
    data = run(tmp_path / "calls.py", tmp_path, tmp_path / "data").check()["all"]
    assert data.segments() == {
        "anna-0": ("call", 0.0, 1.5), "anna-2": ("call", 1.9, 2.0), "bert-1": ("call", 1.5, 1.9),
    }  # fmt: skip
    assert list(data.read("wav.scp")) == ["call"] and data.read("reco2channel") == {"call": "mean"}
    assert data.read("utt2dur")["bert-1"] == "0.4000" and data.read("text")["bert-1"] == "Ja doch"


def test_segments_end_with_their_recording_or_are_missing(tmp_path, run):
    (tmp_path / "calls.py").write_text(RECORDINGS)
    write_wav(tmp_path / "call.wav", 1.95, 44100, channels=2)
    data = run(tmp_path / "calls.py", tmp_path, tmp_path / "data").check()["all"]
    assert data.segments()["anna-2"] == ("call", 1.9, 1.95) and data.read("utt2dur")["anna-2"] == "0.0500"
    write_wav(tmp_path / "call.wav", 1.85, 44100, channels=2)
    prepared = run(tmp_path / "calls.py", tmp_path, tmp_path / "other", allow_missing=1).check()
    assert prepared["all"].segments() == {"anna-0": ("call", 0.0, 1.5), "bert-1": ("call", 1.5, 1.85)}
    assert prepared.listed("all", "missing") == {f"{tmp_path}/call.wav": "anna-2: 1.9–2 s, but it lasts 1.8500 s"}


@pytest.mark.parametrize(
    "old, new, message",
    [
        ('f"{speaker}-{name[:-4]}"', 'f"{speaker}- {name}"', "may not be empty nor hold blanks"),
        ('f"{speaker}-{name[:-4]}"', "name", "an id starts with its speaker and a hyphen"),
        ('f"{speaker}-{name[:-4]}"', 'f"{speaker}-x"', "its id belongs to"),
        ('f"{speaker}-{name[:-4]}"', 'f"{speaker}-" + "xX"[int(name[0]) - 1]', "case is not told apart"),
        ("speaker, emotion,", 'speaker, "Sad",', "emotion 'Sad' is written 'sad' here"),
        ("speaker, emotion,", 'speaker, "joy!",', "unknown emotion 'joy!'; use one of angry, .*bored"),
        ('gender="f"', 'gender="w"', "gender 'w': expected m or f"),
        ('source="here"', 'source="here", transcribed=True', "2 utterances without a transcript(.|\n)*--allow_missing 2"),
        ("Reading(utterances)", "Reading([])", "no utterances found in .*audio; set OWN in db.sh, or in the environment"),
        ("Reading(utterances)", "open(f'{root}/texts.tsv')", "audio/texts.tsv: no such file, and own needs it; set OWN"),
        ('("cs",)', '("cz",)', "'cz' is no language code; write 'cs'"),
        ('("cs",)', '("de", "pl")', r"3 utterances are in 'cs', which CORPUS.languages \(de, pl\) does not name: eva-2, eva-1, ivo-1"),
        ('("cs",)', '("cs", "de")', "CORPUS.languages names de, but no utterance is in it"),
        ("CORPUS =", "Corpus_ =", "no corpus of that name"),
    ],
)
def test_what_a_data_directory_cannot_hold_is_refused(own, tmp_path, run, old, new, message):
    assert old in OWN
    own.write_text(OWN.replace(old, new).replace('path, ""', 'path, None if "eva" in path else ""'))
    with pytest.raises(InputError, match=message):
        run(own, tmp_path / "audio", tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_folder_that_is_not_there_is_named_with_the_variable(own, tmp_path, run):
    with pytest.raises(InputError, match="elsewhere: no such directory; set OWN in db.sh"):
        run(own, tmp_path / "elsewhere", tmp_path / "data")


def test_a_corpus_without_transcripts(own, tmp_path, run, capsys):
    """`text` need not be given. Then there is no table text; where some are transcribed, the others have an empty line."""
    own.write_text(OWN.replace('path, "",', "path,"))
    prepared = run(own, tmp_path / "audio", tmp_path / "data")
    assert not prepared["all"].has("text") and prepared.listed("all", "suspicious").keys() == {"ivo-1"}
    assert "no transcripts, and no table text: rationales quote nothing" in capsys.readouterr().out
    own.write_text(OWN.replace('path, "",', 'path, "ano" if speaker == "ivo" else None,'))
    assert run(own, tmp_path / "audio", tmp_path / "data").check()["all"].read("text") == {
        "eva-1": "", "eva-2": "", "ivo-1": "ano",
    }  # fmt: skip
    assert "2 have no transcript" in capsys.readouterr().out


def test_utterances_without_a_label_are_said(own, tmp_path, run, capsys):
    own.write_text(OWN.replace("speaker, emotion,", 'speaker, "unknown" if speaker == "ivo" else emotion,'))
    prepared = run(own, tmp_path / "audio", tmp_path / "data").check()
    assert prepared["all"].unlabelled() == ["ivo-1"] and "1 have no label (unknown)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change, where, what",
    [
        (("def read", "def read(:\ndef read"), "def read(:", "SyntaxError"),
        (("CORPUS =", "TABLE = {}['texts.tsv']\nCORPUS ="), "TABLE =", "KeyError: 'texts.tsv'"),
        (("CORPUS =", "assert not __file__\nCORPUS ="), "assert not", "AssertionError;"),
        (("utterances = []", "utterances = []\n    open(root)"), "open(root)", "IsADirectoryError: "),
        (("utterances = []", "utterances = __import__('json').loads('{')"), "loads", "json.decoder.JSONDecodeError: "),
        (('path, "",', '__import__("pathlib").Path(path), "",'), "utterances.append", "TypeError: utterance eva-2: audio="),
    ],
)  # fmt: skip
def test_what_a_module_of_ones_own_raises_is_told_with_its_line(own, tmp_path, run, change, where, what):
    """The line of the module itself, however deep in another library the exception arises."""
    text = OWN.replace(*change)
    own.write_text(text)
    line = 1 + next(number for number, words in enumerate(text.split("\n")) if where in words)
    with pytest.raises(InputError) as caught:
        run(own, tmp_path / "audio", tmp_path / "data")
    said = str(caught.value)
    assert said.startswith(f"{own}:{line}: {what}") and "\n" not in said, said
    assert not (tmp_path / "data").exists()


def test_a_module_that_returns_or_holds_something_else_is_refused(own, tmp_path, run):
    own.write_text(OWN.replace("return Reading(utterances)", "Reading(utterances)"))
    with pytest.raises(InputError, match=r"own.py: read\(\) returns NoneType; it is to return a Reading"):
        run(own, tmp_path / "audio", tmp_path / "data")
    own.write_text(OWN + "CORPUS = vars(CORPUS)\n")
    with pytest.raises(InputError, match=r"own.py: no corpus of that name;.* CORPUS, a Corpus"):
        run(own, tmp_path / "audio", tmp_path / "data")


def test_what_is_missing_is_listed_although_the_module_cannot_name_it(own, tmp_path, run, capsys):
    expected = "expected={'eva': {'sad': 3, 'bored': 1}, 'ivo': {'sad': 1}}"
    own.write_text(OWN.replace('source="here"', f'source="here", {expected}'))
    prepared = run(own, tmp_path / "audio", tmp_path / "data", allow_missing=2)
    assert prepared.listed("all", "missing") == {"eva sad": "expected 3, found 1"}
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("  2 of 5 utterances are missing (listed in all/missing):")
    assert lines[place + 1] == "  eva sad: expected 3, found 1"


def test_an_unreadable_recording_of_a_corpus_without_counts_is_not_passed_over(own, tmp_path, run, capsys):
    (tmp_path / "audio/sad/eva/1.wav").write_bytes(b"")
    refused = "2 utterances found\nmissing:\n.*sad/eva/1.wav: .*\n1 are missing.*--allow_missing 1"
    with pytest.raises(InputError, match=refused):
        run(own, tmp_path / "audio", tmp_path / "data")
    prepared = run(own, tmp_path / "audio", tmp_path / "data", allow_missing=1).check()
    assert "1 of 3 utterances are missing" in capsys.readouterr().out
    assert list(prepared.listed("all", "missing")) == [str(tmp_path / "audio/sad/eva/1.wav")]


def test_speakers_without_a_gender_are_named(own, tmp_path, run, capsys):
    run(own, tmp_path / "audio", tmp_path / "data")
    assert "gender" not in capsys.readouterr().out
    own.write_text(OWN.replace('gender="f"', 'gender={"Eva": "f", "ivo": "m"}.get(speaker)'))
    run(own, tmp_path / "audio", tmp_path / "data2")
    assert "1 of 2 speakers have no gender: eva;" in capsys.readouterr().out


def test_a_path_that_wav_scp_cannot_hold_is_refused(own, tmp_path, run):
    own.write_text(OWN.replace("{name[:-4]}", "{len(utterances)}"))
    write_wav(tmp_path / "audio/sad/eva/3\t.wav")
    with pytest.raises(InputError, match="a path with TABs"):
        run(own, tmp_path / "audio", tmp_path / "data")


def test_nothing_changes_when_writing_fails(own, tmp_path, run, monkeypatch):
    prepared = run(own, tmp_path / "audio", tmp_path / "data")
    before = {path.name: path.read_bytes() for path in prepared["all"].path.iterdir()}
    write_wav(tmp_path / "audio/sad/eva/3.wav")

    def fail(directory, utterances, *further):
        write_set(directory, utterances[:1], *further)
        raise OSError("the disk is full")

    write_set = writing.write_set
    monkeypatch.setattr("c2ser.corpora.prepare.write_set", fail)
    for target in (tmp_path / "data", tmp_path / "new"):
        with pytest.raises(OSError, match="the disk is full"):
            prepare(corpora.load(str(own)), tmp_path / "audio", target)
    assert {path.name: path.read_bytes() for path in prepared["all"].path.iterdir()} == before
    assert not (tmp_path / "new").exists() and [path.name for path in prepared.path.iterdir()] == ["all"]


def test_sets_that_were_moved_return_when_a_later_one_cannot_be(tmp_path, monkeypatch):
    data = tmp_path / "data"
    for name in ("a", "b"):
        (data / name).mkdir(parents=True)
        (data / name / "old").touch()
    rename = Path.rename

    def refuse(path, target):
        if path.parts[-2:] == ("new", "b"):
            raise PermissionError("refused")
        return rename(path, target)

    def replace():
        with writing.all_or_none(data) as staging:
            for name in ("a", "a2", "b"):
                (staging / name).mkdir()
                (staging / name / "new").touch()

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(PermissionError):
            replace()
    assert sorted(str(path.relative_to(data)) for path in data.rglob("*")) == ["a", "a/old", "b", "b/old"]
    replace()
    after = ["a", "a/new", "a2", "a2/new", "b", "b/new"]
    assert sorted(str(path.relative_to(data)) for path in data.rglob("*")) == after


def test_the_same_again_gives_the_same_bytes(own, tmp_path, run):
    first, second = (run(own, tmp_path / "audio", tmp_path / name)["all"].path for name in ("one", "two"))
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_folds_of_earlier_runs_are_pointed_out(own, tmp_path, run, capsys):
    (tmp_path / "data/fold3/train").mkdir(parents=True)
    (tmp_path / "data/dev").mkdir()
    (tmp_path / "data/mine").mkdir()
    run(own, tmp_path / "audio", tmp_path / "data")
    said = capsys.readouterr().out
    assert said.count("is left from an earlier run") == 2
    assert "data/fold3 is left" in said and "data/dev is left" in said


def test_folds_are_chosen_and_options_are_checked(tmp_path, build, run):
    names = [f"m{s}.{e}_{w}_{r}.wav" for s in range(1, 6) for e in "asn"
             for w in ("nie", "oddaj", "podaj", "stop", "tak", "trzymaj") for r in range(1, 6)]  # fmt: skip
    root = build(tmp_path / "POLISH", names)
    prepared = run("polish", root, tmp_path / "data", folds="2 4", dev_speakers=3).check()
    assert prepared.sets() == sorted(
        ["all", *(f"fold{k}/{part}" for k in (2, 4) for part in ("train", "test", "train_nodev", "dev"))]
    )
    assert list(prepared["fold4/dev"].read("spk2utt")) == ["m1", "m2", "m3"]
    assert list(prepared["fold4/train_nodev"].read("spk2utt")) == ["m4"]
    for options, message in (
        ({"folds": "6"}, "--folds 6: the folds of polish are 1 2 3 4 5"),
        ({"folds": "one"}, "--folds 'one': expected numbers"),
        ({"dev_speakers": 4}, "fold 1 has 4 training speakers"),
        ({"dev_speakers": -1}, "numbers from 0"),
        ({"allow_missing": -1}, "numbers from 0"),
    ):
        with pytest.raises(InputError, match=message):
            run("polish", root, tmp_path / "data", **options)
