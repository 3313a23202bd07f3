"""Stages 1 to 4 of the recipes whose audio cannot be had freely, on small trees in the published layout."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.corpora.test_m3ed import annotation

ROOT = Path(__file__).resolve().parents[2]


def speech(path, seconds=0.6, pitch=160.0):
    """A tone with overtones: something with a pitch and a level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * 16000)) / 16000
    soundfile.write(path, sum(np.sin(2 * np.pi * pitch * k * time) / k for k in (1, 2, 3)) * 0.1, 16000)


def m3ed(root):
    """Three series, one a split, each with a dialogue of two speakers. Returns how many published utterances lack."""
    rows = []
    for number, split in enumerate(("train", "val", "test")):
        series = f"series{number}"
        for utterance in range(1, 5):
            letter = "AB"[utterance % 2]
            name = f"{letter}_{series}_1_{utterance}.wav"
            speech(root / "modality_speech" / name, 0.5 + 0.1 * utterance, 120 + 20 * utterance)
            rows.append([f"{series}_1_{utterance}", name, "1.0", f"{series}_说话人{letter}", "Happy" if utterance < 3 else "Sad", ""])
        (root / "splitInfo").mkdir(exist_ok=True)
        (root / "splitInfo" / f"movie_list_{split}.txt").write_text(series, "utf-8")  # no newline at the end
    (root / "annotation.json").write_text(json.dumps(annotation(rows), ensure_ascii=False), "utf-8")
    return 24437 - 12


def emo_emilia(root):
    """Two languages, two classes."""
    lines = []
    for number, (language, emotion, text) in enumerate(
        [("ZH", "angry", "你好"), ("ZH", "sad", "再见"), ("EN", "angry", " Go away."), ("EN", "sad", " I miss you.")]
    ):
        index = f"{language}_B0000{number}_S00000_W000000"
        speech(root / "wav" / f"{index}.wav", 0.5 + 0.2 * number, 130 + 30 * number)
        lines.append(json.dumps({"index": index, "emotion": emotion, "wav": f"wav/{index}.wav", "text": text}, ensure_ascii=False))
    (root / "Emo-Emilia-ALL.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return 1400 - 4


@pytest.mark.parametrize(
    ("corpus", "make", "sets"), [("m3ed", m3ed, ("train", "dev", "test")), ("emo_emilia", emo_emilia, ("test",))]
)
def test_stages_1_to_4(tmp_path, corpus, make, sets):
    folder = tmp_path / "egs" / corpus / "c2ser1"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "egs" / corpus / "c2ser1/run.sh", folder)
    (tmp_path / "egs/TEMPLATE").symlink_to(ROOT / "egs/TEMPLATE")
    for part in ("path.sh", "cmd.sh", "db.sh", "conf"):
        (folder / part).symlink_to(ROOT / "egs/TEMPLATE/c2ser1" / part)
    (folder / "utils").symlink_to(ROOT / "utils")
    missing = make(tmp_path / "copy")
    command = ["./run.sh", "--stop_stage", "4", "--allow_missing", str(missing), "--whisper", "none", "--llm", "scratch", "--nj", "1"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True,
        env={**os.environ, corpus.upper(): str(tmp_path / "copy"), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"{missing} of {missing + len(list((tmp_path / 'copy').rglob('*.wav')))} utterances are missing" in done.stdout
    for name in sets:
        lines = {table: (folder / f"data/{name}/{table}").read_text("utf-8").splitlines()
                 for table in ("utt2spk", "utt2style", "cot_explicit", "cot_implicit")}  # fmt: skip
        assert len({len(table) for table in lines.values()}) == 1 and len(lines["utt2spk"]) == 4
    assert not (folder / "data/train").exists() or corpus == "m3ed"
