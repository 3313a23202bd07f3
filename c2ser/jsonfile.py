"""JSON files: written whole or not at all, and read with a message that names the file."""

import json
from pathlib import Path

from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.fileio import atomic_write


def write_json(path, content):
    """Write what JSON can hold; NaN and infinity are no part of it and raise ValueError."""
    with atomic_write(path) as stream:
        json.dump(content, stream, indent=1, ensure_ascii=False, allow_nan=False)
        stream.write("\n")


def parse_json(text):
    """What a JSON text, a str or bytes, holds. Raises ValueError for what is none, or is nested too deeply to be read."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_json(path, remedy):
    """Read a file with one JSON object as a dict. Raises InputError with the remedy where it is absent or another."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; {remedy}")
    try:
        content = parse_json(read_text(path))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); {remedy}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object; {remedy}")
    return content
