"""What an installation from the wheel is made of, and what answering takes."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import soundfile

from c2ser.bin import pack
from tests.builders import waves
from tests.closeness import nearly

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("espnet", "espnet2", "matplotlib", "kaldiio", "tensorboard", "gguf", "silero_vad", "gradio")
"""Packages that the wheel does not require by itself."""
SCRIPT = f"""
import sys
from c2ser.bin import predict, timeline
sound, model, out = sys.argv[1:]
predict.main([sound, "--model", model, "--format", "json", "--labels", "angry sad calm"])
predict.main([sound, "--model", model, "--format", "json", "--mode", "explicit"])
timeline.main([sound, "--model", model, "--out", out, out.replace("json", "TextGrid")])
loaded = {{name.split(".")[0] for name in sys.modules}} & set({HEAVY!r})
assert not loaded, loaded
"""


def test_a_packed_system_answers_without_what_training_takes(system_dir, tmp_path, capsys):
    """In an interpreter of its own: none of it is imported, though it is there."""
    from c2ser.inference.predictor import Predictor

    pack.main(["--model", str(system_dir), "--out_dir", str(tmp_path / "packed")])
    soundfile.write(tmp_path / "a.wav", waves([9000])[0][0].numpy(), 16000)
    argv = [sys.executable, "-c", SCRIPT, tmp_path / "a.wav", tmp_path / "packed", tmp_path / "line.json"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert list(told[0]["posterior"]) == ["angry", "sad", "calm"]
    (wanted,) = Predictor(system_dir)([tmp_path / "a.wav"], "explicit")
    assert told[1]["posterior"] == nearly(wanted.posterior)
    (segment,) = json.loads((tmp_path / "line.json").read_text())["segments"]
    assert segment["end"] == pytest.approx(9000 / 16000) and (tmp_path / "line.TextGrid").exists()


def test_importing_the_package_imports_nothing_else():
    code = "import sys; import c2ser; print(sorted({'torch', 'numpy', 'yaml', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_wheel_holds_all_data_and_requires_what_answers_take(tmp_path):
    """And no more: training's requirements are an extra."""
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(copy(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        held = {name for name in wheel.namelist() if name.startswith("c2ser/")}
        (metadata,) = [wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/METADATA")]
    files = {str(one.relative_to(ROOT)) for one in (ROOT / "c2ser").rglob("*") if one.is_file() and "__pycache__" not in one.parts}
    assert held == files
    required = [line.partition(": ")[2] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    alone = [line for line in required if "extra ==" not in line]
    assert any(line.startswith("torch") for line in alone)
    assert [line for line in alone if line.startswith(HEAVY)] == []
    assert any(line.startswith("espnet") and 'extra == "recipes"' in line for line in required)


def copy(folder):
    """The tracked part that setup.py packs, apart: building leaves files behind."""
    made = folder / "source"
    shutil.copytree(ROOT / "c2ser", made / "c2ser", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, made)
    return made
