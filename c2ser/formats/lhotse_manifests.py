"""lhotse's manifests as plain JSON: recordings, supervisions and cuts. lhotse itself is not needed.

A supervision names the channel that carries the speech and holds the emotion, and whatever else is known, under `custom`.
"""

import gzip
import io
import json
from pathlib import Path

from c2ser.errors import InputError
from c2ser.fileio import atomic_write
from c2ser.formats.reading import find, json_lines, reading
from c2ser.formats.rows import NUMBERS, PLACES, TABLES, WORDS, from_record

HOLDS = (*TABLES.values(), *PLACES)
OWN = ("text", "language", "speaker")
"""Keys that a supervision has a field for; the others stand under `custom`."""


def entries(rows):
    """(recordings by id, supervisions) of rows, as lhotse writes them."""
    recordings, supervisions = {}, []
    for row in rows:
        name, (frames, rate, channels) = row.recording or row.id, row.header
        numbers = list(range(channels))
        recordings[name] = {
            "id": name, "sources": [{"type": "file", "channels": numbers, "source": row.audio}],
            "sampling_rate": rate, "num_samples": frames, "duration": frames / rate, "channel_ids": numbers,
        }  # fmt: skip
        start, duration = (0.0, frames / rate) if row.start is None else (row.start, round(row.end - row.start, 8))
        record = row.record()
        channel = numbers if row.channel == "mean" else (row.channel or 1) - 1
        entry = {"id": row.id, "recording_id": name, "start": start, "duration": duration, "channel": channel}
        entry |= {key: record[key] for key in ("text", "language", "speaker", "gender") if key in record}
        custom = {key: record[key] for key in (*WORDS, *NUMBERS) if key in record and key not in OWN}
        supervisions.append({**entry, "custom": custom})
    return dict(sorted(recordings.items())), supervisions


def cuts(recordings, supervisions):
    """Yield a cut for each supervision, its times those of the cut."""
    for one in supervisions:
        kind = "MultiCut" if isinstance(one["channel"], list) else "MonoCut"
        place = {key: one[key] for key in ("id", "start", "duration", "channel")}
        yield {**place, "supervisions": [{**one, "start": 0.0}], "recording": recordings[one["recording_id"]], "type": kind}


def write(rows, folder, options):
    """Write recordings.jsonl.gz, supervisions.jsonl.gz and cuts.jsonl.gz."""
    recordings, supervisions = entries(rows)
    listed = {"recordings": recordings.values(), "supervisions": supervisions, "cuts": cuts(recordings, supervisions)}
    for name, items in listed.items():
        write_lines(folder / f"{name}.jsonl.gz", items)


def write_lines(path, items):
    """Write dicts as gzipped JSON lines, the same bytes each time."""
    with atomic_write(path, "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as stream:
            for item in items:
                stream.write(json.dumps(item, ensure_ascii=False, allow_nan=False) + "\n")


def read(path, options):
    """Yield (where, `Row`) of every supervision of cuts, or of recordings and supervisions, in a file or folder."""
    for file in find(path, "*cuts*.jsonl*", "*supervisions*.jsonl*"):
        with reading(file):
            if "supervisions" in file.name:
                listed = find(file.with_name(file.name.replace("supervisions", "recordings")))[0]
                known = {entry["id"]: entry for _, entry in json_lines(listed)}
                pairs = ((where, known[one["recording_id"]], one, 0.0) for where, one in json_lines(file))
            else:
                pairs = ((where, *pair) for where, cut in json_lines(file) for pair in of_cut(cut, where))
            for where, recording, one, offset in pairs:
                sources = recording.get("sources") or [{}]
                if len(sources) > 1 or sources[0].get("type") != "file" or recording.get("transforms"):
                    kinds = ", ".join(str(source.get("type")) for source in sources)
                    raise InputError(f"{where}: sources {kinds}: only single files, unchanged, are taken; nothing is run or fetched")
                audio = str(Path(file.parent, sources[0]["source"]))
                yield where, row_of(one, recording, audio, offset, options.columns)


def of_cut(cut, where):
    """Yield (recording, supervision, start of the cut in s) of each supervision. Raises InputError for a mixture."""
    if cut.get("type", "MonoCut") not in ("MonoCut", "MultiCut") or "recording" not in cut:
        raise InputError(f"{where}: {cut.get('type')} without a recording of its own; only parts of recordings are taken")
    for one in cut.get("supervisions", ()):
        yield cut["recording"], one, cut["start"]


def row_of(one, recording, audio, offset, columns):
    """A `Row` of a supervision whose times count from `offset` seconds."""
    channel, start = one.get("channel", 0), offset + one["start"]
    if isinstance(channel, list):
        channel = "mean" if len(channel) > 1 else channel[0]
    place = {"start": start, "end": start + one["duration"], "channel": channel if channel == "mean" else channel + 1}
    return from_record({**one, **(one.get("custom") or {})}, audio, columns, recording=recording["id"], **place)
