"""Reading a table however damaged it is: its rows, and every fault of its form.

`tables.read_table` stops at the first fault, as a reader of good data should. Checking and mending need all of them
at once, with line numbers.
"""

import re
import sys
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from c2ser import encodings
from c2ser.datadir.datadir import TEXT_TABLES, DataDir
from c2ser.datadir.faults import Fault
from c2ser.datadir.tables import split_line

MENDS = "utils/fix_data_dir.sh mends it"
MENDABLE = frozenset(
    "bom crlf no-newline blank-line leading-blank trailing-blank double-blank tab not-nfc duplicate unsorted".split()
)
"""Kinds of fault that reading with `scan` and writing again removes."""

ODD = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd]")
"""Control characters other than the tab, and the character that stands for undecodable bytes."""


class Row(NamedTuple):
    """A line of a table. value is None where the fault that hides it is reported already."""

    line: int
    key: str
    value: str | None


@dataclass
class Scan:
    """A table as it was found."""

    path: Path
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, kind, line, message):
        """Add a fault of this file."""
        self.faults.append(Fault(kind, str(self.path), line, message))

    @property
    def by_key(self):
        """Key → its first row."""
        rows = {}
        for row in self.rows:
            rows.setdefault(row.key, row)
        return rows


def scan_tables(path):
    """Every known table of a data directory: name → Scan."""
    return {table: scan(Path(path) / table, table in TEXT_TABLES) for table in DataDir(path).tables()}


def scan(path, empty_ok=False):
    """Read a table and all faults of its form; `empty_ok` admits keys without a value."""
    found = Scan(Path(path))
    content = encodings.read_bytes(found.path)
    if not content.strip():
        found.fault("empty", None, "the table is empty; write its lines, or remove the file")
        return found
    if content.startswith(b"\xef\xbb\xbf"):
        found.fault("bom", 1, f"the file starts with a byte order mark; {MENDS}")
        content = content[3:]
    encoding = encodings.detect(content)
    if not encoding.startswith("utf-8"):  # said once; what it holds is checked as it is meant
        found.fault("not-utf8", encodings.first_line(content), encodings.fault(path))
        content = content.decode(encoding, "replace").encode()
    lines = content.removesuffix(b"\n").split(b"\n")
    for number, raw in enumerate(lines, 1):
        _scan_line(found, number, raw, empty_ok)
    if not content.endswith(b"\n"):
        found.fault("no-newline", len(lines), f"the last line has no newline at its end; {MENDS}")
    _find_duplicates(found)
    _find_disorder(found)
    return found


def _scan_line(found, number, raw, empty_ok):
    if raw.endswith(b"\r"):
        found.fault("crlf", number, f"carriage return (Windows line end); {MENDS}")
        raw = raw.rstrip(b"\r")
    readable = True
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError:
        found.fault("not-utf8", number, encodings.fault(found.path))
        line, readable = raw.decode("utf-8", "replace"), False
    if not line.strip(" \t"):
        found.fault("blank-line", number, f"blank line; {MENDS}")
        return
    key, value = split_line(line.strip(" \t"), f"{found.path}:{number}", empty_ok=True)
    key = sys.intern(key)  # one id in memory for all tables of a directory
    if not readable:
        found.rows.append(Row(number, key, None))
        return
    _check_blanks(found, number, key, line)
    _check_characters(found, number, key, line)
    if not value and not empty_ok:
        found.fault("no-value", number, f"{key} has no value; write it, or remove the line")
        value = None
    found.rows.append(Row(number, key, value))


def _check_blanks(found, number, key, line):
    if line[0] in " \t":
        found.fault("leading-blank", number, f"{key}: blank before the id; {MENDS}")
    if line[-1] in " \t":
        found.fault("trailing-blank", number, f"{key}: blank at the end of the line; {MENDS}")
    if "\t" in line:
        found.fault("tab", number, f"{key}: a tab; one blank separates the id from its value; {MENDS}")
    if line.strip(" \t")[len(key) :].startswith(("  ", " \t", "\t ")):
        found.fault("double-blank", number, f"{key}: more than one blank after the id; {MENDS}")


def _check_characters(found, number, key, line):
    if any(character.isspace() for character in key):
        found.fault("odd-id", number, f"{key!r}: the id holds a blank that is not U+0020; rename it in every table")
    if not unicodedata.is_normalized("NFC", key):
        found.fault("not-nfc", number, f"{key}: the id is not in Unicode's composed form (NFC); {MENDS}")
    odd = ODD.search(line)
    if odd:
        _odd_character(found, number, key, odd.group())


def _odd_character(found, number, key, character):
    name = f"U+{ord(character):04X}"
    if character == "\ufffd":
        found.fault("replacement", number, f"{key}: {name}, left by an earlier wrong decoding; write the text anew")
    elif character >= "\x80":
        try:
            meant = bytes([ord(character)]).decode("cp1252")
            remedy = f"it stands for {meant!r}: cp1252 was read as latin-1"
        except UnicodeDecodeError:
            remedy = "the text was read in a wrong encoding"
        found.fault("mojibake", number, f"{key}: {name} is a C1 control character; {remedy}; write the text anew")
    else:
        found.fault("control", number, f"{key}: control character {name}; remove it")


def _find_duplicates(found):
    """Two lines with one id; ids that differ only in their Unicode form count as one."""
    seen = {}
    for row in found.rows:
        first = seen.setdefault(unicodedata.normalize("NFC", row.key), row)
        if first is row:
            continue
        if first.value == row.value:
            message = f"duplicate id {row.key}, the same as line {first.line}; {MENDS}"
            found.fault("duplicate", row.line, message)
        else:
            message = f"duplicate id {row.key}: line {first.line} says {first.value!r}, this one {row.value!r}"
            found.fault("conflict", row.line, f"{message}; remove the wrong one")


def _find_disorder(found):
    for before, row in zip(found.rows, found.rows[1:]):
        if row.key < before.key:
            message = f"{row.key} stands after {before.key}: not sorted as LC_ALL=C sorts; {MENDS}"
            found.fault("unsorted", row.line, message)
