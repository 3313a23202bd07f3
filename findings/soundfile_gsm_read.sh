#!/usr/bin/env bash
# soundfile 0.14.0: of a WAV in GSM 6.10, G.721 or NMS ADPCM that it has written itself, SoundFile(path).read() raises
# ValueError ("frames must be specified for non-seekable files"), although the file is an ordinary one on disk: the
# codec cannot seek. soundfile.read(path) and reading in pieces give every sample. One would have guessed that a file on
# disk is seekable, and that the method reads what the function of the same name reads. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install soundfile==0.14.0 numpy==2.4.6 2>/dev/null
"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
import numpy as np, soundfile
wave = 0.3 * np.sin(np.arange(64000) / 9)
for subtype in ("GSM610", "G721_32", "NMS_ADPCM_16"):
    path = f"{sys.argv[1]}/{subtype}.wav"
    soundfile.write(path, wave, 16000, subtype=subtype)
    function = len(soundfile.read(path)[0])
    with soundfile.SoundFile(path) as sound:
        try:
            said = f"{len(sound.read())} samples"
        except ValueError as error:
            said = f"ValueError: {error}"
    with soundfile.SoundFile(path) as sound:
        pieces, seekable = 0, sound.seekable()
        while len(block := sound.read(16000)):
            pieces += len(block)
    print(f"soundfile {soundfile.__version__}: {subtype}: seekable {seekable}; SoundFile.read(): {said}; "
          f"soundfile.read(): {function} samples; in pieces: {pieces}")
    assert not seekable and "frames must be specified" in said and pieces == function >= 64000
PY
