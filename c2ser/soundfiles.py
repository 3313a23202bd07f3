"""Decoding sound files to their end, whatever their headers say of their length.

libsndfile reads what it knows, FFmpeg (c2ser.video) the rest, by content and not by suffix. A length is taken for the
truth only where the writer counted it: a header whose writer could not go back holds a placeholder, that of an MP3
without a Xing frame only an estimate; both are read to the end. Samples that a header counts and the file lacks mean
that it was cut, which is an error.
"""

import io
import math
import os
import re
import struct
import threading
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import soundfile

from c2ser.errors import InputError

FAILURES = (soundfile.SoundFileError, RuntimeError, ValueError, TypeError)
"""What soundfile raises for files that it cannot read."""

BLOCK = 1 << 16
"""Samples per channel that are read at a time."""

LARGEST = 1 << 30
"""Numbers, over all channels, that one recording may unfold into (4 GiB): 18 h at 16 kHz, 3 h of 48 kHz stereo."""

UNKNOWN_FRAMES = 1 << 62
"""From here on libsndfile's number of frames means that it does not know them."""

DS64 = 12
"""Where an RF64 file has its chunk ds64: name, size, bytes of the file and, at 28, bytes of samples."""

W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
W64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")
"""What W64 has in the place of RIFF's four letters."""

OGG_PAGE = 65307
"""Bytes of the largest Ogg page."""

COUNTS = {"VOC": "(truncated)", **dict.fromkeys(("AVR", "MPC2K", "SDS"), r"Frames\s*: (\d+)"),
          **dict.fromkeys(("MAT4", "MAT5"), r"Cols\s*: (\d+)")}  # fmt: skip
"""Where libsndfile's log of a format has the number of samples that it does not hold the file to, or says of a cut."""


class Announced(NamedTuple):
    """What a header says of its samples: `size` bytes of them from `start` on (None: a placeholder).

    place, form: where that number stands in the file, as struct writes it; extra: what it counts beyond the samples.
    """

    size: int | None
    start: int
    place: int
    form: str
    extra: int = 0


def decode(source, name, most=None):
    """Decode a path, or the bytes that a command gave: float32 `(samples, channels)` and the rate in Hz.

    most: seconds. Raises InputError, naming `name`, for what is no audio, is cut or damaged, or longer than `most` or
    `LARGEST`, before all of it is in memory.
    """
    counted = UNKNOWN_FRAMES
    try:
        with _opened(source, name) as sound:
            counted = sound.frames
            samples, rate = _read(sound, name, most), sound.samplerate
    except FAILURES as error:
        if counted < UNKNOWN_FRAMES and "MPEG" in sound.subtype:  # FFmpeg would take what is there for the whole
            raise InputError(f"{name}: truncated or damaged ({error}); fetch it again") from None
        return _decode_container(source, name, error, most)
    if samples.shape[0] < counted < UNKNOWN_FRAMES:
        raise InputError(f"{name}: truncated: {samples.shape[0]} of {counted} samples; fetch it again")
    return samples, rate


def blocks(path):
    """Yield float32 `(samples, channels)` of a file, `BLOCK` samples at most, and the rate in Hz: piece by piece what `decode` gives.

    What libsndfile does not read, FFmpeg decodes as a whole first. Raises InputError as `decode` does, but for damage
    only when it is met.
    """
    count, counted = 0, UNKNOWN_FRAMES
    try:
        with _opened(path, path) as sound:
            counted, block = sound.frames, None
            while block is None or len(block) == BLOCK:
                block = sound.read(BLOCK, dtype="float32", always_2d=True)
                count += len(block)
                yield block, sound.samplerate
    except FAILURES as error:
        if count or (counted < UNKNOWN_FRAMES and "MPEG" in sound.subtype):
            raise InputError(f"{path}: truncated or damaged ({error}); fetch it again") from None
        yield _decode_container(path, path, error, None)
        return
    if count < counted < UNKNOWN_FRAMES:
        raise InputError(f"{path}: truncated: {count} of {counted} samples; fetch it again")


def measure(path, look):
    """Number of samples per channel, rate in Hz and channels of a file.

    It is decoded only where no header counts the samples, and where these are floats, which may have any size: then
    `look(samples, path)` sees them, `(samples, channels)`. Raises InputError as `decode` does; damage behind a sound
    header passes unnoticed.
    """
    try:
        with _opened(path, path) as sound:
            if sound.frames < UNKNOWN_FRAMES and sound.subtype not in ("FLOAT", "DOUBLE"):
                return sound.frames, sound.samplerate, sound.channels
    except FAILURES as error:
        from c2ser.video import container_info

        with _both_reasons(path, error):
            info = container_info(path)
        if info is not None:
            return round(info[0] * info[1]), *info[1:]
    samples, rate = decode(path, path)
    look(samples, path)
    return len(samples), rate, samples.shape[1]


class _Stream(soundfile.SoundFile):
    """A sound file that is read from beginning to end: soundfile seeks in others, which some codecs cannot do."""

    def seekable(self):
        return False


def _read(sound, name, most):
    blocks = []
    while not blocks or len(blocks[-1]) == BLOCK:
        blocks.append(sound.read(BLOCK, dtype="float32", always_2d=True))
        check_length(len(blocks) * BLOCK, sound.samplerate, sound.channels, name, most)
    return np.concatenate(blocks)


class TooLong(InputError):
    """More sound than is read at once."""


def check_length(samples, rate, channels, name, most=None):
    """Raise InputError where so many samples per channel are beyond `most` seconds or `LARGEST`, by more than a block."""
    allowed = LARGEST // channels if most is None else min(LARGEST // channels, most * rate)
    if samples > allowed + BLOCK:
        raise TooLong(f"{name}: longer than {allowed / rate:.10g} s, and no more is read at once; cut it into pieces")


@contextmanager
def _opened(source, name):
    """The file as a soundfile, with a length that can be believed. Raises InputError where its header tells of a cut."""
    with _bytes_of(source) as stream:
        header = announced(stream)
        there = stream.seek(0, os.SEEK_END) - header.start if header else 0
        if header and (header.size or 0) > there:
            raise InputError(
                f"{name}: truncated: its header announces {header.size} bytes of samples, {max(there, 0)} are there; "
                "fetch it again"
            )
        _refuse_half_a_page(stream, name)
        if header and header.size is None:
            stream.seek(0)
            source = _completed(stream.read(), header, there)
    with _Stream(io.BytesIO(source) if isinstance(source, bytes) else source) as sound:
        counted = re.findall(COUNTS[sound.format], sound.extra_info) if sound.format in COUNTS else []
        if counted and counted[-1] != str(sound.frames):
            raise InputError(f"{name}: truncated: its header and its length do not agree; fetch it again")
        if "MPEG" not in sound.subtype:
            yield sound
            return
    with _bytes_of(source) as stream, _piped(stream.read()) as sound:
        yield sound


def _bytes_of(source):
    return io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")


def _completed(content, header, there):
    """A file's bytes with the true size of its samples, `there` bytes, in the place of its placeholder."""
    size = struct.pack(header.form, min(there + header.extra, 256 ** struct.calcsize(header.form) // 2 - 1))
    return content[: header.place] + size + content[header.place + len(size) :]


@contextmanager
def _piped(content):
    """A soundfile of a pipe. libsndfile believes the length that it estimates of an MP3 file, but not that of a pipe."""
    end, start = os.pipe()

    def feed():
        with open(start, "wb") as pipe:
            try:
                pipe.write(content)
            except BrokenPipeError:  # the reader has seen enough
                pass

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        with _Stream(end, closefd=False) as sound:
            yield sound
    finally:
        os.close(end)
        feeder.join()


def _decode_container(source, name, error, most):
    """What libsndfile could not read, through FFmpeg. `error` is what libsndfile said."""
    from c2ser.video import decode_container

    with _both_reasons(name, error):
        return decode_container(source, name, most)


@contextmanager
def _both_reasons(name, error):
    """What libsndfile said beside an error of FFmpeg's, unless the file is FFmpeg's kind."""
    try:
        yield
    except InputError as other:
        said, reason = getattr(error, "error_string", str(error)).rstrip("."), str(other).removeprefix(f"{name}: ")
        if "not recognised" in said and not reason.startswith("cannot be opened"):
            raise
        raise InputError(
            f"{name}: not audio that can be read (libsndfile: {said}; FFmpeg: {reason}); fetch or convert it again"
        ) from None


def announced(stream):
    """What the header of an open file says of the size of its samples; None for formats that count otherwise."""
    stream.seek(0)
    magic = stream.read(16)
    if magic[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and magic[8:12] == b"WAVE":
        return _riff(stream, ">" if magic[:4] == b"RIFX" else "<", magic[:4] in (b"RF64", b"BW64"))
    if magic[:4] == b"RIFF" and magic[8:12] == b"AVI ":  # its length, not that of its sound
        size = struct.unpack("<I", magic[4:8])[0]
        return None if _placeholder(size, "<I") else Announced(size, 8, 4, "<I")
    if magic[:4] == b"FORM" and magic[8:12] in (b"AIFF", b"AIFC"):
        return _chunk(stream, 12, b"SSND", ">I", extra=8)
    if magic[:4] == b"FORM" and magic[8:12] in (b"8SVX", b"16SV"):
        return _chunk(stream, 12, b"BODY", ">I")
    if magic[:7] == b"NIST_1A":
        return _sphere(stream)
    if magic[:4] in (b".snd", b"dns."):
        form = ">I" if magic[:4] == b".snd" else "<I"
        start, size = struct.unpack(form[0] + "II", magic[4:12])
        return _known(size, start, 8, form)
    if magic[:4] == b"caff":
        return _chunk(stream, 8, b"data", ">Q", align=1, extra=4)
    if magic == W64_RIFF:
        return _chunk(stream, 40, W64_DATA, "<Q", align=8, counts_itself=True)
    return None


def _refuse_half_a_page(stream, name):
    """Ogg has no length in its header, but each of its pages has: raise InputError where the last one is cut."""
    stream.seek(0)
    if stream.read(4) != b"OggS":
        return
    end = stream.seek(0, os.SEEK_END)
    stream.seek(max(end - OGG_PAGE, 0))
    page = stream.read()
    page = page[page.rfind(b"OggS") :]
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = 27 + len(segments) + sum(segments)
    if len(page) < 27 or len(segments) < page[26] or len(page) < whole:
        raise InputError(f"{name}: truncated: it ends within a page; fetch it again")


def _sphere(stream):
    """NIST SPHERE: lines of text, of which the second says how long they are; some writers mark numbers as words."""
    stream.seek(8)
    start = stream.read(8).strip()
    if not start.isdigit():
        return None
    fields = dict(re.findall(rb"(?m)^(\w+) -(?:i|s\d+) (\d+)$", stream.read(int(start))))
    sizes = [int(fields.get(name, 0)) for name in (b"sample_count", b"channel_count", b"sample_n_bytes")]
    return Announced(math.prod(sizes), int(start), 0, "") if all(sizes) else None


def _riff(stream, order, large):
    """The chunk `data` of RIFF, RIFX, RF64 or BW64. Of a large file, ds64 says how long it is."""
    found = _chunk(stream, 12, b"data", order + "I")
    if found and found.size is None and _more_chunks(stream, found.start, order):
        return None  # a file without samples, not one that was being written
    if not (found and large):
        return found
    stream.seek(DS64)
    sizes = stream.read(24)
    if len(sizes) < 24 or sizes[:4] != b"ds64":
        return found
    return _known(struct.unpack("<Q", sizes[16:])[0], found.start, DS64 + 16, "<Q")


def _more_chunks(stream, place, order):
    """Whether what follows is chunks up to the very end of the file."""
    end = stream.seek(0, os.SEEK_END)
    while place < end:
        stream.seek(place)
        header = stream.read(8)
        if len(header) < 8:
            return False
        size = struct.unpack(order + "I", header[4:])[0]
        place += 8 + size + size % 2
    return place == end


def _chunk(stream, place, name, form, align=2, extra=0, counts_itself=False):
    """Walk over the chunks from `place` on to the one called `name`.

    extra: bytes between a chunk's header and its samples, which its size counts; counts_itself: the size counts the
    chunk's header too.
    """
    head = len(name) + struct.calcsize(form)
    counted = head if counts_itself else 0
    while True:
        stream.seek(place)
        header = stream.read(head)
        if len(header) < head:
            return None
        size = struct.unpack(form, header[len(name) :])[0]
        if header[: len(name)] == name:
            return _known(size, place + head + extra, place + len(name), form, extra + counted)
        size = max(size - counted, 0)
        place += head + size + -size % align


def _known(size, start, place, form, extra=0):
    return Announced(None if _placeholder(size, form) else size - extra, start, place, form, extra)


def _placeholder(size, form):
    """Whether a number of bytes is what writers put who do not know it yet: 0, or one near the end of its range.

    FFmpeg writes 0, 2³² − 1 or 2⁶³ − 1, SoX 2³¹ − 4096 and, into AIFF, 0x7F000000, arecord 2³¹ and others 2³¹ − 1.
    """
    bits = 8 * struct.calcsize(form)
    near = [1 << bits, 1 << bits - 1] + ([0x7F000000] if bits == 32 else [])
    return size == 0 or any(abs(size - one) <= 4096 for one in near)

