"""Writing files so that nothing half-written is ever left under its final name."""

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path

from c2ser.errors import InputError


@contextmanager
def atomic_write(path, mode="w"):
    """Open a file beside `path` for writing and rename it to `path` when the block ends without an error.

    Text is UTF-8 with LF line ends. On an error the partial file is removed and `path` keeps what it held; an OSError
    names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with open(partial, mode, **text) as stream:
            yield stream
        os.replace(partial, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename in (None, str(partial)):
            error.filename = str(path)  # a full disk is told without a name
        partial.unlink(missing_ok=True)
        raise


def sha256(path):
    """SHA-256 of a file's bytes as a hexadecimal string. Raises InputError where there is no such file."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
