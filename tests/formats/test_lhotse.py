"""The lhotse manifests, as plain JSON."""

import gzip
import json

import pytest

from c2ser.errors import InputError
from tests.media import write_wav


def manifests(out):
    files = [gzip.open(out / f"{name}.jsonl.gz", "rt", encoding="utf-8") for name in ("recordings", "supervisions", "cuts")]
    return [[json.loads(line) for line in file] for file in files]


@pytest.fixture
def data(data, tmp_path):
    write_wav(tmp_path / "a b.wav", 2.0, 44100, 2)
    return data


def test_manifests(data, export, tmp_path):
    recordings, supervisions, cuts = manifests(export("lhotse", data))
    assert recordings[0] == {
        "id": "call",
        "sources": [{"type": "file", "channels": [0, 1], "source": str(tmp_path / "a b.wav")}],
        "sampling_rate": 44100, "num_samples": 88200, "duration": 2.0, "channel_ids": [0, 1],
    }  # fmt: skip
    assert [entry["id"] for entry in recordings] == ["call", "eva-1"]
    assert supervisions[0] == {
        "id": "eva-1", "recording_id": "eva-1", "start": 0.0, "duration": 0.3, "channel": 0, "text": 'Dobrý den, "pane"',
        "language": "cs", "speaker": "eva", "gender": "female",
        "custom": {"emotion": "sad", "corpus": "calls", "style": "speed=low pitch=high volume=unknown", "f0": 210.5,
                   "loudness": -23.1, "speaking_rate": 10.5, "votes": "sad:2 angry:1", "cot_implicit": "sad",
                   "cot_explicit": data.read("cot_explicit")["eva-1"]},
    }  # fmt: skip
    assert [(entry["start"], entry["duration"], entry["channel"]) for entry in supervisions[1:]] == [
        (0.25, 1.5, 1), (1.75, 0.25, 1),
    ]  # fmt: skip
    assert "f0" not in supervisions[1]["custom"]  # JSON has no nan
    assert "gender" not in supervisions[2]
    assert cuts[1] == {"id": "eva-2", "start": 0.25, "duration": 1.5, "channel": 1, "recording": recordings[0], "type": "MonoCut",
                       "supervisions": [{**supervisions[1], "start": 0.0}]}  # fmt: skip


def test_without_segments_and_with_the_mean_of_channels(data, export):
    for table in data.tables():
        (data.path / table).unlink()
    data.write("wav.scp", {"eva-1": str(data.path.parent / "a b.wav")})
    data.write("reco2channel", {"eva-1": "mean"})
    data.write_speakers({"eva-1": "eva"})
    _, supervisions, cuts = manifests(export("lhotse", data))
    assert (supervisions[0]["duration"], supervisions[0]["channel"]) == (2.0, [0, 1]) and cuts[0]["type"] == "MultiCut"


@pytest.mark.parametrize(
    "table, values, message",
    [
        ("wav.scp", {"call": "cat x |", "eva-1": "y"}, "wav.scp: call: cat x |: only files can be handed on"),
        ("wav.scp", {"call": "dump/audio.1.ark:17", "eva-1": "y"}, "wav.scp: call: .*only files can be handed on"),
        ("wav.scp", {"call": "nowhere.wav", "eva-1": "y"}, "wav.scp: call: nowhere.wav: no such file"),
        ("reco2channel", {"call": "3"}, "utterance eva-2: 2 channels and reco2channel says 3"),
        ("reco2channel", {"eva-1": "1"}, "utterance eva-2: 2 channels and reco2channel says None"),
        ("segments", {"eva-1": "eva-1 0 0.3", "eva-2": "other 0 1", "ivo-1": "call 0 1"}, "no entry for other, which"),
        ("segments", {"eva-1": "eva-1 0 0.3", "eva-2": "call 0 2.2", "ivo-1": "call 0 1"}, "eva-2: 0.0–2.2 s lies outside its 2.0"),
        ("segments", {"eva-1": "eva-1 0.3 0.35", "eva-2": "call 0 2", "ivo-1": "call 0 1"}, "eva-1: 0.3–0.35 s lies outside"),
    ],
)
def test_what_lhotse_could_not_use_is_refused(data, export, tmp_path, table, values, message):
    data.write(table, values)
    with pytest.raises(InputError, match=message):
        export("lhotse", data)
    assert not (tmp_path / "out").exists()


def test_a_segment_that_ends_a_little_late_ends_with_its_recording(data, export):
    data.write("segments", {"eva-1": "eva-1 0 0.3499", "eva-2": "call 0.25 1.75", "ivo-1": "call 1.75 2.1"})
    _, supervisions, _ = manifests(export("lhotse", data))
    assert [entry["start"] + entry["duration"] for entry in supervisions] == [0.3, 1.75, 2.0]
