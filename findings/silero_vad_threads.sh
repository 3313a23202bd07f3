#!/usr/bin/env bash
# silero-vad 6.2.3: `import silero_vad` sets torch to a single thread for the whole process, in silence; whatever is computed
# after it, a language model for instance, runs on one core. One would have guessed that an import changes nothing of another
# library, or that the model limits itself while it runs. Putting the number back after the import changes no answer. Fails if
# that changes. TORCH_INDEX_URL: another index for torch, such as that of its CPU builds.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install ${TORCH_INDEX_URL:+--extra-index-url "$TORCH_INDEX_URL"} \
    silero-vad==6.2.3 torch==2.13.0 numpy==2.4.6 onnxruntime==1.32.0
"$dir/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy
import torch

torch.set_num_threads(2)
import silero_vad

after = torch.get_num_threads()
noise = torch.from_numpy(numpy.random.default_rng(0).normal(0, 0.3, 16000 // 512 * 512).astype("float32")).split(512)
probabilities = []
for threads in (1, 2):
    torch.set_num_threads(threads)
    model = silero_vad.load_silero_vad(onnx=True)
    probabilities.append([model(chunk, 16000).item() for chunk in noise])
print(f"silero-vad {version('silero-vad')}, torch {torch.__version__}: two threads before the import, {after} after it; "
      f"probabilities of voice with one and two threads alike: {probabilities[0] == probabilities[1]}")
assert after == 1 and probabilities[0] == probabilities[1]
PY
