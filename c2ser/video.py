"""Sound of video files and other containers (mp4, mkv, …) through PyAV or, where that is absent, the ffmpeg program.

Channels come in FFmpeg's order; for 5.1 that is front left, front right, front centre, low frequencies, back left,
back right, so that a film's speech is on channel 3.
"""

import io
import json
import shutil
import struct
import subprocess
import tempfile
from contextlib import contextmanager

import numpy as np

from c2ser.errors import InputError

LAST_FRAME = 4096
"""Samples that the padding of a last frame can have: the ffmpeg program does not say how long its frames are."""

MISSING_END = 0.5
"""Seconds by which the decoded sound may fall short of what the header announces before the file counts as cut."""


LISTS = (b"#EXTM3U", b"ffconcat version", b"<MPD", b"<CompositionPlaylist", b"c=IN IP")
"""What stands in texts that FFmpeg takes for lists of other files, or of addresses, which it would open."""


def decode_container(source, name=None, most=None):
    """Decode the first audio stream of a path, or of bytes, to its end.

    Returns float32 `(samples, channels)` in about [-1, 1], and the rate in Hz. name: what errors call it; most: seconds.
    Raises InputError for a file that cannot be opened, has no sound, is corrupt, cut or longer than that, and where
    neither PyAV nor ffmpeg is installed.
    """
    name = source if name is None else name
    decode, _ = _backend(name)
    _refuse_lists(source, name)
    samples, rate = decode(source, name, most)
    if samples.shape[0] == 0:
        raise InputError(f"{name}: its audio stream holds no samples; fetch it again")
    return samples, rate


def container_info(path):
    """Duration in s, rate in Hz and number of channels of the first audio stream, from the header.

    None where the header does not count the samples of that stream. Raises InputError as `decode_container` does;
    corrupt samples behind a sound header pass unnoticed.
    """
    _, info = _backend(path)
    _refuse_lists(path, path)
    return info(path)


def _backend(name):
    """(decode, info) of PyAV if it can be imported, else of the ffmpeg program."""
    try:
        import av  # noqa: F401

        return _decode_av, _info_av
    except ImportError:
        if shutil.which("ffmpeg"):
            return _decode_ffmpeg, _info_ffmpeg
    raise InputError(f"{name}: reading containers needs PyAV (pip install av) or the ffmpeg program")


def _refuse_lists(source, name):
    """Raise InputError for a text that names other files instead of holding sound."""
    if not isinstance(source, bytes):
        with open(source, "rb") as stream:
            source = stream.read(1 << 16)
    if b"\0" not in source[: 1 << 16] and any(mark in source[: 1 << 16] for mark in LISTS):
        raise InputError(f"{name}: a list of other files, none of which is opened; give the sound itself")


@contextmanager
def _opened_av(source, name):
    import av

    inside = isinstance(source, bytes)
    try:
        given = io.BytesIO(source) if inside else str(source)
        container = av.open(given, options={"protocol_whitelist": "none" if inside else "file"})
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{name}: cannot be opened ({error}); fetch it again") from None
    with container:
        if not container.streams.audio:
            raise InputError(f"{name}: holds no audio stream")
        if container.streams.audio[0].codec_context is None:
            raise InputError(f"{name}: its sound is of a codec that PyAV has not; convert it to wav or flac")
        yield container, container.streams.audio[0]


def _info_av(path):
    with _opened_av(path, path) as (container, stream):
        if "mp4" not in container.format.name or not stream.duration:
            return None
        return float(stream.duration * stream.time_base), stream.rate, stream.channels


def _announced_seconds(container, stream):
    """How long the sound is by its header; None where that is missing or, as FFmpeg does it for AAC, an estimate."""
    if "mp4" in container.format.name:
        return float(stream.duration * stream.time_base) if stream.duration else None
    if container.format.name in ("matroska,webm", "asf") and len(container.streams) == 1:
        return container.duration / 1_000_000 if container.duration else None
    return None


def _decode_av(source, name, most):
    import av

    from c2ser.soundfiles import check_length

    chunks, form, count = [], None, 0
    try:
        with _opened_av(source, name) as (container, stream):
            announced, rate = _announced_seconds(container, stream), stream.rate
            counted = "mp4" in container.format.name
            to_float = av.AudioResampler(format="fltp")
            for packet in container.demux(stream):
                if packet.is_corrupt:
                    raise InputError(f"{name}: corrupt or cut; fetch it again")
                for frame in packet.decode():
                    form = form or (frame.sample_rate, frame.layout.nb_channels)
                    if form != (frame.sample_rate, frame.layout.nb_channels):
                        raise InputError(f"{name}: changes its rate or channels on the way; convert it again")
                    chunks.extend(converted.to_ndarray() for converted in to_float.resample(frame))
                    count += frame.samples
                    check_length(count, *form, name, most)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{name}: cannot be decoded ({error}); fetch it again") from None
    if not chunks:
        return np.zeros((0, 1), np.float32), rate
    samples = np.concatenate(chunks, axis=1).T
    return _trim(samples, announced, form[0], len(chunks[-1].T) if counted else -1, name), form[0]


def _trim(samples, announced, rate, last_frame, name):
    """Cut the padding with which an encoder fills its last frame; refuse sound that ends long before its header says.

    Newer versions of FFmpeg cut the padding themselves; this way all versions give the same samples. last_frame: its
    length in samples; -1 where the header counts milliseconds, not samples, and nothing may be cut.
    """
    if not announced:
        return np.ascontiguousarray(samples)
    end = round(announced * rate)
    if len(samples) < end - MISSING_END * rate:
        raise InputError(f"{name}: cut: {len(samples) / rate:.2f} of {announced:.2f} s are there; fetch it again")
    return np.ascontiguousarray(samples[:end] if 0 <= len(samples) - end <= last_frame else samples)


def _run(command, name):
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0] or f"status {done.returncode}"
        raise InputError(f"{name}: cannot be decoded ({message}); fetch it again")
    return done.stdout


def _info_ffmpeg(path):
    if not shutil.which("ffprobe"):
        return None
    wanted = "stream=duration,sample_rate,channels:format=format_name"
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", wanted, "-of", "json", str(path)]
    answer = json.loads(_run(command, path))
    if not answer.get("streams"):
        raise InputError(f"{path}: holds no audio stream")
    stream = answer["streams"][0]
    if "mp4" not in answer["format"]["format_name"] or not float(stream.get("duration", 0)):
        return None
    return float(stream["duration"]), int(stream["sample_rate"]), int(stream["channels"])


def _decode_ffmpeg(source, name, most):
    """Through a pipe as Sun audio, whose header of six big-endian words carries rate and channels."""
    if isinstance(source, bytes):  # most containers cannot be read from a pipe
        with tempfile.NamedTemporaryFile() as file:
            file.write(source)
            file.flush()
            return _decode_ffmpeg(file.name, name, most)
    from c2ser.soundfiles import BLOCK, LARGEST, check_length

    command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(source), "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au"]
    sound = _run([*command, "-fs", str(4 * LARGEST + 16 * BLOCK), *(["-t", str(most + 60)] if most else []), "-"], name)
    if len(sound) < 24:
        raise InputError(f"{name}: holds no audio that ffmpeg can decode; fetch it again")
    _, offset, _, _, rate, channels = struct.unpack(">6I", sound[:24])
    samples = np.frombuffer(sound[offset:], ">f4").astype(np.float32).reshape(-1, channels)
    check_length(len(samples), rate, channels, name, most)
    info = _info_ffmpeg(source)
    return _trim(samples, info and info[0], rate, LAST_FRAME, name), rate
