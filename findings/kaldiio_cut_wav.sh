#!/usr/bin/env bash
# kaldiio 2.18.1: the last wav of an ark that was cut, by a full disk say, is read as a shorter sound, in silence: load_mat
# gives the samples that are there, though the header counts more. A matrix that was cut in the same way is an error. One
# would have guessed that both are.
# Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install kaldiio==2.18.1 numpy==2.4.6
"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
import kaldiio, numpy as np
folder, read = sys.argv[1], {}
for name, entry in {"wav": (16000, np.arange(1000, dtype=np.int16)), "matrix": np.ones((100, 10), np.float32)}.items():
    path = f"{folder}/{name}.ark"
    kaldiio.save_ark(path, {"a": entry})
    content = open(path, "rb").read()
    open(path, "wb").write(content[: len(content) - 1000])
    try:
        found = kaldiio.load_mat(f"{path}:2")
        read[name] = f"{len(found[1])} of 1000 samples"
    except ValueError as error:
        read[name] = f"ValueError: {error}"
print(f"kaldiio {kaldiio.__version__}", read)
assert read["wav"] == "500 of 1000 samples" and read["matrix"].startswith("ValueError"), read
PY
