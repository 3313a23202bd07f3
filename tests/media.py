"""Making small audio files for tests: silent wavs, and containers with a tone on each channel."""

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np

CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6}


def tone(channel):
    """The frequency, in Hz, of the tone on a channel counted from 1."""
    return 200.0 + 300.0 * channel


def encode(path, layout="5.1", seconds=1.0, rate=48000, picture=True, sound="aac", faststart=False):
    """Write an mp4 as MELD has them: AAC sound in `layout`, each channel its own tone, and a moving picture.

    sound: the codec, or None for a silent film. faststart puts the index in front, so that a cut file still opens.
    """
    import av

    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", options=options) as container:
        streams = []
        if picture:
            video = container.add_stream("mpeg4", rate=24)
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            streams.append((video, _pictures(seconds)))
        if sound:
            audio = container.add_stream(sound, rate=rate)
            audio.layout, audio.bit_rate = layout, 64000 * CHANNELS[layout]
            streams.append((audio, _sounds(layout, seconds, rate, audio.codec_context.format.name)))
        for stream, frames in streams:
            for frame in [*frames, None]:
                for packet in stream.encode(frame):
                    container.mux(packet)


def _pictures(seconds):
    import av

    for number in range(max(int(seconds * 24), 1)):
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number * 5 % 255, np.uint8), format="rgb24")
        frame.pts = number
        yield frame


def _sounds(layout, seconds, rate, form):
    import av

    time = np.arange(round(seconds * rate)) / rate
    channels = range(1, CHANNELS[layout] + 1)
    samples = np.stack([0.3 * np.sin(2 * np.pi * tone(channel) * time) for channel in channels]).astype(np.float32)
    for start in range(0, len(time), 1024):
        part = np.ascontiguousarray(samples[:, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield from av.AudioResampler(format=form).resample(frame)


def write_wav(path, seconds=0.5, rate=16000, channels=1):
    """Write a silent 16-bit wav and return its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(channels)
        stream.setsampwidth(2)
        stream.setframerate(rate)
        stream.setnframes(round(seconds * rate))
        stream.writeframes(bytes(2 * channels * round(seconds * rate)))
    return path
