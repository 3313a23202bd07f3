"""Labelling files from the command line, and the console command that leads to all the others."""

import csv
import io
import json
import sys

import numpy as np
import pytest
import soundfile

from c2ser import cli
from c2ser.bin import predict, predict_onnx
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.predictor import Predictor
from c2ser.rows import row_writer
from tests.builders import waves
from tests.closeness import nearly
from tests.inference.conftest import assert_same


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    folder, (speech, lengths) = tmp_path_factory.mktemp("audio files"), waves([8000, 5000])
    paths = []
    for number, (wave, length) in enumerate(zip(speech, lengths.tolist())):
        paths.append(str(folder / f"{number}.wav"))
        soundfile.write(paths[-1], wave[:length].numpy(), 16000)
    return paths


@pytest.fixture(scope="module")
def wanted(audio, system_dir):
    return Predictor(system_dir)(audio)


def test_a_table(audio, system_dir, wanted, capsys):
    predict.main([*audio, "--model", str(system_dir)])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["audio", "label", *EMOTIONS] and len(lines) == 2
    for line, path, answer in zip(lines, audio, wanted):
        assert line.startswith(path + "  ")  # which holds a blank
        values = [f"{answer.posterior[emotion]:.3f}" for emotion in EMOTIONS]
        assert line.removeprefix(path).split() == [answer.label, *values]
        columns = [head.index(emotion) for emotion in EMOTIONS]
        assert [line[place : place + 5] for place in columns] == values


@pytest.mark.parametrize(("form", "dialect"), [("csv", "excel"), ("tsv", "excel-tab")])
def test_separated_values_are_read_back(audio, system_dir, wanted, capsys, form, dialect, tmp_path):
    """Also where a name holds what parts fields; by Python's own reader."""
    odd = tmp_path / "a,b\t\"c\".wav"
    odd.write_bytes(open(audio[0], "rb").read())
    predict.main([str(odd), audio[1], "--model", str(system_dir), "--format", form])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out), dialect=dialect))
    assert list(rows[0]) == ["audio", "label", "text", "sound", *(f"p_{emotion}" for emotion in EMOTIONS)]
    for row, path, answer in zip(rows, (str(odd), audio[1]), wanted, strict=True):
        assert (row["audio"], row["label"], row["text"], row["sound"]) == (path, answer.label, answer.text, "True")
        assert {one: float(row[f"p_{one}"]) for one in EMOTIONS} == nearly(answer.posterior)


def test_a_table_is_aligned_in_chinese():
    """As a terminal shows it, where a Chinese character takes two columns."""
    stream = io.StringIO()
    write = row_writer("table", ["愤怒", "calm"], ["a.wav", "录音.wav"], ("sound",), stream)
    for name, label in (("a.wav", "calm"), ("录音.wav", "愤怒")):
        write({"audio": name, "label": label, "posterior": {"愤怒": 0.25, "calm": 0.75}, "sound": True})
    shown = [[2 * (sign > "\u2e80") or 1 for sign in line[: line.rindex(" ")]] for line in stream.getvalue().splitlines()]
    assert stream.getvalue().splitlines()[1] == "a.wav     calm   0.250  0.750"
    assert len({sum(columns) for columns in shown}) == 1


def test_explicit_mode_shows_the_rationale(audio, system_dir, capsys):
    predict.main([*audio, "--model", str(system_dir), "--mode", "explicit", "--batch_size", "1"])
    shown = capsys.readouterr().out.splitlines()[1:]
    for row, below, path, answer in zip(shown[::2], shown[1::2], audio, Predictor(system_dir)(audio, "explicit"), strict=True):
        assert row.startswith(f"{path}  {answer.label}") and below == f"    {answer.text}" and answer.text


def test_classes_of_ones_own(audio, system_dir, capsys):
    """Known ones, another spelling, a new word, one of two words: as the Predictor says, which is held to the model's
    own pass in tests/inference."""
    predict.main([*audio, "--model", str(system_dir), "--labels", "anger, sad,  no love", "--format", "json"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    answers = Predictor(system_dir, labels=["anger", "sad", "no love"])(audio)
    assert [list(one["posterior"]) for one in told] == [["anger", "sad", "no love"]] * 2
    for one, answer in zip(told, answers):
        assert one["label"] == answer.label and one["posterior"] == nearly(answer.posterior)
    assert predict.label_words("angry  sad") == ["angry", "sad"]


def test_folders_and_patterns(audio, system_dir, capsys, tmp_path, monkeypatch):
    """All sounds below a folder, what fits a pattern, and a file whose name looks like one; in order."""
    for name in ("in/b.wav", "in/deep/a.WAV", "in/notes.txt", "x[1].wav", "out.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(open(audio[0], "rb").read())
    monkeypatch.chdir(tmp_path)
    for given, files in {
        ("in",): ["in/b.wav", "in/deep/a.WAV"],
        ("**/*.wav",): ["in/b.wav", "out.wav", "x[1].wav"],
        ("x[1].wav", "in/*.wav"): ["x[1].wav", "in/b.wav"],
    }.items():
        predict.main([*given, "--model", str(system_dir), "--format", "csv"])
        assert [row["audio"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == files
    for given, message in (("empty", "empty: no file that ends in .wav"), ("*.flac", r"\*.flac: fits no file")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=message):
            predict.main([given, "--model", str(system_dir)])


def test_bad_files_are_left_out(audio, system_dir, wanted, capsys, caplog, tmp_path):
    """And said, counted and told by the status; without --skip_bad the first of them ends it all."""
    (tmp_path / "cut.wav").write_bytes(open(audio[0], "rb").read()[:5000])
    (tmp_path / "short.wav").write_bytes(open(audio[0], "rb").read()[:44])
    bad = [str(tmp_path / name) for name in ("cut.wav", "short.wav", "none.wav")]
    argv = [bad[0], audio[0], *bad[1:], audio[1], "--model", str(system_dir), "--format", "json"]
    assert predict.main([*argv, "--skip_bad"]) == 3
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["audio"] for one in told] == audio
    assert [one["posterior"] for one in told] == [nearly(answer.posterior) for answer in wanted]
    said = [line for line in caplog.messages if "left out" in line]
    assert [line.partition(": ")[2].startswith(path) for line, path in zip(said, bad)] == [True] * 3
    assert said[3] == "3 of 5 files were left out"
    with pytest.raises(InputError, match="cut.wav: truncated"):
        predict.main(argv)
    with pytest.raises(InputError, match="none of 3 files could be read"):
        predict.main([*bad, "--model", str(system_dir), "--skip_bad"])
    assert predict.main([*audio, "--model", str(system_dir), "--skip_bad"]) == 0


def test_json(audio, system_dir, capsys):
    predict.main([*audio, "--model", str(system_dir), "--format", "json"])
    for line, path, wanted in zip(capsys.readouterr().out.splitlines(), audio, Predictor(system_dir)(audio)):
        fields = json.loads(line)
        assert set(fields) == {"audio", "label", "posterior", "text", "sound"}
        assert (fields["audio"], fields["label"], fields["text"]) == (path, wanted.label, wanted.text)
        assert fields["posterior"] == nearly(wanted.posterior)


def test_files_of_a_list(audio, system_dir, capsys, tmp_path):
    """As many as there are: a command line holds some 100,000 names, not more."""
    predict.main([*audio, "--model", str(system_dir)])
    wanted = capsys.readouterr().out
    (tmp_path / "list").write_text("\n".join(audio) + "\n\n")
    predict.main(["--files", str(tmp_path / "list"), "--model", str(system_dir)])
    assert capsys.readouterr().out == wanted


@pytest.mark.parametrize(
    "given, message",
    [
        ([], "name the files to label, or a list of them with --files, and not both"),
        (["a.wav", "--files", "list"], "name the files to label, or a list of them with --files, and not both"),
        (["--files", "empty"], "--files empty: the list is empty"),
        (["--files", "none"], "none: no such file"),
    ],
)
def test_files_that_are_not_named(given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").write_text("\n")
    for command, model in ((predict, "exp"), (predict_onnx, "model.onnx")):
        with pytest.raises(InputError, match=message):
            command.main([*given, "--model", model])


def test_no_more_is_held_than_a_window(audio, system_dir, monkeypatch):
    """What is read before the first answer, the second, …: a window of three files, or of so many seconds."""
    predictor, read = Predictor(system_dir), []

    def files():
        for number in range(7):
            read.append(number)
            yield audio[number % 2]  # 0.5 s and 0.3125 s

    wanted = predictor(list(files()))
    for limit, windows in ({"WINDOW": 3}, [3, 3, 3, 6, 6, 6, 7]), ({"WINDOW_SECONDS": 0.8}, [2, 2, 4, 4, 6, 6, 7]):
        with monkeypatch.context() as patch:
            for name, value in limit.items():
                patch.setattr(f"c2ser.inference.predictor.{name}", value)
            read.clear()
            held = [(len(read), prediction) for prediction in predictor.each(files())]
        assert [number for number, _ in held] == windows
        assert_same([prediction for _, prediction in held], wanted)


def test_silence_is_answered_and_named(audio, system_dir, tmp_path, capsys, caplog):
    """Silence, an offset alone, one step of 16 bits, and channels that cancel; beside them sound, once softer than they."""
    wave, step = soundfile.read(audio[0])[0], 2.0**-15
    files = {
        "zeros.wav": np.zeros(8000), "offset.wav": np.full(8000, 0.1), "steps.wav": np.resize([0, step], 8000),
        "opposite.wav": np.stack([wave, -wave], 1), "sound.wav": wave, "soft.wav": np.resize([0, 4 * step], 8000),
    }  # fmt: skip
    for name, samples in files.items():
        soundfile.write(tmp_path / name, samples, 16000)
    predict.main([*(str(tmp_path / name) for name in files), "--model", str(system_dir), "--format", "json", "--channel", "mean"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["sound"] for one in told] == [False] * 4 + [True] * 2
    assert all(one["label"] in EMOTIONS for one in told)
    silent = [line for line in caplog.messages if "no sound in it" in line]
    assert [line.partition(": ")[0] for line in silent] == [str(tmp_path / name) for name in list(files)[:4]]
    (cancelled,) = [line for line in caplog.messages if "cancel" in line]
    assert cancelled.startswith(f"{tmp_path}/opposite.wav: its channels cancel each other")


def test_what_streams_says_that_there_was_no_sound(system_dir):
    *_, last = Predictor(system_dir).stream(np.zeros(8000), "implicit")
    assert last.label in EMOTIONS and not last.sound


def console(monkeypatch, *arguments):
    """Run `c2ser` with these arguments; returns its exit status."""
    monkeypatch.setattr(sys, "argv", ["c2ser", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return left.value.code or 0


def test_console_command(audio, system_dir, capsys, monkeypatch):
    assert console(monkeypatch, "predict", audio[0], "--model", str(system_dir)) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith(f"{audio[0]}  ")


def test_console_command_names_faults(system_dir, capsys, monkeypatch, tmp_path):
    assert console(monkeypatch, "predict", "absent.wav", "--model", str(system_dir)) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: absent.wav: no such file"
    assert console(monkeypatch, "predict", "absent.wav", "--model", str(tmp_path)) == 1
    assert f"error: {tmp_path}/model.yaml: no such file" in capsys.readouterr().err


def test_console_command_lists_the_others(capsys, monkeypatch):
    assert console(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    names = ("predict", "prepare-data", "make-cot", "train-emotion2vec-s", "pack")
    assert all(f"  {name} " in shown for name in names) and "  common " not in shown
    assert console(monkeypatch) == 2
    assert capsys.readouterr().out == shown
    assert console(monkeypatch, "predikt") == 2
    assert "error: unknown command 'predikt'; c2ser --help lists them" in capsys.readouterr().err


def test_every_command_has_options_with_help(monkeypatch):
    import importlib

    for name in cli.commands():
        parser = importlib.import_module(f"c2ser.bin.{name.replace('-', '_')}").get_parser()
        assert parser.description or "train" in name
        if "train" not in name:  # those two are ESPnet's, with its options
            assert [action.dest for action in parser._actions if not action.help] == []
