"""Frozen features: every depth, batches and jobs that change nothing, interrupted runs, long and short files."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from c2ser.ark import ArkWriter, read_ark
from c2ser.audio import read_audio
from c2ser.bin import collect_parts, extract_features
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError
from c2ser.inference.emotion_encoder import EmotionEncoder
from c2ser.models.whisper_encoder import WhisperEncoder
from tests.builders import dump
from tests.closeness import assert_rounds_alike


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    return dump(tmp_path_factory.mktemp("dump") / "dump", 7)


@pytest.fixture(scope="module")
def files(system_dir):
    return {"config": system_dir / "e2v_s/config.yaml", "checkpoint": system_dir / "e2v_s/model.pth"}


def run(audio, out, **options):
    argv = ["--audio_scp", audio / "wav.scp", "--num_samples", audio / "speech_shape", "--out_dir", out]
    for name, value in options.items():
        argv += [f"--{name}", value]
    extract_features.main([str(word) for word in argv])
    return read(out)


def read(out):
    return {path.stem: {utt: read_ark(entry) for utt, entry in read_table(path).items()} for path in out.glob("*.scp")}


def singly(audio):
    for utterance, entry in read_table(audio / "wav.scp").items():
        samples = torch.from_numpy(read_audio(entry))
        yield utterance, samples[None], torch.tensor([len(samples)])


def same(made, wanted):
    assert set(made) == set(wanted)
    for name in wanted:
        assert list(made[name]) == list(wanted[name])
        for utterance in wanted[name]:
            assert_rounds_alike(made[name][utterance], wanted[name][utterance])


@pytest.mark.parametrize("mode", ["extra_tokens", "mean"])
def test_emotion_features(audio, files, tmp_path, mode):
    made = run(audio, tmp_path / "out", **files, utterance_mode=mode)
    encoder = EmotionEncoder(**files, utterance_mode=mode)
    assert set(made) == {"tokens", "layers"} and (tmp_path / "out/dim").read_text() == "24\n"
    assert (tmp_path / "out/layers").read_text() == "4 72\n" and read_table(tmp_path / "out/short") == {}
    assert list(made["tokens"]) == list(made["layers"]) == list(read_table(audio / "wav.scp"))
    for utterance, speech, lengths in singly(audio):
        tokens, layers, _ = (value[0].numpy() for value in encoder.depths(speech, lengths))
        assert made["tokens"][utterance].shape == (10, 24) and made["layers"][utterance].shape == (4, 72)
        assert made["tokens"][utterance].dtype == made["layers"][utterance].dtype == np.float32
        assert_rounds_alike(made["tokens"][utterance], tokens)
        assert_rounds_alike(made["layers"][utterance], layers)


def test_whisper_features(audio, whisper_pt, tmp_path):
    made = run(audio, tmp_path / "out", checkpoint=whisper_pt)
    encoder = WhisperEncoder.from_checkpoint(whisper_pt).eval()
    assert set(made) == {"layers"} and (tmp_path / "out/layers").read_text() == "4 32\n"
    assert not (tmp_path / "out/dim").exists()
    for utterance, speech, lengths in singly(audio):
        with torch.no_grad():
            depths = [frames[0].numpy() for frames, _ in encoder.depths(speech, lengths)]
        wanted = [np.concatenate([frames.mean(0), frames.std(0)]) for frames in depths]
        np.testing.assert_allclose(made["layers"][utterance], wanted, atol=1e-4)


def test_size_of_batches_and_parts_changes_nothing(audio, files, tmp_path):
    large = run(audio, tmp_path / "large", **files, batch_seconds=100)
    same(run(audio, tmp_path / "small", **files, batch_seconds="0.01", part_utterances=2), large)


def test_jobs_share_the_utterances(audio, files, tmp_path):
    whole, out = run(audio, tmp_path / "whole", **files), tmp_path / "shared"
    for job in (1, 2):
        run(audio, out, **files, job=job, num_jobs=2)
    lengths = [int(value) for value in read_table(audio / "speech_shape").values()]
    shares = [read_table(out / f"split2/{job}/tokens.scp") for job in (1, 2)]
    counts = read_table(audio / "speech_shape")
    assert [sorted(int(counts[utterance]) for utterance in share) for share in shares] == [
        sorted(lengths)[::2], sorted(lengths)[1::2]
    ]  # fmt: skip
    write_table(tmp_path / "data/wav.scp", read_table(audio / "wav.scp"))
    write_table(tmp_path / "data/utt2spk", {utterance: "s1" for utterance in counts})
    tables = [["--table", str(out / f"split2/*/{name}.scp"), str(out / f"{name}.scp")] for name in ("tokens", "layers")]
    collect_parts.main(["--data_dir", str(tmp_path / "data"), *sum(tables, [])])
    same(read(out), whole)
    assert [(out / f"split2/{job}/dim").read_text() for job in (1, 2)] == ["24\n", "24\n"]
    assert (out / "split2/2/layers").read_text() == "4 72\n"


def test_an_interrupted_run_goes_on(audio, files, tmp_path, caplog, monkeypatch):
    """The second attempt computes the rest only; a third nothing; one with another option everything."""
    caplog.set_level(logging.INFO)
    whole, out = run(audio, tmp_path / "whole", **files), tmp_path / "out"
    heard = []

    def counting(self, speech, lengths, original=EmotionEncoder.depths):
        heard.extend(lengths.tolist())
        if len(heard) == stop:
            raise KeyboardInterrupt
        return original(self, speech, lengths)

    monkeypatch.setattr(EmotionEncoder, "depths", counting)
    options = {**files, "part_utterances": 2, "batch_seconds": "0.01"}
    stop = 6  # in the third of four parts
    with pytest.raises(KeyboardInterrupt):
        run(audio, out, **options)
    assert not list(out.glob("*.scp")) and not list(out.rglob("*.partial"))
    assert len(list(out.glob("parts/tokens.*.scp"))) == len(list(out.glob("parts/layers.*.ark"))) == 2
    stop = None
    for expected, message in ((3, "2 of 4 parts are there"), (0, "4 of 4 parts are there")):
        heard.clear()
        caplog.clear()
        same(run(audio, out, **{**options, "batch_seconds": 9}), whole)
        assert len(heard) == expected and message in caplog.text
    caplog.clear()
    run(audio, out, **options, out_dtype="float16")
    assert len(heard) == 7 and "earlier run" not in caplog.text


def test_another_checkpoint_starts_anew(audio, files, tmp_path):
    first = run(audio, tmp_path / "out", **files)
    state = torch.load(files["checkpoint"], weights_only=True)
    torch.save({name: value * 1.5 for name, value in state.items()}, tmp_path / "other.pth")
    second = run(audio, tmp_path / "out", config=files["config"], checkpoint=tmp_path / "other.pth")
    assert np.abs(first["tokens"]["s1_00"] - second["tokens"]["s1_00"]).max() > 1e-2


def test_half_precision_on_disk_and_in_products(audio, files, tmp_path):
    whole = run(audio, tmp_path / "whole", **files)
    half = run(audio, tmp_path / "half", **files, out_dtype="float16")
    assert half["layers"]["s1_00"].dtype == np.float16
    for name, table in whole.items():
        for utterance, value in table.items():
            np.testing.assert_allclose(half[name][utterance], value, atol=5e-3)
    rough = run(audio, tmp_path / "rough", **files, precision="bf16")
    difference = np.abs(rough["layers"]["s1_03"] - whole["layers"]["s1_03"]).mean()
    assert 0 < difference < 0.02 * np.abs(whole["layers"]["s1_03"]).mean()


def test_five_minutes_and_seven_milliseconds(files, whisper_pt, tmp_path, caplog):
    """A long file is the mean over its chunks; a file shorter than one frame is that file with zeros after it."""
    random = np.random.default_rng(0)
    lengths = {"a_long": 300 * 16000, "b_short": 112, "c_filled": 400}
    waves = {name: random.normal(0, 3000, length).astype(np.int16) for name, length in lengths.items()}
    waves["c_filled"] = np.pad(waves["b_short"], (0, 288))
    with ArkWriter(tmp_path / "audio.ark", tmp_path / "wav.scp") as writer:
        for name, wave in waves.items():
            writer[name] = 16000, wave
    write_table(tmp_path / "speech_shape", lengths)
    made = run(tmp_path, tmp_path / "out", **files)
    assert read_table(tmp_path / "out/short") == {"b_short": "112"} and "1 utterances are shorter" in caplog.text
    for name in ("tokens", "layers"):
        assert_rounds_alike(made[name]["b_short"], made[name]["c_filled"])

    encoder, parts = EmotionEncoder(**files), torch.from_numpy(waves["a_long"] / np.float32(32768)).view(10, -1)
    tokens, layers, counts = encoder.depths(parts, torch.full((10,), 480000))
    assert counts.tolist() == [1499] * 10
    assert_rounds_alike(made["tokens"]["a_long"], tokens.mean(0))
    assert_rounds_alike(made["layers"]["a_long"][:, :48], layers.mean(0)[:, :48])
    frames = encoder.model(parts[:, :], torch.full((10,), 480000))[0].flatten(0, 1)
    assert_rounds_alike(made["layers"]["a_long"][-1, 48:], frames.std(0, unbiased=False))
    assert run(tmp_path, tmp_path / "whisper", checkpoint=whisper_pt)["layers"]["a_long"].shape == (4, 32)


MEASURE = """
import sys
from c2ser.bin import extract_features
for argv in (sys.argv[1].split("|"), sys.argv[2].split("|")):
    extract_features.main(argv)
    print(int(open("/proc/self/statm").read().split()[1]) * 4 // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="resident memory is read from /proc")
def test_memory_stays_flat_over_many_lengths(files, tmp_path):
    """A fresh process, as oneDNN reads the size of its caches once: 200 batches, each of another length."""
    random, argvs = np.random.default_rng(0), []
    for name, step in (("few", 1600), ("many", 320)):
        lengths = {f"u{number:05d}": number for number in range(1000, 1000 + 200 * 320, step)}
        with ArkWriter(tmp_path / name / "audio.ark", tmp_path / name / "wav.scp") as writer:
            for utterance, length in lengths.items():
                writer[utterance] = 16000, random.normal(0, 1000, length).astype(np.int16)
        write_table(tmp_path / name / "lengths", lengths)
        options = {"audio_scp": tmp_path / name / "wav.scp", "num_samples": tmp_path / name / "lengths", **files}
        options = {**options, "batch_seconds": 0.01, "out_dir": tmp_path / name / "out"}
        argvs.append("|".join(f"--{key}|{value}" for key, value in options.items()))
    done = subprocess.run([sys.executable, "-c", MEASURE, *argvs], capture_output=True, text=True, check=True)
    few, many = map(int, done.stdout.split())
    assert many < few + 80  # MB; it grows by 250 and more where the caches keep what they like


def test_nothing_is_left_after_an_error(audio, files, tmp_path):
    broken = shutil.copytree(audio, tmp_path / "dump")
    lines = (broken / "wav.scp").read_text().splitlines()
    longest = max(read_table(audio / "speech_shape").items(), key=lambda item: int(item[1]))[0]
    lines = [f"{longest} /nowhere.ark:5" if line.startswith(longest) else line for line in lines]
    (broken / "wav.scp").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=f"utterance {longest}: /nowhere.ark:5: no such file"):
        run(broken, tmp_path / "out", **files, batch_seconds=0.01)
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == [
        "dim", "inputs.json", "layers", "short"
    ]  # fmt: skip


def test_faults_are_named(audio, files, tmp_path):
    for options, words in (
        ({**files, "utterance_mode": "first"}, "utterance_mode 'first': expected one of"),
        ({"checkpoint": files["checkpoint"]}, "not an openai-whisper checkpoint"),
        ({**files, "job": 3, "num_jobs": 2}, "--job 3: expected 1 to --num_jobs 2"),
        ({**files, "chunk_seconds": 0.01}, "--chunk_seconds 0.01: at least 0.1"),
        ({**files, "batch_seconds": 0}, "--batch_seconds must be above 0"),
    ):
        with pytest.raises(InputError, match=words):
            run(audio, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
