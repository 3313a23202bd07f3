"""audeering's audformat: db.yaml, which describes, and a table of values, db.<table>.csv or .parquet.

audformat itself is not needed, and would load a table from a pickle that lies beside it; here none is opened.
"""

import yaml

from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.fileio import atomic_write
from c2ser.formats.nkululeko import HOLDS, seconds, write_csv  # noqa: F401  HOLDS: the same
from c2ser.formats.parquet import batches
from c2ser.formats.reading import csv_rows, find, reading
from c2ser.formats.rows import NUMBERS, from_record
from c2ser.yamlfile import parse_yaml

HEAD = "db.yaml"


def write(rows, folder, options):
    """Write db.yaml and db.emotion.csv, one table with all columns; speaker and emotion have schemes with their labels."""
    names = write_csv(rows, folder / "db.emotion.csv")
    schemes = {name: {"dtype": "float" if name in NUMBERS else "str"} for name in names}
    for name in {"emotion", "speaker"}.intersection(names):
        schemes[name]["labels"] = sorted({row.values[name] for row in rows if name in row.values})
    table = {"type": "segmented" if any(row.start is not None for row in rows) else "filewise",
             "columns": {name: {"scheme_id": name} for name in names}}  # fmt: skip
    about = {"name": "c2ser", "source": "written by c2ser export-data", "usage": "other", "languages": []}  # what may be done with the speech is not known here
    with atomic_write(folder / HEAD) as stream:
        yaml.safe_dump({**about, "schemes": schemes, "tables": {"emotion": table}}, stream, sort_keys=False, allow_unicode=True)


def read(path, options):
    """Yield (where, `Row`) of a database: all its tables, joined by file, or by file, start and end.

    Labels of schemes that are described, such as a speaker's gender or the words of a text, are looked up.
    """
    head = find(path, HEAD)[0]
    with reading(head):
        described = parse_yaml(read_text(head)) or {}
        schemes = {name: _labels(head, described, scheme or {}) for name, scheme in (described.get("schemes") or {}).items()}
        joined = {}
        for name, table in (described.get("tables") or {}).items():
            for where, record in _table(head.parent, name):
                times = tuple(seconds(record.get(key), where) for key in ("start", "end"))
                times = (None, None) if times == (0, None) else times
                _, known = joined.setdefault((record["file"], *times), (where, {}))
                for column, settings in (table.get("columns") or {}).items():
                    known |= _values(column, record.get(column), schemes.get((settings or {}).get("scheme_id"), {}))
    whole = {file: known for (file, start, _), (_, known) in joined.items() if start is None}
    parts = {file for file, start, _ in joined if start is not None}
    for (file, start, end), (where, known) in joined.items():
        if start is None and file in parts:
            continue  # what is said of a file holds for each of its segments
        record = {**whole.get(file, {}), **known}
        yield where, from_record(record, str(head.parent / file), options.columns, start=start, end=end)


def _values(column, value, labels):
    """What a cell says: its value, or what its scheme says of that; nothing where it is empty."""
    if value is None or value == "" and column != "text":
        return {}
    about = labels.get(str(value))
    if isinstance(about, dict):
        return {key: one for key, one in about.items() if one is not None} | {column: value}
    return {column: value if about is None else about}


def _labels(head, described, scheme):
    """Label → what is known of it: of a dict of labels, or of the table that is named instead."""
    labels = scheme.get("labels")
    if isinstance(labels, str):
        if labels not in (described.get("misc_tables") or {}):
            raise InputError(f"{head}: labels: {labels}: no such table among misc_tables")
        levels = list(described["misc_tables"][labels]["levels"])
        return {str(record.get(levels[0])): record for _, record in _table(head.parent, labels)}
    return {str(label): about for label, about in labels.items()} if isinstance(labels, dict) else {}


def _table(folder, name):
    """Yield (where, dict) of the rows of a table."""
    places = [folder / f"db.{name}.{suffix}" for suffix in ("csv", "parquet")]
    if not any(place.is_file() for place in places):
        raise InputError(f"{folder}/{HEAD}: table {name}: neither {places[0].name} nor {places[1].name} is there; a pickle is not "
                         "opened: save it with storage_format csv")  # fmt: skip
    if places[0].is_file():
        yield from csv_rows(places[0])
        return
    number = 0
    for batch, _ in batches(places[1]):
        for record in batch:
            number += 1
            spans = {key: value.total_seconds() for key, value in record.items() if hasattr(value, "total_seconds")}
            yield f"{places[1]}: row {number}", record | spans
