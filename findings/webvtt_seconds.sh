#!/usr/bin/env bash
# webvtt-py 0.6.0: the times of a cue in seconds are whole numbers, cut down: 00:00:01.500 to 00:00:01.980 is 1 to 1, a
# segment of no length, and 14.999 is 14. The strings beside them keep the milliseconds. The text has its tags taken
# out, but keeps "&amp;" and "&lt;" as they stand in the file. One would have guessed 1.5 and 1.98, since the format
# counts milliseconds, and a text whose escapes are undone with its tags. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install webvtt-py==0.6.0 2>/dev/null
"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import webvtt

path = Path(sys.argv[1], "a.vtt")
path.write_text("WEBVTT\n\n00:00:01.500 --> 00:00:01.980\n<v Ann>No!</v>\n\n"
                "00:00:13.020 --> 00:00:14.999\n<i>Tom</i> &amp; I: 3 &lt; 4\n")
cues = [(cue.start, cue.end, cue.start_in_seconds, cue.end_in_seconds, cue.text) for cue in webvtt.read(str(path))]
for start, end, first, last, text in cues:
    print(f"webvtt-py {version('webvtt-py')}: {start} --> {end}: {first!r} to {last!r} s, text {text!r}")
assert [cue[:2] for cue in cues] == [("00:00:01.500", "00:00:01.980"), ("00:00:13.020", "00:00:14.999")]
assert [cue[2:] for cue in cues] == [(1, 1, "No!"), (13, 14, "Tom &amp; I: 3 &lt; 4")]
PY
