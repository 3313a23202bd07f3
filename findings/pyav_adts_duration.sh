#!/usr/bin/env bash
# PyAV 18.1.0: the duration of a raw AAC (ADTS) file is an estimate from its bit rate, which nothing on the stream or
# the container tells apart from one that was counted: 3.9 s for 65,536 decoded samples (4.096 s) of a 4 s tone with
# pauses, while the same packets in mp4 have 4.0 s, counted. One would have guessed that stream.duration is None where
# the format has no length, as it is for FLAC without one. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install av==18.1.0 numpy==2.4.6 2>/dev/null
"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
from fractions import Fraction
import av, numpy as np
time = np.arange(64000) / 16000
tone = (0.3 * np.sin(2 * np.pi * (150 + 40 * np.sin(2 * time)) * time) * (np.sin(9 * time) > -0.3)).astype("float32")
found = {}
for form in ("adts", "mp4"):
    path = f"{sys.argv[1]}/a.{form}"
    with av.open(path, "w", format=form) as container:
        stream = container.add_stream("aac", 16000)
        stream.layout = "mono"
        for at in range(0, 64000, 1024):
            part = np.zeros((1, 1024), "float32")
            part[0, : len(tone[at : at + 1024])] = tone[at : at + 1024]
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, at, Fraction(1, 16000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(path) as container:
        stream = container.streams.audio[0]
        announced = stream.duration and float(stream.duration * stream.time_base)
        decoded = sum(frame.samples for frame in container.decode(stream)) / 16000
    found[form] = announced, decoded
    print(f"PyAV {av.__version__}: {form}: announced {announced:.3f} s, decoded {decoded:.3f} s")
assert 0.05 < found["adts"][1] - found["adts"][0] < 0.5 and abs(found["mp4"][1] - found["mp4"][0]) < 0.05
PY
