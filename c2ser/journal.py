"""A journal of finished work: one JSON object a line, appended as the work is done, so that a killed run goes on."""

import hashlib
import json
from pathlib import Path

from c2ser.fileio import told_of
from c2ser.jsonfile import parse_json


class Journal:
    """Key → entry of finished items, on disk as lines of JSON. Use as a context manager.

    inputs: what decides the results, as JSON can hold it; None: the entries tell by themselves. What was made of something
    else does not count and is removed as the first entry is added, and so is a line that a kill cut short; until then
    no file is made. Of two lines with one key the later counts. `done` holds what was there before and what was added
    since.
    """

    def __init__(self, path, inputs=None):
        self.path, self.done = Path(path), {}
        self._head = b"" if inputs is None else json.dumps({"inputs": inputs}, sort_keys=True).encode() + b"\n"

    def __enter__(self):
        whole = self.path.read_bytes() if self.path.is_file() else b""
        whole = whole[: whole.rfind(b"\n") + 1] if whole.startswith(self._head) else b""
        for line in whole.splitlines():
            try:
                entry = parse_json(line)
                self.done[entry["key"]] = entry
            except (ValueError, KeyError, TypeError):
                continue  # not a line of ours: its item is done again
        self._length, self._stream = len(whole), None
        return self

    def add(self, entry):
        """Append a dict with a `key`; it is on disk when this returns."""
        self._write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self.done[entry["key"]] = entry

    def keep(self, made, **further):
        """Append the results of a batch, utterance → what JSON can hold, as one entry: all of them or none are there."""
        self.add({"key": next(iter(made)), "made": made, **further})

    def made(self):
        """Utterance → result, of all that `keep` was given."""
        return {utterance: result for entry in self.done.values() for utterance, result in entry["made"].items()}

    def remove(self):
        """Remove the file, once the results stand elsewhere."""
        self.path.unlink(missing_ok=True)

    def _write(self, line):
        with told_of(self.path):
            if self._stream is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._stream = open(self.path, "ab")
                self._stream.truncate(self._length)
                self._stream.write(b"" if self._length else self._head)
            self._stream.write(line)
            self._stream.flush()

    def __exit__(self, kind, error, trace):
        if self._stream is not None:
            with told_of(self.path):
                self._stream.close()


def digest(value):
    """SHA-256 of what JSON can hold, for a journal's inputs."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def stamps(*paths):
    """Names, sizes and times of files, and of the files in folders, for a journal's inputs. None counts as no file."""
    files = []
    for path in map(Path, filter(None, paths)):
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    return [[str(file), (state := file.stat()).st_size, state.st_mtime_ns] for file in files]
