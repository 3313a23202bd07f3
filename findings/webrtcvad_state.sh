#!/usr/bin/env bash
# webrtcvad 2.0.10 (built as webrtcvad-wheels 2.0.14.post1): a Vad carries what it has learnt from one recording into
# the next, and there is no way to reset it: set_mode does not. Two seconds of faint noise have 0 to 4 speech frames of
# 66 for a new Vad, 66 of 66 for one that has heard two seconds of a loud buzz before. One would have guessed that
# is_speech(frame, rate), whose result is not said to depend on calls before, judges its frame alone, or that setting
# the mode starts anew. So one Vad for a list of files gives other pauses with another order of the files. Fails if that
# changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install webrtcvad-wheels==2.0.14.post1 numpy==2.4.6 2>/dev/null
"$dir/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
import webrtcvad

time = np.arange(32000) / 16000
buzz = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 15)) * (np.sin(2 * np.pi * 3 * time) > 0)
loud = (8000 * buzz).astype("<i2")
faint = np.random.default_rng(0).normal(0, 300, 32000).astype("<i2")


def speech(vad, wave):
    return sum(vad.is_speech(wave[at : at + 480].tobytes(), 16000) for at in range(0, len(wave) - 479, 480))


for mode in range(4):
    new, used = webrtcvad.Vad(mode), webrtcvad.Vad(mode)
    first, heard = speech(new, faint), speech(used, loud)
    used.set_mode(mode)
    after = speech(used, faint)
    print(f"webrtcvad-wheels {version('webrtcvad-wheels')}, mode {mode}: speech frames of 66 in faint noise: "
          f"{first} for a new Vad, {after} for one that heard {heard} frames of speech in a loud buzz, its mode set again")
    assert first <= 6 and after >= 60, (mode, first, after)
PY
