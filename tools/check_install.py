#!/usr/bin/env python3
"""Import what the project needs, say what is wrong and what to do about it; exit status 1 where something is."""

import importlib
import sys

NEEDED = (
    "torch", "torchaudio", "numpy", "soundfile", "soxr", "kaldiio", "sentencepiece", "transformers", "peft", "whisper",
    "espnet2.tasks.abs_task", "sklearn", "matplotlib", "jinja2", "tensorboard", "swift_f0", "pyloudnorm", "pypinyin",
    "gguf", "yaml", "tqdm", "c2ser",
)  # fmt: skip


def main():
    faults = []
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except Exception as error:  # an import may fail in any way
            faults.append(f"  {name}: {type(error).__name__}: {error}")
    if faults:
        print("check_install: these do not import; run `rm -rf .venv && make install`:", *faults, sep="\n", file=sys.stderr)
        sys.exit(1)
    import torch

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none; training runs on the CPU"
    print(f"check_install: all {len(NEEDED)} packages import; torch {torch.__version__}; GPU: {device}")


if __name__ == "__main__":
    main()
