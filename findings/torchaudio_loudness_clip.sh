#!/usr/bin/env bash
# torchaudio 2.11.0: functional.loudness (BS.1770) clips the sound at full scale inside, after the filter that raises
# what is above 2 kHz by 4 dB: a tone of 3 kHz at 0.9 of full scale, which itself is not clipped, is 1.7 LU too soft. At
# 0.5, or at 440 Hz, it agrees with pyloudnorm within 0.001 LU. Digital silence is nan, where pyloudnorm has -inf. One
# would have guessed that a loudness rises by 6 dB where the sound is doubled, and that only the sound that is given can
# be over full scale. Fails if that changes. TORCH_INDEX_URL: another index for torch, such as that of its CPU builds.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install ${TORCH_INDEX_URL:+--extra-index-url "$TORCH_INDEX_URL"} \
    torch==2.13.0 torchaudio==2.11.0 pyloudnorm==0.2.0 scipy==1.17.1 numpy==2.4.6 2>/dev/null
# Its compiled part, which loudness does without, wants CUDA's libraries; without the file it is not looked for.
"$dir/venv/bin/python" -c 'import torchaudio' 2>/dev/null || rm -f "$dir"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
OMP_NUM_THREADS=1 "$dir/venv/bin/python" -W ignore - <<'PY'
import math
from importlib.metadata import version

import numpy as np
import pyloudnorm
import torch
import torchaudio

time, gaps = np.arange(12000) / 16000, {}
for hertz, peak in ((440, 0.9), (3000, 0.45), (3000, 0.9)):
    wave = peak * np.sin(2 * np.pi * hertz * time)
    theirs = float(torchaudio.functional.loudness(torch.from_numpy(wave).float()[None], 16000))
    other = pyloudnorm.Meter(16000).integrated_loudness(wave)
    gaps[hertz, peak] = theirs - other
    print(f"torchaudio {torchaudio.__version__}: {hertz} Hz, peak {peak}: {theirs:.2f} LUFS; "
          f"pyloudnorm {version('pyloudnorm')}: {other:.2f}")
silence = float(torchaudio.functional.loudness(torch.zeros(1, 16000), 16000))
other = pyloudnorm.Meter(16000).integrated_loudness(np.zeros(16000))
print(f"silence: torchaudio {silence}, pyloudnorm {other}")
assert abs(gaps[440, 0.9]) < 0.01 and abs(gaps[3000, 0.45]) < 0.01 and -2 < gaps[3000, 0.9] < -1.4
assert math.isnan(silence) and other == -math.inf
PY
