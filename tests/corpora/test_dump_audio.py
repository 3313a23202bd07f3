"""The audio dump: 16 kHz mono 16-bit, the same for any number of jobs; faults stop it unless they may be left out."""

import numpy as np
import pytest
import soundfile

from c2ser.ark import read_ark
from c2ser.bin import dump_audio
from c2ser.datadir import DataDir, read_table
from c2ser.errors import InputError


@pytest.fixture
def data(tmp_path):
    """Seven utterances: rates, channels, formats, and two that share a recording."""
    rng = np.random.default_rng(0)
    scp, channels = {}, {}
    for number, (rate, count) in enumerate([(16000, 1), (48000, 2), (44100, 1), (8000, 1), (16000, 2)]):
        samples = rng.uniform(-1, 1, (rate // 2 + number, count))
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, samples, rate, subtype="FLOAT" if number % 2 else "PCM_16")
        scp[f"s-{number}"] = str(path)
        if count == 2:
            channels[f"s-{number}"] = "mean" if number == 4 else "2"
    data = DataDir(tmp_path / "data")
    segments = {f"s-{n}": f"s-{n} 0 0.5" for n in range(5)} | {"s-5": "s-0 0.1 0.2", "s-6": "s-0 0.2 0.5"}
    for table, values in (("wav.scp", scp), ("reco2channel", channels), ("segments", segments)):
        data.write(table, values)
    data.write_speakers({utterance: "s" for utterance in segments})
    return data


def split(data, out, jobs):
    """The data directory cut into `jobs` parts, as split_data_dir.sh leaves them."""
    ids = data.utterances()
    for job in range(jobs):
        part = DataDir(out / str(job + 1))
        chosen = ids[job * len(ids) // jobs : (job + 1) * len(ids) // jobs]
        part.write_speakers({utterance: "s" for utterance in chosen})
        part.write("segments", {utterance: data.read("segments")[utterance] for utterance in chosen})
        for table in ("wav.scp", "reco2channel"):
            part.write(table, data.read(table))
    return out


def dump(data_dir, out, job=1, **options):
    argv = ["--data_dir", str(data_dir), "--out_dir", str(out), "--job", str(job)]
    for option, value in options.items():
        argv += [f"--{option}", value]
    dump_audio.main(argv)
    return {utterance: read_ark(entry) for utterance, entry in read_table(out / f"audio.{job}.scp").items()}


def test_samples_and_lengths_do_not_depend_on_the_number_of_jobs(data, tmp_path):
    whole = dump(data.path, tmp_path / "dump")
    assert list(whole) == data.utterances()
    for jobs in (2, 3, 7):
        parts, lengths = {}, {}
        for job in range(1, jobs + 1):
            parts |= dump(split(data, tmp_path / str(jobs), jobs) / str(job), tmp_path / f"dump{jobs}", job)
            lengths |= read_table(tmp_path / f"dump{jobs}" / f"utt2num_samples.{job}")
        assert parts.keys() == whole.keys() and lengths == read_table(tmp_path / "dump" / "utt2num_samples.1")
        for utterance, (rate, samples) in parts.items():
            assert rate == 16000 and samples.dtype == np.int16 and samples.ndim == 1
            assert np.array_equal(samples, whole[utterance][1]) and len(samples) == int(lengths[utterance])


def test_what_is_16_khz_mono_already_keeps_its_samples(data, tmp_path):
    whole = dump(data.path, tmp_path / "dump")
    original, _ = soundfile.read(data.read("wav.scp")["s-0"], dtype="int16")
    assert np.array_equal(whole["s-0"][1], original) and np.array_equal(whole["s-5"][1], original[1600:3200])
    both, _ = soundfile.read(data.read("wav.scp")["s-4"])
    assert np.abs(whole["s-4"][1] / 32768 - both.mean(axis=1)[:8000]).max() < 1 / 32768


def test_a_fault_stops_the_job_and_leaves_nothing(data, tmp_path):
    (tmp_path / "2.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match="utterance s-2: .*2.wav: not audio"):
        dump(data.path, tmp_path / "dump")
    assert list((tmp_path / "dump").iterdir()) == []


def test_faults_are_left_out_on_demand_and_listed(data, tmp_path):
    for name in ("2.wav", "4.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    dumped = dump(data.path, tmp_path / "dump", skip_bad="true")
    assert list(dumped) == ["s-0", "s-1", "s-3", "s-5", "s-6"]
    assert list(read_table(tmp_path / "dump/utt2num_samples.1")) == list(dumped)
    excluded = read_table(tmp_path / "dump/excluded.1")
    assert list(excluded) == ["s-2", "s-4"] and "not audio" in excluded["s-2"]
    for name in ("2.wav", "4.wav"):
        soundfile.write(tmp_path / name, np.zeros((9000, 1)), 16000)
    data.write("reco2channel", {"s-1": "2"})
    assert len(dump(data.path, tmp_path / "dump", skip_bad="true")) == 7
    assert not (tmp_path / "dump/excluded.1").exists()


def test_a_malformed_table_or_no_readable_audio_at_all_always_stops_it(data, tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.wav").unlink()
    with pytest.raises(InputError, match="none of its 7 utterances could be read; first: .*no such file"):
        dump(data.path, tmp_path / "dump", skip_bad="true")
    (data.path / "reco2channel").write_text("s-1\n")
    with pytest.raises(InputError, match="reco2channel:1: s-1 has no value"):
        dump(data.path, tmp_path / "dump", skip_bad="true")


def test_commands_run_only_when_allowed(data, tmp_path):
    (data.path / "segments").unlink()
    data.write_speakers({"s-0": "s"})
    data.write("wav.scp", {"s-0": f"cat {tmp_path}/0.wav |"})
    with pytest.raises(InputError, match="--allow_commands true"):
        dump(data.path, tmp_path / "dump")
    assert len(dump(data.path, tmp_path / "dump", allow_commands="true")["s-0"][1]) == 8000
