#!/usr/bin/env bash
# safetensors 0.8.0: the same tensors with the same metadata, saved by the same call, give files of other bytes from one
# process to the next, and within one: the metadata stand in a hash map's order. With one entry (`format`, as most save it)
# all files are the same; with three there are up to six. One would have guessed the order of the dict, as of the
# tensors, which the writer sorts: a checksum of a model file then says nothing about its weights. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install safetensors==0.8.0 numpy==2.4.6
"$dir/venv/bin/python" - "$dir" <<'PY'
import hashlib, sys
import numpy, safetensors
from safetensors.numpy import save_file, load_file
weights, told = {"b": numpy.ones(3, "float32"), "a": numpy.zeros(2, "float32")}, {"format": "np", "licence": "MIT", "dims": "3"}
found = {}
for number in (1, 3):
    hashes = set()
    for _ in range(60):
        save_file(weights, f"{sys.argv[1]}/x", dict(list(told.items())[:number]))
        hashes.add(hashlib.sha256(open(f"{sys.argv[1]}/x", "rb").read()).hexdigest())
    found[number] = len(hashes)
print(f"safetensors {safetensors.__version__}: different files among 60, by entries of metadata: {found}")
assert list(load_file(f"{sys.argv[1]}/x")) == ["a", "b"] and found[1] == 1 < found[3]
PY
