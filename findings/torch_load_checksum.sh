#!/usr/bin/env bash
# torch 2.13.0: torch.save writes a CRC-32 beside the bytes of every tensor (a checkpoint is a zip archive), and torch.load
# does not look at it: after one bit has changed on the disk, Python's zipfile names the damaged member, and torch.load, with
# weights_only or without, returns another number, in silence. That a file without checksums loads is documented
# (set_crc32_options). One would have guessed that those that are there are checked, as a truncated file is an error.
# Fails if that changes. TORCH_INDEX_URL: another index for torch, such as that of its CPU builds.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install ${TORCH_INDEX_URL:+--extra-index-url "$TORCH_INDEX_URL"} \
    torch==2.13.0 numpy==2.4.6
"$dir/venv/bin/python" - "$dir" <<'PY'
import sys, zipfile
import torch
path, weights = f"{sys.argv[1]}/checkpoint.pth", torch.arange(1000.0)
torch.save({"weights": weights}, path)
content = bytearray(open(path, "rb").read())
content[content.index(weights.numpy().tobytes()) + 4 * 500 + 2] ^= 0x40
open(path, "wb").write(content)
damaged = zipfile.ZipFile(path).testzip()
read = {only: float(torch.load(path, weights_only=only)["weights"][500]) for only in (True, False)}
print(f"torch {torch.__version__}: damaged {damaged}, says zipfile; the number 500.0 is read as {read}")
assert damaged and damaged.endswith("data/0") and 500.0 not in read.values()
PY
