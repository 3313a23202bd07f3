"""The only module that touches kaldiio: ark and scp files of matrices and of audio.

kaldiio's licence limits its use; everything else in the project goes through these functions, so that another reader
of the format can take its place here.
"""

import io
from pathlib import Path

import kaldiio
import numpy as np

from c2ser.errors import InputError, brief
from c2ser.fileio import beside, told_of


BINARY = (b"\0B", b"RIFF", b"fLaC", b"NPY", b"AUDIO")
"""How the entries begin that are read: numbers and sound. kaldiio knows pickles too, which would be run, and texts."""


class Whole(io.BufferedReader):
    """A file of which no more is asked than there is: a header that announces terabytes gets what is left."""

    def __init__(self, path, offset):
        super().__init__(io.FileIO(path))
        self.size = self.seek(0, io.SEEK_END)
        self.seek(offset)

    def read(self, size=-1):
        """As of any file."""
        if size is not None and 0 <= size <= io.DEFAULT_BUFFER_SIZE:
            return super().read(size)
        left = max(self.size - self.tell(), 0)
        return super().read(left if size is None or not 0 <= size < left else size)


def read_ark(entry):
    """Read what an scp entry `file.ark:offset` points at, in the binary form; nothing in it is run.

    Returns a float array (a matrix or vector) or, for audio, (sample rate in Hz, samples). Raises InputError, naming
    the entry, where it cannot be read.
    """
    path, offset = (entry, "0") if Path(entry).is_file() else entry.rpartition(":")[::2]
    if not Path(path).is_file() or not offset.isdecimal():
        raise InputError(f"{entry}: no such file; rerun the stage that dumps it")
    try:
        with Whole(path, int(offset)) as stream:
            begin = stream.read(8)
            if not begin.startswith(BINARY):
                what = "it lies beyond the end" if not begin else "neither numbers nor sound in binary form"
                raise ValueError(what)
            size = int.from_bytes(begin[4:], "little")
            if begin.startswith(b"RIFF") and stream.size < int(offset) + 8 + size < 0x7F000000:  # else a placeholder
                raise ValueError("it is cut")  # kaldiio gives what is there
            stream.seek(int(offset))
            return kaldiio.matio.read_kaldi(stream)
    except Exception as error:  # kaldiio raises whatever its parsers meet
        what = brief(error)
        raise InputError(f"{entry}: cannot be read as a Kaldi archive ({what}); rerun the stage that dumps it") from None


class ArkWriter:
    """Context manager that writes an ark with its scp: `writer[key] = matrix` or `(sample rate, int16 samples)`.

    The keys may come in any order; the scp is sorted. Both files appear under their names only when the block ends
    without an error.
    """

    def __init__(self, ark, scp):
        self.ark, self.scp = Path(ark).absolute(), Path(scp)

    def __enter__(self):
        self.ark.parent.mkdir(parents=True, exist_ok=True)
        self.scp.parent.mkdir(parents=True, exist_ok=True)
        self._partial_ark = beside(self.ark)
        self._partial_scp = beside(self.scp)
        # kaldiio's own writer takes both paths in one string, in which a comma or colon of a path means something else
        self._streams = open(self._partial_ark, "wb"), open(self._partial_scp, "w", encoding="utf-8", newline="\n")
        return self

    def __setitem__(self, key, value):
        ark, scp = self._streams
        if isinstance(value, np.ndarray) and value.dtype == np.float16:
            write_npy_entry(ark, scp, key, value)
        else:
            entry = io.BytesIO()  # kaldiio's writer of audio complains at length where the disk is full
            kaldiio.save_ark(entry, {key: value if isinstance(value, tuple) else np.ascontiguousarray(value)})
            scp.write(f"{key} {ark.name}:{ark.tell() + len(key.encode()) + 1}\n")
            ark.write(entry.getvalue())

    def __exit__(self, kind, error, trace):
        with told_of(self.ark, self._partial_ark, self._partial_scp):
            for stream in self._streams:
                stream.close()
            if error is not None:
                raise error
            text = self._partial_scp.read_text(encoding="utf-8").replace(str(self._partial_ark), str(self.ark))
            lines = sorted(text.splitlines(keepends=True), key=lambda line: line.split(" ", 1)[0].encode())
            self._partial_scp.write_text("".join(lines), encoding="utf-8", newline="\n")
            self._partial_ark.replace(self.ark)
            self._partial_scp.replace(self.scp)


def write_npy_entry(ark, scp, key, value):
    """Write float16, which Kaldi's binary matrices do not have: the entry is an .npy file inside the ark, in the form that
    kaldiio, and so everything here and in ESPnet, reads like any other entry. ark, scp: open streams."""
    entry = io.BytesIO()
    np.save(entry, np.ascontiguousarray(value))
    ark.write(f"{key} ".encode())
    scp.write(f"{key} {ark.name}:{ark.tell()}\n")
    length = entry.tell().to_bytes((entry.tell().bit_length() + 7) // 8, "little")
    ark.write(b"NPY" + bytes([len(length)]) + length + entry.getvalue())
