"""Sound of video files and other containers (mp4, mkv, …) through PyAV or, where that is absent, the ffmpeg program.

Channels come in FFmpeg's order; for 5.1 that is front left, front right, front centre, low frequencies, back left,
back right, so that a film's speech is on channel 3.
"""

import json
import shutil
import struct
import subprocess

import numpy as np

from c2ser.errors import InputError

MISSING_END = 0.5
"""Seconds by which the decoded sound may fall short of what the header announces before the file counts as cut."""


def decode_container(path):
    """Decode the first audio stream: float32 `(samples, channels)` in about [-1, 1], and its rate in Hz.

    Raises InputError for a file that cannot be opened, has no sound, is corrupt or cut, and where neither PyAV nor
    ffmpeg is installed.
    """
    decode, _ = _backend(path)
    samples, rate = decode(str(path))
    if samples.shape[0] == 0:
        raise InputError(f"{path}: its audio stream holds no samples; fetch it again")
    return samples, rate


def container_info(path):
    """Duration in s, rate in Hz and number of channels of the first audio stream, from the header.

    Raises InputError as `decode_container` does; corrupt samples behind a sound header pass unnoticed.
    """
    _, info = _backend(path)
    return info(str(path))


def _backend(path):
    """(decode, info) of PyAV if it can be imported, else of the ffmpeg program."""
    try:
        import av  # noqa: F401

        return _decode_av, _info_av
    except ImportError:
        if shutil.which("ffmpeg"):
            return _decode_ffmpeg, _info_ffmpeg
    raise InputError(f"{path}: reading containers needs PyAV (pip install av) or the ffmpeg program")


def _open_av(path):
    import av

    container = av.open(path)
    if not container.streams.audio:
        container.close()
        raise InputError(f"{path}: holds no audio stream")
    return container, container.streams.audio[0]


def _info_av(path):
    import av

    try:
        container, stream = _open_av(path)
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path}: cannot be opened ({error}); fetch it again") from None
    with container:
        seconds = _stream_seconds(stream)
        return seconds or (container.duration or 0) / 1_000_000, stream.rate, stream.channels


def _stream_seconds(stream):
    """What the stream itself announces; None for containers such as mkv, where only the whole has a duration."""
    return None if stream.duration is None else float(stream.duration * stream.time_base)


def _decode_av(path):
    import av

    chunks, form = [], None
    try:
        container, stream = _open_av(path)
        with container:
            announced, rate = _stream_seconds(stream), stream.rate
            to_float = av.AudioResampler(format="fltp")
            for packet in container.demux(stream):
                if packet.is_corrupt:
                    raise InputError(f"{path}: corrupt or cut; fetch it again")
                for frame in packet.decode():
                    form = form or (frame.sample_rate, frame.layout.nb_channels)
                    if form != (frame.sample_rate, frame.layout.nb_channels):
                        raise InputError(f"{path}: changes its rate or channels on the way; convert it again")
                    chunks.extend(converted.to_ndarray() for converted in to_float.resample(frame))
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path}: cannot be decoded ({error}); fetch it again") from None
    if not chunks:
        return np.zeros((0, 1), np.float32), rate
    samples = np.concatenate(chunks, axis=1).T
    return _trim(samples, announced, form[0], len(chunks[-1].T), path), form[0]


def _trim(samples, announced, rate, last_frame, path):
    """Cut the padding with which an encoder fills its last frame; refuse sound that ends long before its header says.

    Newer versions of FFmpeg cut the padding themselves; this way all versions give the same samples.
    """
    if not announced:
        return np.ascontiguousarray(samples)
    end = round(announced * rate)
    if len(samples) < end - MISSING_END * rate:
        raise InputError(f"{path}: cut: {len(samples) / rate:.2f} of {announced:.2f} s are there; fetch it again")
    return np.ascontiguousarray(samples[:end] if 0 <= len(samples) - end <= last_frame else samples)


def _run(command, path):
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        raise InputError(f"{path}: cannot be decoded ({' '.join(message)}); fetch it again")
    return done.stdout


def _info_ffmpeg(path):
    if not shutil.which("ffprobe"):
        samples, rate = _decode_ffmpeg(path)
        return len(samples) / rate, rate, samples.shape[1]
    wanted = "stream=duration,sample_rate,channels:format=duration"
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", wanted, "-of", "json", path]
    answer = json.loads(_run(command, path))
    if not answer.get("streams"):
        raise InputError(f"{path}: holds no audio stream")
    stream = answer["streams"][0]
    seconds = stream.get("duration") or answer.get("format", {}).get("duration") or 0
    return float(seconds), int(stream["sample_rate"]), int(stream["channels"])


def _decode_ffmpeg(path):
    """Through a pipe as Sun audio, whose header of six big-endian words carries rate and channels."""
    command = ["ffmpeg", "-v", "error", "-xerror", "-i", path, "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "-"]
    sound = _run(command, path)
    if len(sound) < 24:
        raise InputError(f"{path}: holds no audio that ffmpeg can decode; fetch it again")
    _, offset, _, _, rate, channels = struct.unpack(">6I", sound[:24])
    samples = np.frombuffer(sound[offset:], ">f4").astype(np.float32)
    return samples.reshape(-1, channels), rate
