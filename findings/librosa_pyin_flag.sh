#!/usr/bin/env bash
# librosa 0.11.0: pyin flags stretches of plain noise as voiced, at a voiced probability of 0.01. Two seconds of a vowel
# and two of faint white noise: a fifth of the noise's frames is flagged and has an F0 of about 70 Hz, and its
# probability is 0.01 in flagged and other frames alike. Of other draws of the noise nothing is flagged, or 0.4 of it,
# whatever its level. One would have guessed that a flag goes with a probability above a half, or that noise a hundred
# times fainter than the vowel is no voice; so a mean F0 over flagged frames depends on the pauses. Fails if that
# changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install librosa==0.11.0 numba==0.68.1 \
    scipy==1.17.1 numpy==2.4.6 2>/dev/null
"$dir/venv/bin/python" - <<'PY'
import librosa
import numpy as np

time = np.arange(32000) / 16000
vowel = 0.1 * sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 15))
noise = 1e-3 * np.random.default_rng(0).normal(size=32000)
f0, flag, chance = librosa.pyin(np.concatenate([vowel, noise]), fmin=65, fmax=400, sr=16000)
half = len(flag) // 2
found = {}
for what, part in (("vowel", slice(4, half - 4)), ("noise", slice(half + 4, None))):
    found[what] = flag[part].mean(), chance[part].max(), chance[part].min()
    print(f"librosa {librosa.__version__}: {what}: {found[what][0]:.0%} of the frames flagged, median F0 of these "
          f"{np.nanmedian(f0[part]):.0f} Hz, probability {found[what][2]:.2f} to {found[what][1]:.2f}")
shares = []
for seed, level in ((0, 1e-4), (0, 0.1), (1, 0.1), (2, 0.1)):
    wave = level * np.random.default_rng(seed).normal(size=32000)
    shares.append(librosa.pyin(wave, fmin=65, fmax=400, sr=16000)[1].mean())
    print(f"noise alone, draw {seed}, deviation {level}: {shares[-1]:.0%} flagged")
assert found["vowel"][0] > 0.95 and found["noise"][0] > 0.1 and found["noise"][1] < 0.05
assert shares[0] == shares[1] > 0.1 and min(shares) == 0
PY
