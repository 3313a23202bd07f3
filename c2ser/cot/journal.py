"""A journal of finished work: one JSON object a line, appended as the work is done, so that a killed run goes on."""

import json
from pathlib import Path


class Journal:
    """Key → entry of finished items, on disk as lines of JSON. Use as a context manager.

    A line that a kill cut short is removed when the file is opened; of two lines with one key the later counts. `done`
    holds what was there before and what was added since.
    """

    def __init__(self, path):
        self.path, self.done = Path(path), {}

    def __enter__(self):
        whole = self.path.read_bytes() if self.path.is_file() else b""
        whole = whole[: whole.rfind(b"\n") + 1]
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
                self.done[entry["key"]] = entry
            except (ValueError, KeyError, TypeError):
                continue  # not a line of ours: its item is done again
        self._stream = open(self.path, "ab")
        self._stream.truncate(len(whole))
        return self

    def add(self, entry):
        """Append a dict with a `key`; it is on disk when this returns."""
        self._stream.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self._stream.flush()
        self.done[entry["key"]] = entry

    def __exit__(self, kind, error, trace):
        self._stream.close()
