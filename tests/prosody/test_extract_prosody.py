"""The command that measures a data directory, whole or in parts, from files or from a dump."""

import logging
import sys

import pytest
import soundfile

from c2ser.ark import ArkWriter
from c2ser.audio import read_utterances, to_pcm16
from c2ser.bin.extract_prosody import main
from c2ser.datadir import DataDir, read_table
from c2ser.errors import InputError

TABLES = ("utt2f0", "utt2loudness", "utt2rate", "utt2articulation")


def measure(data, out, *options):
    main(["--data_dir", str(data.path), "--out_dir", str(out), *options])
    return [read_table(out / table) for table in TABLES]


def test_values_and_their_form(data_dir, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    f0, loudness, rate, spoken = measure(data_dir, tmp_path / "out")
    assert float(f0["a-1"]) == pytest.approx(220, rel=0.01) and float(f0["a-2"]) == pytest.approx(110, rel=0.01)
    assert [len(f0[utterance].partition(".")[2]) for utterance in ("a-1", "a-2")] == [2, 2]
    assert f0["b-1"] == f0["b-2"] == "nan"
    assert float(loudness["a-1"]) - float(loudness["a-2"]) == pytest.approx(6.02, abs=1.0)
    assert loudness["b-1"] == "-inf"
    assert rate == {"a-1": "3.000", "a-2": "1.000", "b-1": "nan", "b-2": f"{2 / (112 / 16000):.3f}"}
    assert spoken == rate  # nothing but the vowels
    assert "utt2f0: 4 utterances, 2 without a value (no voiced frame): b-1, b-2" in caplog.text
    assert "utt2loudness: 4 utterances, 1 without a value (silence): b-1" in caplog.text
    assert "utt2rate: 4 utterances, 1 without a value (no transcript to count): b-1" in caplog.text


def test_parts_joined_are_the_whole(data_dir, tmp_path):
    measure(data_dir, tmp_path / "whole")
    for number, utterances in (("1", ["a-1"]), ("2", ["a-2", "b-1", "b-2"])):
        part = DataDir(data_dir.path / "split2" / number)
        for table in ("wav.scp", "utt2spk", "utt2lang", "text"):
            part.write(table, {key: value for key, value in data_dir.read(table).items() if key in utterances})
        measure(part, part.path)
    for table in TABLES:
        parts = [(data_dir.path / "split2" / number / table).read_bytes() for number in "12"]
        assert b"".join(parts) == (tmp_path / "whole" / table).read_bytes()


def test_a_dump_is_read_in_place_of_the_files(data_dir, tmp_path):
    """Of recordings in 16 bits, as the dump holds them, it gives the very same."""
    with ArkWriter(tmp_path / "dump/audio.ark", tmp_path / "dump/wav.scp") as writer:
        for utterance, samples in list(read_utterances(data_dir)):
            writer[utterance] = 16000, to_pcm16(samples)
            soundfile.write(tmp_path / f"{utterance}.wav", to_pcm16(samples), 16000)
    whole = measure(data_dir, tmp_path / "whole")
    data_dir.write("wav.scp", {"x": "/nowhere.wav"})
    assert measure(data_dir, tmp_path / "dumped", "--audio_scp", str(tmp_path / "dump/wav.scp")) == whole


def test_a_hole_in_the_dump_is_found_before_the_work_begins(data_dir, tmp_path):
    (tmp_path / "wav.scp").write_text("a-1 /nowhere.wav\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"wav.scp: no entry for 3 utterances \(a-2, b-1, b-2\); rerun"):
        measure(data_dir, tmp_path / "out", "--audio_scp", str(tmp_path / "wav.scp"))
    assert not (tmp_path / "out").exists()


def test_a_broken_file_leaves_nothing_behind(data_dir, tmp_path):
    (tmp_path / "b-2.wav").write_bytes(b"")
    with pytest.raises(InputError, match="utterance b-2: .*empty"):
        measure(data_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_transcripts_there_is_no_rate(data_dir, tmp_path):
    (data_dir.path / "text").unlink()
    assert set(measure(data_dir, tmp_path / "out")[2].values()) == {"nan"}


def test_a_missing_language_is_named(data_dir, tmp_path):
    data_dir.write("utt2lang", {"a-1": "it"})
    with pytest.raises(InputError, match=r"utt2lang: no entry for 3 utterances \(a-2, b-1, b-2\)"):
        measure(data_dir, tmp_path / "out")


def test_method_options_arrive(data_dir, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "phonemizer.backend", None)
    from c2ser.prosody import rate

    rate._espeak_backend.cache_clear()
    with pytest.raises(InputError, match="phonemizer"):
        measure(data_dir, tmp_path / "out", "--rate_method", "espeak")
    with pytest.raises(InputError, match="fcnf0"):
        measure(data_dir, tmp_path / "out", "--f0_method", "penn", "--f0_checkpoint", str(tmp_path / "none.pt"))


def test_commands_run_only_when_allowed(data_dir, tmp_path):
    entries = data_dir.read("wav.scp")
    data_dir.write("wav.scp", {utterance: f"cat {entry} |" for utterance, entry in entries.items()})
    with pytest.raises(InputError, match="allow_commands"):
        measure(data_dir, tmp_path / "out")
    assert measure(data_dir, tmp_path / "out", "--allow_commands", "true")[2]["a-1"] == "3.000"
