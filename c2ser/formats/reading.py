"""Reading the files of other formats entry by entry, each with the place that a message names."""

import csv
import gzip
import tarfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import yaml

from c2ser.encodings import LINE
from c2ser.errors import InputError, brief
from c2ser.jsonfile import parse_json


def find(path, *patterns):
    """The files that `path` is, or that lie in it under the first of the patterns that any has. Raises InputError for none."""
    path = Path(path)
    found = [path] if path.is_file() else next((hits for one in patterns if (hits := sorted(path.glob(one)))), [])
    if not found:
        raise InputError(f"{path}: no file {' or '.join(patterns)} is there")
    return found


def json_lines(path):
    """Yield (where, dict) of the lines of a .jsonl or .jsonl.gz file; of a file with one JSON list, of its entries."""
    with reading(path), (gzip.open if path.suffix == ".gz" else open)(path, "rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LINE), b""), 1):
            if number == 1 and line.lstrip().startswith(b"["):
                listed = _object(line + stream.read(1 << 30), f"{path}", list)
                yield from ((f"{path}: entry {entry}", _is(one, f"{path}: entry {entry}")) for entry, one in enumerate(listed, 1))
                return
            if line.strip():
                yield f"{path}:{number}", _object(line, f"{path}:{number}", dict)


def _object(text, where, kind):
    try:
        return _is(parse_json(text), where, kind)
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({error})") from None


def _is(value, where, kind=dict):
    if not isinstance(value, kind):
        raise InputError(f"{where}: expected a JSON {'object' if kind is dict else 'list'}")
    return value


def csv_rows(path):
    """Yield (where, dict) of the lines of a CSV file with a head; values are str."""
    with reading(path), open(path, encoding="utf-8-sig", newline="") as stream:
        lines = csv.DictReader(stream, strict=True)
        for row in lines:
            if None in row or None in row.values():
                raise InputError(f"{path}:{lines.line_num}: {len(lines.fieldnames)} columns are named, but not so many are here")
            yield f"{path}:{lines.line_num}", row


OTHERS = (NotImplementedError, EOFError, csv.Error, zlib.error, yaml.YAMLError, tarfile.TarError)


@contextmanager
def reading(path):
    """Inside, what libraries say of a file that they cannot read becomes an InputError that names it."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, *OTHERS) as error:
        raise InputError(f"{path}: damaged, or not of this format ({type(error).__name__}: {brief(error)})") from None
    except OSError as error:  # pyarrow and tarfile have those, too
        raise InputError(f"{path}: cannot be read ({brief(error)})") from None
