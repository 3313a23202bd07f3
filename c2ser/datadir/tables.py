"""Kaldi tables: text files of `key value` lines, sorted and unique by the bytes of the key (LC_ALL=C)."""

import re
import sys
from codecs import BOM_UTF8
from pathlib import Path

from c2ser import encodings
from c2ser.datadir.faults import some
from c2ser.errors import InputError
from c2ser.fileio import atomic_write

_KEY = re.compile("(?!\ufeff)[^\\s\0\ud800-\udfff]+")
_NO_VALUE = re.compile("[\t\n\r\0\ud800-\udfff]")
"""What is read back as one key, and what of a value is not: lone surrogates stand for bytes that are no UTF-8."""


def read_lines(path):
    """Yield (line number, line without its end) of a UTF-8 text file, checking the form that every table shares.

    Raises InputError, naming file and line, for a missing file, a byte order mark, bytes that are not UTF-8 and
    carriage returns (Windows line ends).
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    number = 1
    for block in _blocks(path):
        if b"\r" in block or b"\0" in block or len(block) > encodings.LINE or number == 1 and block.startswith(BOM_UTF8):
            _refuse(path, number, block)
        try:
            text = block.decode("utf-8")
        except UnicodeDecodeError:
            _refuse(path, number, block)
        yield from enumerate(text.removesuffix("\n").split("\n"), number)
        number += text.count("\n")


def _blocks(path):
    """Whole lines of a file, about a MB at a time: many are checked at once as soon as one is."""
    with open(path, "rb") as stream:
        rest = b""
        while block := stream.read(1 << 20):
            lines, end, rest = (rest + block).rpartition(b"\n")
            if end or len(rest) > encodings.LINE:  # a line that is too long is held no further
                yield lines + end or rest
        if rest:
            yield rest


def _refuse(path, number, block):
    """Say what is wrong with a block, whose first line has this number, at the first line that is wrong."""
    for place, raw in enumerate(block.split(b"\n"), number):
        where = f"{path}:{place}"
        if place == 1 and raw.startswith(BOM_UTF8):
            raise InputError(f"{where}: the file starts with a byte order mark; utils/fix_data_dir.sh removes it")
        if b"\0" in raw:
            raise InputError(f"{where}: {encodings.fault(path)}")
        if len(raw) > encodings.LINE:
            raise InputError(f"{where}: a line of more than {encodings.LINE} bytes: no table; make it again")
        if b"\r" in raw:
            raise InputError(f"{where}: carriage return (Windows line end); utils/fix_data_dir.sh removes it")
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{where}: {encodings.fault(path)}") from None


def split_line(line, where, empty_ok=False):
    """Split a table line into (key, value). Raises InputError for a blank line or, unless `empty_ok`, no value."""
    key, value = _parts(line)
    if not key:
        raise InputError(f"{where}: blank line or leading blank; every line is `key value`")
    if not value and not empty_ok:
        raise InputError(f"{where}: {key} has no value")
    return key, value


def _parts(line):
    key, _, value = (line.replace("\t", " ") if "\t" in line else line).partition(" ")
    return key, value.strip()


def read_table(path, empty_ok=False):
    """Read a table as a dict in file order.

    `empty_ok` admits lines with a key only (an empty transcript). Raises InputError, naming file, line and key, for
    everything `read_lines` refuses, a blank line, a missing value, a duplicate key, or keys out of byte order.
    """
    table, previous, intern = {}, "", sys.intern
    for number, line in read_lines(path):
        key, value = _parts(line)
        if not key or not (value or empty_ok):
            split_line(line, f"{path}:{number}", empty_ok)  # which raises, naming the line
        if key <= previous:  # Python compares code points, and UTF-8 keeps their order
            if key in table:
                raise InputError(f"{path}:{number}: duplicate id {key}; remove one of the two lines")
            raise InputError(
                f"{path}:{number}: {key} stands after {previous}: not sorted as LC_ALL=C sorts; "
                "utils/fix_data_dir.sh sorts it"
            )
        previous = intern(key)  # one id in memory for all tables of a directory
        table[previous] = value
    return table


def read_entries(path, utterances, remedy="rerun its stage", empty_ok=False):
    """`read_table`, checked to hold every one of these utterances. Raises InputError with the remedy where it does not."""
    table = read_table(path, empty_ok)
    lacking = [utterance for utterance in utterances if utterance not in table]
    if lacking:
        raise InputError(f"{path}: no entry for {len(lacking)} utterances ({some(lacking)}); {remedy}")
    return table


def write_table(path, table):
    """Write a dict as a table, sorted by byte order, under its final name only when complete.

    Of a value the outer blanks are not kept. Raises InputError, naming file and key, for a key that is empty or holds
    blanks, and for tabs, line ends, zero bytes and what is no UTF-8: it would not be read back.
    """
    for key, value in table.items():
        if not _KEY.fullmatch(key) or _NO_VALUE.search(str(value)):
            what = f"{path}: {key!r} {str(value)!r:.200} cannot stand in a table"
            raise InputError(f"{what}: ids hold no blanks, values no tabs or line ends, and all of it is UTF-8; rename it")
    with atomic_write(path) as stream:
        for key in sorted(table):  # by code points, which UTF-8 keeps in order
            stream.write(f"{key} {table[key]}\n" if str(table[key]) else f"{key}\n")
