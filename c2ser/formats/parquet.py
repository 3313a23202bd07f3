"""Hugging Face's `datasets`: parquet with an Audio feature that holds the files themselves; Arrow files are read, too.

The library itself is not needed: pyarrow reads and writes, and the features stand in the schema. Nothing is run.
"""

import json
from pathlib import Path

from c2ser.errors import InputError
from c2ser.formats import need
from c2ser.formats.reading import find, reading
from c2ser.formats.rows import NUMBERS, TABLES, from_record

HOLDS = tuple(TABLES.values())
GROUP = 100
"""Rows that are written at a time."""


def write(rows, folder, options):
    """Write data/train-00000-of-00001.parquet, which `datasets.load_dataset(folder)` finds; `emotion` is a ClassLabel.

    A file that is one utterance is kept to the byte; a part of one becomes FLAC.
    """
    pa, pq = need("pyarrow"), need("pyarrow.parquet")
    keys = sorted({key for row in rows for key in row.values}, key=list(TABLES).index)
    labels = sorted({row.values["emotion"] for row in rows if "emotion" in row.values})
    kinds = {key: ("float64", pa.float64()) if key in NUMBERS else ("string", pa.string()) for key in ("id", *keys)}
    features = {key: {"dtype": kind, "_type": "Value"} for key, (kind, _) in kinds.items()} | {"audio": {"_type": "Audio"}}
    columns = {key: kind for key, (_, kind) in kinds.items()}
    columns["audio"] = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    if labels:
        features["emotion"], columns["emotion"] = {"names": labels, "_type": "ClassLabel"}, pa.int64()
    head = {"huggingface": json.dumps({"info": {"features": features}})}
    (folder / "data").mkdir()
    with pq.ParquetWriter(folder / "data/train-00000-of-00001.parquet", pa.schema(list(columns.items()), head)) as out:
        for first in range(0, len(rows), GROUP):
            batch = [_cells(row, labels) for row in rows[first : first + GROUP]]
            out.write_table(pa.Table.from_pylist(batch, schema=out.schema))


def _cells(row, labels):
    data, suffix = row.sound()
    record = row.record() | {"audio": {"bytes": data, "path": f"{row.id}{suffix}"}}
    return record | ({"emotion": labels.index(record["emotion"])} if "emotion" in record else {})


def read(path, options):
    """Yield (where, `Row`) of the parquet or Arrow files that lie in a folder, in any depth."""
    for file in find(path, "**/*.parquet", "**/*.arrow"):
        number = 0
        with reading(file):
            for batch, names in batches(file):
                for record in batch:
                    number += 1
                    where = f"{file}: row {number}"
                    named = {key: _name(known, record[key], where) for key, known in names.items() if record.get(key) is not None}
                    yield where, _row(record | named, file, where, options)


def batches(file):
    """Yield (list of dicts, column → names of its classes) of a file."""
    pa, pq = need("pyarrow"), need("pyarrow.parquet")
    if file.suffix == ".arrow":
        parts = pa.ipc.open_stream(pa.memory_map(str(file)))
        schema = parts.schema
    else:
        opened = pq.ParquetFile(file)
        schema, parts = opened.schema_arrow, opened.iter_batches(GROUP)
    features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    names = {key: feature["names"] for key, feature in features.items() if feature.get("_type") == "ClassLabel"}
    for part in parts:
        yield part.to_pylist(), names


def _name(names, value, where):
    if value == -1:  # how `datasets` writes that there is none
        return None
    if not isinstance(value, int) or not 0 <= value < len(names):
        raise InputError(f"{where}: class {value!r}, but there are {len(names)}")
    return names[value]


def _row(record, file, where, options):
    sound = record.get(options.columns.get("audio", "audio")) or record.get("file") or record.get("path")
    data, name = (sound.get("bytes"), sound.get("path")) if isinstance(sound, dict) else (None, sound)
    if not data and not isinstance(name, str):
        raise InputError(f"{where}: no sound in a column `audio`; name the one that has it with --columns audio=…")
    row = from_record(record, data or str(file.parent / name), options.columns)
    if data:
        suffix = Path(name or "").suffix
        row.suffix = suffix if suffix[1:].isalnum() and len(suffix) < 7 else ".wav"
        row.id = row.id or (Path(name).stem if name else f"{file.stem}-{where.rpartition(' ')[2]}")
    return row
