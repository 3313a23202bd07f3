"""nkululeko's CSV: a line an utterance, `file` and, for parts of files, `start` and `end` first, then whatever else is known."""

import csv
import re

from c2ser.errors import InputError
from c2ser.fileio import atomic_write
from c2ser.formats.reading import csv_rows, find
from c2ser.formats.rows import PLACES, TABLES, from_record

HOLDS = (*TABLES.values(), *PLACES)
TIME = re.compile(r"(?:(\d+) days? )?(?:(\d+):(\d\d):)?(\d+(?:\.\d+)?)(?: ?s)?")


def write(rows, folder, options):
    """Write data.csv. Its first columns are audformat's index; nkululeko reads speaker, gender and the target by name."""
    write_csv(rows, folder / "data.csv")


def write_csv(rows, path):
    """Write rows as the CSV that audformat and nkululeko index; returns the names of the other columns."""
    records, segmented = [row.record() for row in rows], any(row.start is not None for row in rows)
    names = [name for name in ("speaker", "gender", "emotion") if any(name in record for record in records)]
    names += sorted({name for record in records for name in record}.difference(names))
    with atomic_write(path) as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(["file", *(["start", "end"] if segmented else []), *names])
        for row, record in zip(rows, records):
            span = [time(row.start), time(row.end)] if segmented else []
            lines.writerow([row.audio, *span, *(record.get(name, "") for name in names)])
    return names


def time(seconds):
    """Seconds as pandas writes a span of time."""
    whole, micro = divmod(round(seconds * 1e6), 1_000_000)
    return f"{whole // 86400} days {whole // 3600 % 24:02}:{whole // 60 % 60:02}:{whole % 60:02}.{micro:06}"


def seconds(text, where):
    """What stands in a column of times in s: a number of them, `1.5s`, or pandas' `0 days 00:00:01.5`; None for none."""
    if text in (None, "", "NaT"):
        return None
    found = TIME.fullmatch(str(text))
    if not found:
        raise InputError(f"{where}: {text!r} is no time; write seconds")
    days, hours, minutes, rest = found.groups()
    return int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest)


def read(path, options):
    """Yield (where, `Row`) of a CSV file, or of those in a folder; relative names are looked for beside it."""
    for file in find(path, "*.csv"):
        for where, record in csv_rows(file):
            if not record.get("file"):
                raise InputError(f"{where}: no column `file`, or nothing in it")
            times = {key: seconds(record.get(key), where) for key in ("start", "end")}
            if (times["start"], times["end"]) == (0, None):
                times["start"] = None
            yield where, from_record(record, str(file.parent / record["file"]), options.columns, **times)
