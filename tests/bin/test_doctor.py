"""What a machine can do, in rows."""

import importlib.util
import json
import os
import shutil
import sys

import pytest
import torch

from c2ser.bin import doctor


def rows(capsys, *options):
    status = doctor.main(["--format", "json", *options])
    return status, {row["what"]: row for row in json.loads(capsys.readouterr().out)}


def test_it_finds_what_there_is(capsys, tmp_path):
    """Each row against the system's own word."""
    status, found = rows(capsys, "--dir", str(tmp_path))
    assert status == 0 and found["torch"]["found"] == torch.__version__
    free = shutil.disk_usage(tmp_path).free / 1e9
    assert float(found["free disk"]["found"].split()[0]) == pytest.approx(free, abs=2)
    kilobytes = int(open("/proc/meminfo").readline().split()[1])
    assert float(found["memory"]["found"].split()[0]) == pytest.approx(kilobytes * 1024 / 1e9, abs=1)
    assert found["cores"]["found"] == str(len(os.sched_getaffinity(0)))
    flags = next(line for line in open("/proc/cpuinfo") if line.startswith(("flags", "Features"))).split()
    if not {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"} & set(os.environ) and not {"avx512_bf16", "amx_bf16", "bf16"} & set(flags):
        assert found["bfloat16 of oneDNN"]["found"] == "no" and "float32" in found["bfloat16 of oneDNN"]["note"]
    assert ("GPU" in found) == (not torch.cuda.is_available())
    assert found["sox"]["found"] == (shutil.which("sox") or "not there")
    assert (found["video"]["found"] == "there") == (importlib.util.find_spec("av") is not None)


def test_it_says_what_is_missing_and_what_that_costs(capsys, monkeypatch, tmp_path):
    """In one line each, with a command; an empty PATH, packages that are not there, a full disk."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12 - 10**9, 10**9))
    status, found = rows(capsys)
    assert status == 0 and not found["free disk"]["ok"] and found["free disk"]["found"] == "1 GB"
    for name in ("training", "prosody", "evaluation", "voice activity", "ffmpeg", "sox", "sbatch"):
        assert not found[name]["ok"] and ": " in found[name]["note"], name
    assert found["voice activity"]["found"] == "lacks silero_vad, onnxruntime"
    doctor.main([])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(found) and sum(line.startswith("!") for line in lines) == sum(not row["ok"] for row in found.values())
    assert any(line.startswith("! ") and line.endswith("pip install av") for line in lines)


def test_without_torch_nothing_answers(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    status, found = rows(capsys)
    assert status == 1 and found["torch"]["found"] == "cannot be imported" and "make install" in found["torch"]["note"]
    assert "training" in found
