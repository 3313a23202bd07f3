"""What a process says of the memory that it took."""

import json
import subprocess
import sys

import pytest

MEGABYTE = 2**20
SCRIPT = """
import json
from c2ser.evaluation.environment import peak_memory
before = peak_memory()["peak_memory_bytes"]
held = bytearray(b"x" * {size})
del held
print(json.dumps([before, peak_memory()["peak_memory_bytes"]]))
"""


def peaks(size):
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(size=size)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_peak_is_of_this_process_and_stays():
    """A child tells its own peak, although what started it holds far more."""
    here = bytearray(b"x" * (400 * MEGABYTE))
    before, after = peaks(300 * MEGABYTE)
    assert len(here) > before > 5 * MEGABYTE
    assert after - before > 290 * MEGABYTE  # what was freed again counts


def test_a_gpu_is_asked_for_its_own(monkeypatch):
    import torch

    from c2ser.evaluation.environment import machine_account

    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: {"cuda": 12_345}[device])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: {"cuda": "a GPU"}[device])
    account = machine_account("cuda")
    assert account.pop("peak_memory_bytes") > 5 * MEGABYTE
    assert account == {"device": "a GPU", "peak_gpu_memory_bytes": 12_345}


def test_without_proc_getrusage_tells(monkeypatch):
    from c2ser.evaluation import environment

    known = environment.peak_memory()["peak_memory_bytes"]
    monkeypatch.setattr(environment.Path, "read_text", lambda *args, **options: (_ for _ in ()).throw(OSError()))
    assert environment.peak_memory()["peak_memory_bytes"] == pytest.approx(known, rel=0.5)
