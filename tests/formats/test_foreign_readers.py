"""Each foreign library reads what was written for it: its own loader, on the data directory with segments and channels."""

import io
import json

import numpy as np
import pytest
import soundfile

from tests.formats.conftest import RATE, UTTERANCES, sound

SECOND = sound(2, 2 * RATE)
"""The channel of the call that speaks."""


def test_datasets(data, export, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    loaded = datasets.load_dataset(str(export("datasets", data)), split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded.features["audio"], datasets.Audio)
    assert loaded.features["emotion"].names == ["happy", "sad"] and loaded["emotion"][:] == [1, None, 0]
    assert loaded["f0"][:] == [210.5, None, 180.25] and loaded["text"][1] == "" and loaded["speaker"][:] == [*UTTERANCES.values()]
    raw = loaded.cast_column("audio", datasets.Audio(decode=False))
    samples, rate = soundfile.read(io.BytesIO(raw[2]["audio"]["bytes"]), dtype="int16")
    assert rate == RATE and (samples == SECOND[round(1.75 * RATE):]).all()  # fmt: skip


def test_datasets_folders_of_others(data, export, tmp_path, monkeypatch):
    """What `save_to_disk` and `to_parquet` write, with classes and names of columns of their own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    from tests.formats.conftest import brought_in

    wav = io.BytesIO()
    soundfile.write(wav, sound(1, 8000), 16000, format="WAV")
    rows = [{"audio": {"bytes": wav.getvalue(), "path": f"{number}.wav"}, "label": label, "sentence": "ja", "speaker_id": 7}
            for number, label in enumerate((1, 0, -1))]  # fmt: skip
    made = datasets.Dataset.from_list(rows).cast_column("audio", datasets.Audio(decode=False))
    made = made.cast_column("label", datasets.ClassLabel(names=["fear", "neu"]))
    made.save_to_disk(tmp_path / "arrow")
    (tmp_path / "parquet").mkdir()
    made.to_parquet(tmp_path / "parquet/x.parquet")
    for kind in ("arrow", "parquet"):
        back = brought_in("datasets", tmp_path / kind, tmp_path / f"back_{kind}")
        assert back.read("utt2emo") == {"7-0": "neutral", "7-1": "fearful"} and back.read("spk2utt") == {"7": "7-0 7-1 7-2"}
        assert (soundfile.read(back.read("wav.scp")["7-2"], dtype="int16")[0] == sound(1, 8000)).all()


@pytest.mark.parametrize("late", [0.0, 0.002, 0.1])
def test_lhotse(data, export, late):
    lhotse = pytest.importorskip("lhotse", reason="lhotse is not installed")
    data.write("segments", {"eva-1": f"eva-1 0 {0.3 + late:.4f}", "eva-2": "call 0.25 1.75", "ivo-1": f"call 1.75 {2 + late:.4f}"})
    out = export("lhotse", data)
    recordings, supervisions = (lhotse.load_manifest(out / f"{name}.jsonl.gz") for name in ("recordings", "supervisions"))
    lhotse.validate_recordings_and_supervisions(recordings, supervisions, read_data=True)
    cuts = lhotse.load_manifest(out / "cuts.jsonl.gz")
    lhotse.validate(cuts, read_data=True)
    assert {cut.id: cut.load_audio().shape for cut in cuts} == {"eva-1": (1, 4800), "eva-2": (1, 16538), "ivo-1": (1, 2756)}
    made = lhotse.CutSet.from_manifests(recordings=recordings, supervisions=supervisions).trim_to_supervisions()
    assert sorted(cut.load_audio().shape for cut in made) == [(1, 2756), (1, 4800), (1, 16538)]


def test_shar(data, export):
    lhotse = pytest.importorskip("lhotse", reason="lhotse is not installed")
    cuts = {cut.id: cut for cut in lhotse.CutSet.from_shar(in_dir=export("shar", data))}
    assert cuts["ivo-1"].supervisions[0].custom["emotion"] == "happy" and [*cuts] == [*UTTERANCES]
    np.testing.assert_array_equal(cuts["ivo-1"].load_audio()[0] * 32768, SECOND[round(1.75 * RATE):])  # fmt: skip


def test_audformat(data, export):
    audformat = pytest.importorskip("audformat", reason="audformat is not installed")
    database = audformat.Database.load(export("audformat", data))
    table = database["emotion"].get()
    assert [time.total_seconds() for time in table.index.get_level_values("start")] == [0.0, 0.25, 1.75]
    assert [time.total_seconds() for time in table.index.get_level_values("end")] == [0.3, 1.75, 2.0]
    assert table["f0"].tolist()[::2] == [210.5, 180.25] and table["emotion"].dropna().tolist() == ["sad", "happy"]
    assert database.schemes["emotion"].labels == ["happy", "sad"] and table["speaker"].tolist() == [*UTTERANCES.values()]


def test_nkululeko_index(data, export):
    """nkululeko reads such a file with audformat's reader (nkululeko 1.14.1, data/dataset_csv.py)."""
    utils = pytest.importorskip("audformat.utils", reason="audformat is not installed")
    table = utils.read_csv(export("nkululeko", data) / "data.csv")
    assert [time.total_seconds() for time in table.index.get_level_values("end")] == [0.3, 1.75, 2.0]
    assert table["speaker"].tolist() == [*UTTERANCES.values()] and table["emotion"].dropna().tolist() == ["sad", "happy"]
    assert table["f0"].dropna().tolist() == [210.5, 180.25]


def test_rules_of_ms_swift_and_llamafactory(data, export):
    """Their documented columns: one mark of a recording for each entry of `audios`, and roles that they know."""
    from c2ser.cot.prompts import PROMPTS

    asked = PROMPTS["pl"]["explicit"]
    out = export("ms-swift", data, "--mode", "explicit", "--prompt_language", "pl", out="swift")
    for line in (out / "train.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        assert entry["messages"][0] == {"role": "user", "content": f"{asked}<audio>"} and len(entry["audios"]) == 1
        assert entry["messages"][1] == {"role": "assistant", "content": data.read("cot_explicit")[entry["id"]]}
        soundfile.info(entry["audios"][0])
    out = export("llamafactory", data, "--mode", "explicit", "--prompt_language", "pl", out="factory")
    about = json.loads((out / "dataset_info.json").read_text())["c2ser"]
    assert about["formatting"] == "sharegpt" and about["columns"] == {"messages": "conversations", "audios": "audios"}
    for entry in json.loads((out / about["file_name"]).read_text(encoding="utf-8")):
        assert [turn["from"] for turn in entry["conversations"]] == ["human", "gpt"]
        assert entry["conversations"][0]["value"].count("<audio>") == len(entry["audios"]) == 1
