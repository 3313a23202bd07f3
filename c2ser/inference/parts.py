"""Results of a long extraction, written in parts, so that an interrupted one goes on where it stopped."""

import json
from contextlib import ExitStack

import numpy as np

from c2ser.ark import ArkWriter
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError
from c2ser.fileio import atomic_write


class Parts:
    """A folder of parts: `parts/NAME.0001.ark` with its scp, for each of `names`, and in the end one NAME.scp.

    A part appears only when it is complete. inputs: what decides the results, as JSON can hold it; where the folder's
    parts were made of something else, they and the tables that name them are removed.
    """

    def __init__(self, folder, names, inputs, dtype=np.float32):
        self.folder, self.names, self.dtype = folder, names, np.dtype(dtype)
        note = folder / "parts/inputs.json"
        if not note.is_file() or json.loads(note.read_text(encoding="utf-8")) != json.loads(json.dumps(inputs)):
            for name in names:
                for old in [folder / f"{name}.scp", *folder.glob(f"parts/{name}.*")]:
                    old.unlink(missing_ok=True)
            with atomic_write(note) as stream:
                json.dump(inputs, stream, indent=1)

    def file(self, name, number, kind):
        return self.folder / f"parts/{name}.{number:04d}.{kind}"

    def done(self, number):
        """Whether that part, counted from 1, is complete."""
        return all(self.file(name, number, "scp").is_file() for name in self.names)

    def write(self, number, features):
        """Write one part from an iterable of (utterance, name → float array). Raises InputError, naming the utterance,
        for values that are not finite in the dtype that is written; then, as after any error, no part is left."""
        for name in self.names:
            self.file(name, number, "scp").unlink(missing_ok=True)
        with _Writers(self, number) as writers:
            for utterance, values in features:
                for name in self.names:
                    writers[name][utterance] = self._converted(utterance, name, values[name])

    def _converted(self, utterance, name, value):
        with np.errstate(over="ignore"):
            converted = value.astype(self.dtype)
        if not np.isfinite(value).all():
            raise InputError(f"{utterance}: {name} with NaN or infinite values; is the checkpoint whole?")
        if not np.isfinite(converted).all():
            raise InputError(f"{utterance}: {name} with values beyond {self.dtype}; use --out_dtype float32")
        return converted

    def merge(self, numbers):
        """Write NAME.scp for each name from its parts. Returns the number of utterances."""
        for name in self.names:
            table = {}
            for number in numbers:
                table.update(read_table(self.file(name, number, "scp")))
            write_table(self.folder / f"{name}.scp", table)
        return len(table)


class _Writers(dict):
    """One ark writer a name; all files of the part appear together, when the block ends without error."""

    def __init__(self, parts, number):
        super().__init__(
            {name: ArkWriter(parts.file(name, number, "ark"), parts.file(name, number, "scp")) for name in parts.names}
        )

    def __enter__(self):
        self._stack = ExitStack()
        for writer in self.values():
            self._stack.enter_context(writer)
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)
