#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2) reads a variable-bit-rate MP3 without its Xing frame only up to a length that it
# estimates from the first frames, in silence: 42,163 of some 193,000 samples. The same bytes through a pipe, where no
# length can be estimated, are read whole. One would have guessed that read() reads to the end of the file, or that
# what differs is `frames` alone. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install soundfile==0.14.0 numpy==2.4.6 2>/dev/null
"$dir/venv/bin/python" - "$dir" <<'PY'
import os, sys, threading
import numpy as np, soundfile
folder = sys.argv[1]
time = np.arange(64000) / 16000
tone = 0.3 * np.sin(2 * np.pi * (150 + 40 * np.sin(2 * time)) * time) * (np.sin(9 * time) > -0.3)
wave = np.concatenate([tone, np.random.default_rng(0).normal(0, 0.2, 64000), np.zeros(64000)])
soundfile.write(f"{folder}/a.mp3", wave, 16000, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5)
content = open(f"{folder}/a.mp3", "rb").read()
tag = content.index(b"Xing")
first = next(at for at in range(tag, len(content)) if content[at] == 0xFF and content[at + 1] & 0xE0 == 0xE0)
open(f"{folder}/b.mp3", "wb").write(content[first:])
from_file = len(soundfile.read(f"{folder}/b.mp3")[0])

class Pipe(soundfile.SoundFile):
    def seekable(self):
        return False

end, start = os.pipe()
def feed():
    with open(start, "wb") as stream:
        stream.write(content[first:])
threading.Thread(target=feed).start()
with Pipe(end) as sound:
    from_pipe = 0
    while len(block := sound.read(16384)):
        from_pipe += len(block)
print(f"soundfile {soundfile.__version__}, {soundfile.__libsndfile_version__}: {len(wave)} samples written; "
      f"read from the file {from_file}, through a pipe {from_pipe}")
assert from_file < 0.5 * len(wave) < len(wave) <= from_pipe < len(wave) + 4000
PY
