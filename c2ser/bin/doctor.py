"""Say what this machine can do: processor, bfloat16, GPU, memory, disk, extras; what is missing, and what that costs."""

import argparse
import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from c2ser.rows import width

ROOM, LEAST = 5e9, 4e9
"""Bytes of disk and of memory below which it is said that there is little."""


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", default="table", choices=("table", "json"), help="default: %(default)s")
    parser.add_argument("--dir", type=Path, default=Path("."), help="Whose disk to look at (default: this folder)")
    return parser


def main(argv=None):
    """Look and print; status 1 where torch or transformers, without which nothing answers, cannot be imported."""
    args = get_parser().parse_args(argv)
    rows = [*_machine(args.dir), *_torch(), *_wanted()]
    if args.format == "json":
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        widths = [max(width(row[name]) for row in rows) for name in ("what", "found")]
        for row in rows:
            cells = [row[name] + " " * (room - width(row[name])) for name, room in zip(("what", "found"), widths)]
            print("  ".join(["  " if row["ok"] else "! ", *cells, row["note"]]).rstrip())
    return int(not all(row["ok"] for row in rows if row["what"] in ("torch", "transformers")))


def _row(what, found, ok=True, note=""):
    """One line: what was looked at, what was found, whether nothing is missing, and else what that costs and what helps."""
    return {"what": what, "found": found, "ok": bool(ok), "note": "" if ok else note}


def _machine(folder):
    from c2ser import __version__
    from c2ser.evaluation.environment import environment

    known = dict(environment())
    yield _row("c2ser", __version__)
    for name in ("System", "Python", "Processor", "Cores"):
        yield _row(name.lower(), known[name])
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield _row("memory", f"{memory / 1e9:.0f} GB", memory >= LEAST, "little: take small language models, and --batch_size 1")
    free = shutil.disk_usage(folder).free
    yield _row("free disk", f"{free / 1e9:.0f} GB", free >= ROOM, "little: an installation takes 2 GB, audio and checkpoints more")


def _torch():
    try:
        import torch
        import transformers
    except Exception as error:  # an import may fail in any way
        yield _row("torch", "cannot be imported", False, f"nothing answers ({error}): make install")
        return
    from c2ser.evaluation.environment import environment
    from c2ser.precision import bfloat16_instructions

    yield _row("torch", torch.__version__)
    yield _row("transformers", transformers.__version__)
    limits = [f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS",) if name in os.environ]
    threads, cores = torch.get_num_threads(), int(dict(environment())["Cores"])
    yield _row("threads of torch", " ".join([str(threads), *limits]), threads >= cores,
               f"{cores} cores are there: one job alone is faster with OMP_NUM_THREADS={cores}")  # fmt: skip
    level = torch.backends.cpu.get_cpu_capability()
    has, _ = bfloat16_instructions("cpu")
    yield _row("instructions", level, level not in ("DEFAULT", "NO AVX"), "no AVX: slower")
    yield _row("bfloat16 of oneDNN", "yes" if has else "no", has, "auto takes float32; bfloat16 would be emulated, slower")
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            kind = torch.cuda.get_device_properties(number)
            yield _row(f"GPU {number}", f"{kind.name}, {kind.total_memory / 1e9:.0f} GB")
    else:
        built = "torch is built without CUDA" if torch.version.cuda is None else "torch finds none"
        yield _row("GPU", "none", False, f"{built}: all runs on the processor, which is for small models")


def _wanted():
    """Extras and programs, by doctor.yaml."""
    import yaml

    wanted = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    for name, extra in wanted["extras"].items():
        lacking = [module for module in extra["modules"] if find_spec(module) is None]
        found = f"lacks {', '.join(lacking)}" if lacking else "there"
        yield _row(name, found, not lacking, f"{extra['costs']}: {extra['get']}")
    for name, program in wanted["programs"].items():
        path = shutil.which(name)
        yield _row(name, path or "not there", path, f"{program['costs']}: {program['get']}")
