"""Calibrating on a decoded development set, and decoding with what came out."""

import json

import pytest

from c2ser.bin import calibrate, decode
from c2ser.datadir import read_table, write_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.calibration import Calibration
from tests.builders import dump

P = (0.9, 0.85, 0.96, 0.6, 0.7)
"""Posterior of the first class; the last two utterances are of the other."""


@pytest.fixture
def dev(tmp_path):
    """(data directory, decoding) of five utterances; a prior towards the first class hides the second."""
    data, folder, utterances = tmp_path / "dev", tmp_path / "decode", [f"s_{number}" for number in range(5)]
    write_table(data / "utt2emo", dict(zip(utterances, ["angry", "angry", "angry", "sad", "sad"])))
    write_table(data / "utt2spk", dict.fromkeys(utterances, "s"))
    write_table(folder / "posteriors", {utt: f"{value} {1 - value:.6g}" for utt, value in zip(utterances, P)})
    write_table(folder / "utt2scored", dict.fromkeys(utterances, "angry"))
    (folder / "labels").write_text("angry\nsad\n")
    (folder / "decode.json").write_text('{"mode": "explicit"}')
    return data, folder


def options(dev, *more):
    data, folder = dev
    return ["--data_dir", str(data), "--decode_dir", str(folder), "--out", str(data.parent / "c.json"), *map(str, more)]


def test_priors_of_every_source(dev, tmp_path, capsys):
    write_table(tmp_path / "train/utt2emo", {f"t{number}": "angry" if number < 9 else "sad" for number in range(10)})
    write_table(tmp_path / "prior", {"angry": 3, "sad": 1})
    calibrate.main(options(dev, "--train_dir", tmp_path / "train", "--prior_file", tmp_path / "prior"))
    made = Calibration.read(tmp_path / "c.json")
    assert (made.labels, made.mode, set(made.priors)) == (("angry", "sad"), "explicit", {"dev", "train", "file"})
    assert made.priors["train"].probabilities == pytest.approx((0.9, 0.1))
    assert made.priors["file"].probabilities == pytest.approx((0.75, 0.25))
    tempered = [value ** (1 / made.temperature) for value in P]
    others = [(1 - value) ** (1 / made.temperature) for value in P]
    mean = sum(one / (one + other) for one, other in zip(tempered, others)) / 5
    assert made.priors["dev"].probabilities == pytest.approx((mean, 1 - mean), abs=1e-6)
    account = json.loads((tmp_path / "c.json").read_text())
    assert (account["utterances"], account["left_out"]) == (5, 0)
    measured = account["development_set"]
    assert measured["uncorrected"]["ua"] == measured["none"]["ua"] == 0.5
    assert measured["none"]["nll"] <= measured["uncorrected"]["nll"]
    assert measured["train"]["ua"] == measured["dev"]["ua"] == measured["file"]["ua"] == 1.0
    assert "prior train" in capsys.readouterr().out


def test_other_classes_are_left_out_and_told(dev, tmp_path, caplog):
    write_table(dev[0] / "utt2emo", {**read_table(dev[0] / "utt2emo"), "s_0": "happy"})
    calibrate.main(options(dev))
    assert json.loads((tmp_path / "c.json").read_text())["left_out"] == 1
    assert "1 of 5 utterances are of classes that the system lacks: left out" in caplog.text


def test_faults_are_named(dev, tmp_path):
    def fails(message, *more):
        with pytest.raises(InputError, match=message):
            calibrate.main(options(dev, *more))
        assert not (tmp_path / "c.json").exists()

    write_table(tmp_path / "train/utt2emo", {"t": "angry"})
    fails("train/utt2emo: no utterance is sad; is it the set trained on", "--train_dir", tmp_path / "train")
    for rows, message in (
        ({"angry": 1}, "holds angry; one line for each of angry, sad"),
        ({"angry": 1, "sad": 0}, "must be above 0"),
        ({"angry": 1, "sad": "x"}, "could not convert"),
    ):
        write_table(tmp_path / "prior", rows)
        fails(f"prior: .*{message}", "--prior_file", tmp_path / "prior")
    (dev[1] / "decode.json").write_text('{"mode": "explicit", "calibration": {"temperature": 2}}')
    fails("was decoded with a calibration already")
    (dev[1] / "decode.json").unlink()
    fails("names no mode")
    (dev[1] / "posteriors").unlink()
    (dev[1] / "labels").unlink()
    fails("holds no posteriors; decode with the method score")


def test_from_decoding_to_corrected_decoding(system_dir, tmp_path):
    data = dump(tmp_path / "dump", 4)
    utterances = list(read_table(data / "wav.scp"))
    write_table(data / "utt2spk", dict.fromkeys(utterances, "s"))
    write_table(data / "utt2emo", dict(zip(utterances, EMOTIONS)))

    def run(out, *more, config="methods: [score]\n"):
        (tmp_path / "decode.yaml").write_text(config)
        argv = ["--model", system_dir, "--mode", "implicit", "--data_dir", data, "--audio_scp", data / "wav.scp"]
        decode.main(
            [str(word) for word in (*argv, "--config", tmp_path / "decode.yaml", "--out_dir", tmp_path / out, *more)]
        )
        return read_table(tmp_path / out / "posteriors")

    plain = run("dev")
    calibrate.main([
        "--data_dir", str(data), "--decode_dir", str(tmp_path / "dev"), "--model", str(system_dir), "--out",
        str(tmp_path / "c.json"),
    ])  # fmt: skip
    made = Calibration.read(tmp_path / "c.json")
    assert set(made.priors) == {"dev", "content_free"} and made.mode == "implicit"
    assert sum(made.priors["content_free"].probabilities) == pytest.approx(1)
    assert made.priors["content_free"].probabilities != pytest.approx(made.priors["dev"].probabilities, abs=1e-4)

    config = "methods: [score]\nprior: content_free\nprior_strength: 1.0\n"
    corrected = run("test", "--calibration", tmp_path / "c.json", config=config)
    for utterance in utterances:
        row = [float(value) ** (1 / made.temperature) for value in plain[utterance].split()]
        row = [value / share for value, share in zip(row, made.priors["content_free"].probabilities)]
        found = [float(value) for value in corrected[utterance].split()]
        assert found == pytest.approx([value / sum(row) for value in row], rel=1e-3)
    account = json.loads((tmp_path / "test/decode.json").read_text())["calibration"]
    assert (account["prior"], account["strength"], account["temperature"]) == ("content_free", 1.0, made.temperature)
    assert account["probabilities"] == pytest.approx(made.priors["content_free"].probabilities)
    with pytest.raises(InputError, match="was decoded with a calibration already"):
        calibrate.main(
            ["--data_dir", str(data), "--decode_dir", str(tmp_path / "test"), "--out", str(tmp_path / "d.json")]
        )
