"""Writing files so that nothing half-written is ever left under its final name."""

import errno
import hashlib
import os
import re
import shutil
import time
import zlib
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from c2ser.errors import InputError

PARTIAL = re.compile(r"\..+\.([0-9a-f]{8})-(\d+)\.partial")
"""What `beside` makes: the name, where the process is, its number."""
ROOM = 2**20
"""Bytes below which a disk counts as full."""
DAY = 86400.0
"""Seconds after which what another machine has not completed counts as left behind."""


@contextmanager
def atomic_write(path, mode="w"):
    """Open a file beside `path` for writing and rename it to `path` when the block ends without an error.

    Text is UTF-8 with LF line ends. On an error the partial file is removed and `path` keeps what it held; an OSError
    names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = beside(path)
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    with told_of(path, partial):
        with open(partial, mode, **text) as stream:
            yield stream
        os.replace(partial, path)


@contextmanager
def atomic_folder(path):
    """Yield a new folder beside `path` that takes its place when the block ends without an error.

    On an error it is removed and `path` keeps what it held; an OSError names what would lie in `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = beside(path)
    with told_of(path, partial):
        partial.mkdir()
        yield partial
        shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)


@contextmanager
def new_folder(path, option="--out_dir"):
    """`atomic_folder` that replaces nothing: raises InputError where `path` is there and not empty."""
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{option} {path}: is there and not empty; remove it or choose another folder")
    with atomic_folder(path) as staging:
        yield staging


@contextmanager
def told_of(path, *partial):
    """Inside, an error removes what is partial, and an OSError of it, or a full disk, which has no name, tells of `path`.
    Libraries that write by themselves (safetensors, torch) have words of their own for that: it is an OSError, too."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, OSError) and error.errno:
            inside = [name for name in map(str, partial) if str(error.filename).startswith(name)]
            error.filename = str(path) if inside or error.filename is None else error.filename
        elif isinstance(error, Exception) and not isinstance(error, InputError):
            if shutil.disk_usage(Path(path).absolute().parent).free < ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        for one in partial:
            with suppress(OSError):  # where nothing can be written, nothing is there to be removed
                remove(one)


def beside(path):
    """A name beside `path` for what is not complete yet, this process' own. What killed processes have left in that
    folder, or other machines a day ago, is removed first."""
    path = Path(path)
    sweep(os.path.abspath(path.parent))
    return path.with_name(f".{path.name}.{_here()}-{os.getpid()}.partial")


@cache
def sweep(folder):
    """Remove what processes that are no more have not completed in a folder; looked for once in a process."""
    for entry in os.scandir(folder) if os.path.isdir(folder) else ():
        found = PARTIAL.fullmatch(entry.name)
        try:
            if found and (found[1] != _here() or os.kill(int(found[2]), 0)):
                if time.time() - entry.stat().st_mtime > DAY:
                    remove(entry.path)
        except ProcessLookupError:
            remove(entry.path)
        except OSError:
            continue  # another user's process, or gone meanwhile


def remove(path):
    """Remove a file or a directory with all it holds, if it is there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)


def place():
    """The boot of this machine and the space of process numbers in it; "" where the system does not tell."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{os.stat('/proc/self/ns/pid').st_ino}:"
    except OSError:
        return ""


@cache
def _here():
    return f"{zlib.crc32(f'{os.uname().nodename} {place()}'.encode()):08x}"


def sha256(path):
    """SHA-256 of a file's bytes as a hexadecimal string. Raises InputError where there is no such file."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
