"""The command that labels what both teachers agree on."""

import json

import pytest

from c2ser.bin import make_silver
from c2ser.datadir import DataDir, read_table
from c2ser.datadir.validate import validate
from c2ser.errors import InputError

SPEECH = {
    "a-1": ("happy", 0.9),
    "a-2": ("sad", 0.9),
    "a-3": ("sad", 0.7),
    "b-1": ("happy", 0.9),
    "b-2": ("happy", 0.95),
}
TEXT = {"a-1": ("happy", 0.8), "a-2": ("happy", 0.8), "a-3": ("sad", 0.8), "b-1": ("happy", 0.4), "b-2": ("happy", 0.9)}
OPTIONS = ("--speech_threshold", "0.8 sad=0.6", "--text_threshold", "0.5")


def directory(path, emotions, utterances=("a-1", "a-2", "a-3", "b-1", "b-2", "b-3")):
    data = DataDir(path)
    data.write_speakers({utterance: utterance[0] for utterance in utterances})
    if emotions is not None:
        data.write("utt2emo", emotions)
    return data


@pytest.fixture
def data(tmp_path):
    """b-2 has a label of its own; of b-3 the teachers say nothing."""
    emotions = dict.fromkeys(("a-1", "a-2", "a-3", "b-1", "b-3"), "unknown") | {"b-2": "angry"}
    return directory(tmp_path / "train", emotions)


@pytest.fixture
def argv(data, teacher):
    return ["--data_dir", data.path, "--speech", teacher("speech", SPEECH), "--text", teacher("text", TEXT)]


def run(*argv):
    make_silver.main([str(word) for word in argv])


def test_labels_confidences_and_counts(data, argv, capsys):
    before = (data.path / "utt2emo").read_bytes()
    run(*argv, *OPTIONS)
    assert read_table(data.path / "utt2emo.silver") == {"a-1": "happy", "a-3": "sad"}
    assert read_table(data.path / "utt2emo.silver.conf") == {"a-1": "0.900000 0.800000", "a-3": "0.700000 0.800000"}
    assert read_table(data.path / "utt2emo.silver.excluded") == {
        "a-2": "disagree", "b-1": "text below", "b-2": "gold label", "b-3": "no audio"
    }  # fmt: skip
    report = json.loads((data.path / "utt2emo.silver.json").read_text())
    assert report["kept"] == {"happy": 1, "sad": 1} and (report["silver"], report["utterances"]) == (2, 6)
    assert {reason: count for reason, count in report["left_out"].items() if count} == dict.fromkeys(
        ("disagree", "text below", "gold label", "no audio"), 1
    )
    assert report["thresholds"]["speech"] == {"happy": 0.8, "sad": 0.6} and report["measured"] is None
    assert (data.path / "utt2emo").read_bytes() == before
    shown = capsys.readouterr().out
    assert "2 of 6 utterances get a silver label: 1 happy, 1 sad" in shown
    assert "left out: 1 gold label, 1 no audio, 1 disagree, 1 text below" in shown


def test_a_directory_with_silver_labels_is_valid(data, argv):
    run(*argv, *OPTIONS)
    validate(data.path, require=("utt2spk", "utt2emo"))


def test_without_utt2emo_everything_is_unlabelled(tmp_path, argv):
    bare = directory(tmp_path / "bare", None)
    argv[1] = bare.path
    run(*argv, *OPTIONS)
    assert read_table(bare.path / "utt2emo.silver") == {"a-1": "happy", "a-3": "sad", "b-2": "happy"}
    assert not bare.has("utt2emo")


def test_nothing_kept_is_said_and_written(data, argv, caplog):
    run(*argv, *OPTIONS)
    run(*argv, "--speech_threshold", "1", "--text_threshold", "1")
    assert "no utterance got a silver label" in caplog.text
    assert read_table(data.path / "utt2emo.silver") == {} == read_table(data.path / "utt2emo.silver.conf")


@pytest.fixture
def gold(tmp_path, argv, teacher):
    """Two labelled speakers: happy is right where the speech teacher has 0.9, and a coin at 0.6; sad is never right."""
    speech, text, labels = {}, {}, {}
    for speaker in ("g", "h"):
        for number in range(24):
            utterance = f"{speaker}-{number:02d}"
            label = "sad" if number >= 20 else "happy"
            speech[utterance], text[utterance] = (label, 0.9 if number < 12 else 0.6), (label, 0.7)
            labels[utterance] = "angry" if number >= 20 or number >= 12 and number % 2 else "happy"
    argv[3:4] = [argv[3], teacher("speech_gold", speech)]
    argv[argv.index("--text") + 1 :] = [argv[-1], teacher("text_gold", text)]
    return directory(tmp_path / "gold", labels, sorted(labels))


def test_precision_is_measured_on_a_labelled_part(data, argv, gold, capsys):
    run(*argv, "--speech_threshold", "0.5", "--text_threshold", "0.5", "--gold_dir", gold.path)
    report = json.loads((data.path / "utt2emo.silver.json").read_text())
    happy, sad = report["measured"]["happy"], report["measured"]["sad"]
    assert (happy["kept"], happy["right"], happy["gold"], happy["coverage"]) == (40, 32, 32, 1.0)
    assert (sad["kept"], sad["right"], report["cross_fitted"]) == (8, 0, False)
    assert 0.65 < happy["low"] < happy["precision"] == 0.8 < happy["high"]
    assert "happy         32     100.0     40     32       80.0" in capsys.readouterr().out


def test_thresholds_are_chosen_for_a_precision(data, argv, gold, capsys):
    run(*argv, "--gold_dir", gold.path, "--precision", "0.9")
    report = json.loads((data.path / "utt2emo.silver.json").read_text())
    assert report["thresholds"]["speech"] == {"happy": 0.9, "sad": None}
    assert report["measured"]["happy"]["precision"] == 1.0 and report["measured"]["happy"]["kept"] == 24
    assert report["cross_fitted"] and read_table(data.path / "utt2emo.silver") == {"a-1": "happy"}
    assert read_table(data.path / "utt2emo.silver.excluded")["a-3"] == "class off"
    assert "do not reach the precision and are left out: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, fault",
    [
        ((), "give --speech_threshold and --text_threshold, or let --precision choose them"),
        (("--speech_threshold", "0.5"), "give --speech_threshold and --text_threshold"),
        (("--precision", "0.8"), "--precision needs --gold_dir"),
        ((*OPTIONS, "--gold_dir", "DATA/../train", "DATA"), "b-2 is in another --gold_dir, too"),
        (("--precision", "80", "--gold_dir", "DATA"), "--precision 80.0: expected a share"),
        ((*OPTIONS, "--gold_dir", "EMPTY"), "empty/utt2emo: no labelled utterance"),
        ((*OPTIONS, "--gold_dir", "OTHER"), "--speech: posteriors of no labelled utterance of .*other"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_written(data, argv, tmp_path, options, fault):
    directory(tmp_path / "empty", {"a-1": "unknown"})
    directory(tmp_path / "other", {"o-1": "sad"}, ["o-1"])
    places = {"DATA": str(data.path), "EMPTY": str(tmp_path / "empty"), "OTHER": str(tmp_path / "other")}
    for short, path in places.items():
        options = [option.replace(short, path) for option in options]
    with pytest.raises(InputError, match=fault):
        run(*argv, *options)
    assert sorted(path.name for path in data.path.iterdir()) == ["spk2utt", "utt2emo", "utt2spk"]
