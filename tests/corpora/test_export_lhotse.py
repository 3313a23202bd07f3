"""The lhotse manifests, as plain JSON and, where lhotse is installed, as lhotse reads them."""

import gzip
import json

import pytest

from c2ser.bin import export_lhotse
from c2ser.datadir import DataDir
from c2ser.errors import InputError
from tests.media import write_wav


@pytest.fixture
def data(tmp_path):
    """A mono and a stereo file, the latter with two segments; one speaker's gender is known."""
    data = DataDir(tmp_path / "data")
    scp = {
        "call": str(write_wav(tmp_path / "a b.wav", 2.0, 44100, 2)),
        "eva-1": str(write_wav(tmp_path / "c.wav", 0.3)),
    }
    segments = {"eva-1": "eva-1 0 0.3", "eva-2": "call 0.25 1.75", "ivo-1": "call 1.75 2.0"}
    tables = {
        "wav.scp": scp,
        "segments": segments,
        "reco2channel": {"call": "2"},
        "text": {"eva-1": "Dobrý den", "eva-2": "", "ivo-1": "ne"},
        "utt2emo": {"eva-1": "sad", "eva-2": "calm", "ivo-1": "happy"},
        "utt2lang": dict.fromkeys(segments, "cs"),
        "utt2f0": {"eva-1": "210.5", "eva-2": "nan"},
        "utt2loudness": {"eva-1": "-23.10", "eva-2": "-inf"},
        "utt2rate": {"eva-1": "10.500", "eva-2": "0.000"},
        "spk2gender": {"eva": "f"},
    }
    for table, values in tables.items():
        data.write(table, values)
    data.write_speakers({"eva-1": "eva", "eva-2": "eva", "ivo-1": "ivo"})
    return data


def export(data, out):
    export_lhotse.main(["--data_dir", str(data.path), "--out_dir", str(out)])
    manifests = [gzip.open(out / f"{name}.jsonl.gz", "rt", encoding="utf-8") for name in ("recordings", "supervisions")]
    return [[json.loads(line) for line in manifest] for manifest in manifests]


def test_manifests(data, tmp_path):
    recordings, supervisions = export(data, tmp_path / "out")
    assert recordings[0] == {
        "id": "call",
        "sources": [{"type": "file", "channels": [0, 1], "source": str(tmp_path / "a b.wav")}],
        "sampling_rate": 44100, "num_samples": 88200, "duration": 2.0, "channel_ids": [0, 1],
    }  # fmt: skip
    assert [entry["id"] for entry in recordings] == ["call", "eva-1"]
    assert supervisions[0] == {
        "id": "eva-1", "recording_id": "eva-1", "start": 0.0, "duration": 0.3, "channel": 0, "text": "Dobrý den",
        "language": "cs", "speaker": "eva", "gender": "female",
        "custom": {"emotion": "sad", "f0": 210.5, "loudness": -23.1, "speaking_rate": 10.5},
    }  # fmt: skip
    assert [(entry["start"], entry["duration"], entry["channel"]) for entry in supervisions[1:]] == [
        (0.25, 1.5, 1), (1.75, 0.25, 1),
    ]  # fmt: skip
    assert supervisions[1]["custom"] == {"emotion": "calm", "speaking_rate": 0.0}  # JSON has no nan and no -inf
    assert "gender" not in supervisions[2] and supervisions[2]["custom"] == {"emotion": "happy"}


def test_without_segments_and_with_the_mean_of_channels(data, tmp_path):
    (data.path / "segments").unlink()
    data.write("wav.scp", {"eva-1": data.read("wav.scp")["call"]})
    data.write("reco2channel", {"eva-1": "mean"})
    data.write_speakers({"eva-1": "eva"})
    _, supervisions = export(data, tmp_path / "out")
    assert (supervisions[0]["duration"], supervisions[0]["channel"]) == (2.0, [0, 1])


def test_the_same_again_gives_the_same_bytes(data, tmp_path):
    for name in ("one", "two"):
        export(data, tmp_path / name)
    for name in ("recordings.jsonl.gz", "supervisions.jsonl.gz"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    "table, values, message",
    [
        ("wav.scp", {"call": "cat x |", "eva-1": "y"}, "wav.scp: call: cat x |: lhotse opens files only"),
        ("wav.scp", {"call": "dump/audio.1.ark:17", "eva-1": "y"}, "wav.scp: call: .*lhotse opens files only"),
        ("wav.scp", {"call": "nowhere.wav", "eva-1": "y"}, "wav.scp: call: nowhere.wav: no such file"),
        ("reco2channel", {"call": "3"}, "utterance eva-2: 2 channels and reco2channel says 3"),
        ("reco2channel", {"eva-1": "1"}, "utterance eva-2: 2 channels and reco2channel says None"),
        ("segments", {"eva-1": "eva-1 0 0.3", "eva-2": "other 0 1", "ivo-1": "call 0 1"}, "no entry for other, which"),
        ("segments", {"eva-1": "eva-1 0 0.3", "eva-2": "call 0 2.2", "ivo-1": "call 0 1"}, "eva-2: 0.0–2.2 s lies outside its 2.0"),
        ("segments", {"eva-1": "eva-1 0.3 0.35", "eva-2": "call 0 2", "ivo-1": "call 0 1"}, "eva-1: 0.3–0.35 s lies outside"),
    ],
)
def test_what_lhotse_could_not_use_is_refused(data, tmp_path, table, values, message):
    data.write(table, values)
    with pytest.raises(InputError, match=message):
        export(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_segment_that_ends_a_little_late_ends_with_its_recording(data, tmp_path):
    data.write("segments", {"eva-1": "eva-1 0 0.3499", "eva-2": "call 0.25 1.75", "ivo-1": "call 1.75 2.1"})
    _, supervisions = export(data, tmp_path / "out")
    assert [entry["start"] + entry["duration"] for entry in supervisions] == [0.3, 1.75, 2.0]


@pytest.mark.parametrize("late", [0.0, 0.002, 0.1])
def test_lhotse_validates_them(data, tmp_path, late):
    ends = {"eva-1": f"eva-1 0 {0.3 + late:.4f}", "eva-2": "call 0.25 1.75", "ivo-1": f"call 1.75 {2 + late:.4f}"}
    data.write("segments", ends)
    lhotse = pytest.importorskip("lhotse", reason="lhotse is not installed")
    export(data, tmp_path / "out")
    recordings = lhotse.load_manifest(tmp_path / "out/recordings.jsonl.gz")
    supervisions = lhotse.load_manifest(tmp_path / "out/supervisions.jsonl.gz")
    lhotse.validate_recordings_and_supervisions(recordings, supervisions, read_data=True)
    cuts = lhotse.CutSet.from_manifests(recordings=recordings, supervisions=supervisions).trim_to_supervisions()
    assert sorted(cut.load_audio().shape for cut in cuts) == [(1, 4800), (1, 11025), (1, 66150)]
