"""Where and with what a result was made."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "espnet", "transformers", "peft", "numpy")


def environment():
    """(name, value) pairs: Python, package versions, processor, cores, GPU where there is one, operating system.

    Versions come from the packages' metadata; nothing heavy is imported.
    """
    pairs = [("Python", platform.python_version())]
    pairs += [(package, _version(package)) for package in PACKAGES]
    pairs += [("Processor", _processor()), ("Cores", str(_cores()))]
    gpus = _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    if gpus:
        pairs.append(("GPU", ", ".join(gpus.splitlines())))
    return [*pairs, ("System", f"{platform.system()} {platform.release()} {platform.machine()}")]


def git_revision():
    """Short hash of the commit that this code is from, with `+dirty` where tracked files were changed since.

    "unknown" where the package does not lie in a git checkout of its own.
    """
    here = Path(__file__).resolve()
    git = ("git", "-C", str(here.parent))
    # An installed copy may lie in a virtual environment inside a checkout of something else: it must be tracked here.
    if _output(*git, "ls-files", "--error-unmatch", here.name) is None:
        return "unknown (not a git checkout)"
    revision = _output(*git, "rev-parse", "--short=12", "HEAD")
    if revision is None:
        return "unknown (no commit)"
    changed = _output(*git, "status", "--porcelain", "--untracked-files=no")
    return f"{revision}+dirty" if changed else revision


def machine_account(device="cpu", precision=""):
    """What decode.json says of where something was decoded: `device`, with the precision if that is given, in words, and
    what `peak_memory` gives."""
    return {"device": device_name(device) + (f", {precision}" if precision else ""), **peak_memory(device)}


def peak_memory(device="cpu"):
    """The most memory that this process has held so far, as entries of decode.json.

    Returns `peak_memory_bytes` (resident) and, where `device` is a GPU, `peak_gpu_memory_bytes` (allocated by torch).
    """
    found = {"peak_memory_bytes": _peak_resident()}
    if str(device).startswith("cuda"):
        import torch

        found["peak_gpu_memory_bytes"] = torch.cuda.max_memory_allocated(device)
    return found


def device_name(device="cpu"):
    """What a torch device is called: the GPU's name, or that of the processor with the threads that torch uses."""
    import torch

    if str(device).startswith("cuda"):
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{_processor()}, {threads} {'thread' if threads == 1 else 'threads'}"


def _peak_resident():
    """Bytes. Linux's VmHWM is of this program alone; getrusage also counts what forked it before it was started."""
    import resource

    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    if kilobytes:
        return 1024 * kilobytes[0]
    unit = 1 if platform.system() == "Darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _output(*command):
    """What a command prints, without blanks around it; None where it is absent or fails."""
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


def _cores():
    """Cores that this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
