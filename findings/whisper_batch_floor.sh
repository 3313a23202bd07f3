#!/usr/bin/env bash
# openai-whisper 20250625: log_mel_spectrogram takes a batch, and lifts all of it to 80 dB under the loudest point of the whole
# batch: a vowel beside the same one 40 dB louder gets other features than alone in three quarters of its numbers, in
# silence. transformers' extractor of the same features (5.17.0), given the same two, gives the quiet one what it gets alone.
# One would have guessed that a batch is computed row by row, since alone the two libraries agree to 1e-6.
# Fails if that changes.
# TORCH_INDEX_URL: another index for torch, such as that of its CPU builds.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install ${TORCH_INDEX_URL:+--extra-index-url "$TORCH_INDEX_URL"} \
    torch==2.13.0 transformers==5.17.0 tokenizers==0.23.3 numpy==2.4.6 tqdm==4.70.1 tiktoken==0.14.0 numba==0.68.1 \
    more-itertools==11.2.1 setuptools==80.9.0 wheel==0.45.1 2>/dev/null
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install --no-deps --no-build-isolation openai-whisper==20250625 2>/dev/null
OMP_NUM_THREADS=1 "$dir/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
import numpy as np
import torch
import transformers
import whisper
from transformers import WhisperFeatureExtractor

time = np.arange(480000) / 16000
vowel = sum(np.sin(2 * np.pi * 150 * k * time) / k**2 for k in range(1, 50)) * (np.sin(6 * time) > -0.5)
loud = (0.3 * vowel + 1e-4 * np.random.default_rng(0).normal(size=480000)).astype("float32")
quiet = loud / 100
both = np.stack([quiet, loud])
whispers = [whisper.log_mel_spectrogram(torch.from_numpy(value)).numpy() for value in (quiet, both)]
extractor = WhisperFeatureExtractor(feature_size=80)
theirs = [extractor(list(value), sampling_rate=16000, return_tensors="np").input_features for value in (quiet[None], both)]
gaps = [np.abs(one - two[0]).max() for one, two in (whispers, (theirs[0][0], theirs[1]))]
share = (np.abs(whispers[0] - whispers[1][0]) > 0.01).mean()
print(f"openai-whisper {whisper.__version__}: the quiet utterance beside the loud one against alone: up to {gaps[0]:.2f} apart, "
      f"{share:.0%} of its numbers; transformers {transformers.__version__}: {gaps[1]:.2g}; "
      f"the two libraries alone: {np.abs(whispers[0] - theirs[0][0]).max():.1g}")
assert gaps[0] > 0.1 and share > 0.5 and gaps[1] < 1e-5 and np.abs(whispers[0] - theirs[0][0]).max() < 1e-4
PY
