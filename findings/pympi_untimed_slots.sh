#!/usr/bin/env bash
# pympi-ling 1.71: words of a tier that divides an utterance share time slots, and in EAF a slot between two words may
# have no time (ELAN writes it so until somebody moves the boundary, and shows the words at equal lengths). pympi gives
# such words None as start or end, and to_textgrid leaves both out in silence: one empty interval of the utterance's
# length stands in their place, while the utterance itself is kept. One would have guessed the times that ELAN shows, or
# an error. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet --disable-pip-version-check install pympi-ling==1.71 2>/dev/null
"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

from pympi.Elan import Eaf


def annotation(name, first, last, value):
    return (f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{name}" TIME_SLOT_REF1="{first}" TIME_SLOT_REF2="{last}">'
            f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>")


def content(time):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="0"/>
<TIME_SLOT TIME_SLOT_ID="ts3"{time}/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="3000"/>
<TIME_SLOT TIME_SLOT_ID="ts5" TIME_VALUE="3000"/></TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="utterance" TIER_ID="utterance">{annotation("a1", "ts1", "ts5", "go away")}</TIER>
<TIER LINGUISTIC_TYPE_REF="word" PARENT_REF="utterance" TIER_ID="word">
{annotation("a2", "ts2", "ts3", "go")}{annotation("a3", "ts3", "ts4", "away")}</TIER>
<LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="utterance" TIME_ALIGNABLE="true"/>
<LINGUISTIC_TYPE CONSTRAINTS="Time_Subdivision" GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="word" TIME_ALIGNABLE="true"/>
<CONSTRAINT DESCRIPTION="Time subdivision of parent annotation's time interval, no time gaps allowed within this interval"
 STEREOTYPE="Time_Subdivision"/>
</ANNOTATION_DOCUMENT>"""


found = {}
for what, time in (("with a time", ' TIME_VALUE="1500"'), ("without", "")):
    path = Path(sys.argv[1], "a.eaf")
    path.write_text(content(time))
    eaf = Eaf(path)
    words = sorted(eaf.get_annotation_data_for_tier("word"), key=lambda word: word[2])
    tiers = {tier.name: [tuple(one) for one in tier.get_all_intervals()] for tier in eaf.to_textgrid().get_tiers()}
    found[what] = words, tiers
    print(f"pympi-ling {version('pympi-ling')}: the slot between {what}: words {words}; as a TextGrid {tiers}")
words, tiers = found["with a time"]
assert words == [(1500, 3000, "away"), (0, 1500, "go")] and [one[2] for one in tiers["word"]] == ["go", "away"]
words, tiers = found["without"]
assert words == [(None, 3000, "away"), (0, None, "go")] and [one[2] for one in tiers["word"]] == [""]
assert [one[2] for one in tiers["utterance"]] == ["go away"]
PY
