"""What goes into a stage, and its key: files by their content, corpora by the list of their files, options, stages."""

import glob
import hashlib
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from c2ser.errors import InputError
from c2ser.fileio import atomic_write, sha256
from c2ser.jsonfile import parse_json

CACHE = "data/.digests"
LARGE, SETTLED = 8_000_000, 2.0
"""Digests of files from LARGE bytes on are kept in CACHE and hold as long as size, time and inode do; those of files
that were written within SETTLED seconds are not, since another change could leave the same time."""


class Input(NamedTuple):
    """Something that goes into a stage. kind: file, tree, done or value; name: path or name of the value; digest:
    SHA-256."""

    kind: str
    name: str
    digest: str


def marker_path(name):
    """`exp/a` → exp/a/.done; `exp/a/.done.train` stays as it is."""
    path = Path(name)
    return path if path.name.startswith(".done") else path / ".done"


def read_key(marker):
    """The key that a marker holds, or "" where there is none."""
    try:
        return Path(marker).read_text(encoding="utf-8").partition("\n")[0].strip()
    except FileNotFoundError:
        return ""


def collect(files=(), globs=(), values=(), markers=(), trees=()):
    """What goes into a stage, as a sorted list of Input: the order in which it is named does not count.

    files: paths; globs: patterns (`**` for all levels), of whose matches the files count; values: strings, of which
    `name=value` is reported by its name; markers: other stages, by their key; trees: folders, by the names, sizes and
    times of all files below them. Raises InputError for a file, folder or marker that is not there and a pattern
    without a file.
    """
    digests = Digests()
    found = {_file(path, digests) for path in files}
    for pattern in globs:
        matches = [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]
        if not matches:
            raise InputError(f"{pattern}: no file matches; run the stage that writes it first")
        found.update(_file(path, digests) for path in matches)
    digests.keep()
    for value in values:
        name = " ".join(value.partition("=")[0].split())
        found.add(Input("value", name, hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()))
    for name in markers:
        marker = marker_path(name)
        if not marker.is_file():
            raise InputError(
                f"{marker}: no such marker; run the stage that writes it first: without --stage what is missing is made"
            )
        found.add(Input("done", os.path.relpath(marker), read_key(marker)))
    found.update(Input("tree", folder, tree_digest(folder)) for folder in trees)
    return sorted(found)


def key_of(inputs):
    """The key of a stage: a SHA-256 over the kinds, names and contents that `collect` found.

    A file goes by its base name, so that the same configuration in another folder gives the same key; only where two
    share one, by its path.
    """
    shared = Counter(os.path.basename(name) for kind, name, _ in inputs if kind == "file")
    lines = []
    for kind, name, digest in inputs:
        if kind == "tree":
            name = ""
        elif kind == "file" and shared[os.path.basename(name)] == 1:
            name = os.path.basename(name)
        lines.append(f"{kind} {digest} {name}\n")
    return hashlib.sha256("".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


def tree_digest(folder):
    """SHA-256 over relative path, size and time of change of every file below a folder, hidden ones left out.

    No file is opened: 100,000 of them take about a second. Links are followed, loops are not. Raises InputError where
    there is no such folder.
    """
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: no such folder")
    found, seen, waiting = [], set(), [(os.fspath(folder), "")]
    while waiting:
        path, prefix = waiting.pop()
        status = os.stat(path)
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__pycache__":
                    continue
                if entry.is_dir():
                    waiting.append((entry.path, f"{prefix}{entry.name}/"))
                elif entry.is_file():
                    status = entry.stat()
                    found.append(f"{prefix}{entry.name}\0{status.st_size}\0{status.st_mtime_ns}\0")
    return hashlib.sha256("".join(sorted(found)).encode("utf-8", "surrogateescape")).hexdigest()


class Digests:
    """SHA-256 of files; those of large ones are kept from one stage to the next, as git keeps those of its index."""

    def __init__(self):
        self.known, self.changed = None, False

    def __getitem__(self, path):
        status = os.stat(path)
        if status.st_size < LARGE:
            return sha256(path)
        if self.known is None:
            self.known = _read_cache()
        name, state = os.path.realpath(path), [status.st_size, status.st_mtime_ns, status.st_ino]
        if self.known.get(name, [])[:3] == state:
            return self.known[name][3]
        digest = sha256(path)
        if time.time() - status.st_mtime > SETTLED:
            self.known[name], self.changed = [*state, digest], True
        return digest

    def keep(self):
        """Write down what is new."""
        if self.changed:
            with atomic_write(CACHE) as stream:
                json.dump(self.known, stream, indent=0)


def _read_cache():
    try:
        return parse_json(Path(CACHE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _file(path, digests):
    if os.path.isdir(path):
        raise InputError(f"{path}: a directory; name its files with --glob '{path}/*'")
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file")
    return Input("file", os.path.relpath(path), digests[path])
