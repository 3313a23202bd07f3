"""Labelling files from the command line, and the console command that leads to all the others."""

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


def test_one_line_a_file(audio, system_dir, capsys):
    predict.main([*audio, "--model", str(system_dir)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for line, path, wanted in zip(lines, audio, Predictor(system_dir)(audio)):
        where, label, posterior = line.split("\t")
        assert (where, label) == (path, wanted.label)
        assert posterior == "  ".join(f"{emotion} {wanted.posterior[emotion]:.3f}" for emotion in EMOTIONS)


def test_explicit_mode_shows_the_rationale(audio, system_dir, capsys):
    predict.main([*audio, "--model", str(system_dir), "--mode", "explicit", "--batch_size", "1"])
    shown = capsys.readouterr().out
    for path, prediction in zip(audio, Predictor(system_dir)(audio, "explicit")):
        _, _, after = shown.partition(f"{path}\t{prediction.label}\t")
        assert after.partition("\n")[2].startswith(f"    {prediction.text}\n") and prediction.text


def test_json(audio, system_dir, capsys):
    predict.main([*audio, "--model", str(system_dir), "--json"])
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
    predict.main([*(str(tmp_path / name) for name in files), "--model", str(system_dir), "--json", "--channel", "mean"])
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
    assert capsys.readouterr().out.startswith(f"{audio[0]}\t")


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
