#!/usr/bin/env python3
"""Write docs/audio_formats.md: sound files of many formats, made by other programs, and what each reader here gives of them.

tools/audio_formats.tsv names the files and how they are written. Each is then read whole and cut in half. It fails where a
reader of the project loses samples that the table does not explain. Wanted are PyAV and the programs ffmpeg, sox, lame
and opusenc; what is made by one that is not there is left out, and named:

    python tools/make_audio_formats.py
"""

import argparse
import importlib
import logging
import shlex
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from c2ser.audio import read_audio  # noqa: E402
from c2ser.corpora.headers import read_header  # noqa: E402
from c2ser.errors import InputError  # noqa: E402
from c2ser.video import decode_container  # noqa: E402

OUT, TABLE = ROOT / "docs/audio_formats.md", ROOT / "tools/audio_formats.tsv"

HEAD = """\
# Audio formats and what is read of them

Written by `python tools/make_audio_formats.py`, which makes the files of `tools/audio_formats.tsv` and reads them; {versions}.

Every file holds {seconds} s of the same sound at the rate and with the channels named. **file**, **command** and **header** are
the readers of the project: a path in `wav.scp` or on a command line; the same through `cat … |`; and what preparing data and
`export-data` take for the length without decoding, where a header counts it. **PyAV** and **ffmpeg** are FFmpeg alone, which
the project asks only where libsndfile does not know a format. A number is how many samples a channel come out more (+) or fewer
(-) than were written; `=` is exactly as many. **starts**: by how many samples later the sound begins, found by correlation.
**half** is the file cut in the middle: refused, or as many samples of it as were read. A cut that a header hides (FLAC, MP3,
fragments of MP4) is found where the audio is decoded: by `c2ser dump-audio` and `c2ser validate-data-dir --check-audio true`.

{marks}
"""

MARKS = {
    "block": "the codec has blocks and fills up its last one: samples are added at the end",
    "delay": "nothing in the file says by how much the encoder delayed the sound, nor how far its last frame is filled up: both "
    "stay, as silence",
    "short": "the codec shifts the sound, but the file is no longer for it: so many samples of its end (**starts** +) or beginning "
    "(**starts** -) were lost in writing, and every reader gives the same",
    "open": "the file does not say how long it is: a cut one is a shorter one, unless the cut is seen in the frame that it hit",
    "raw": "there is no header: the suffix says what it is, which a command does not have",
    "codec": "FFmpeg's libraries have a decoder only where they were built with it",
}


class Row(NamedTuple):
    """One file: name, rate in Hz, channels, how it is written, and marks that explain its numbers."""

    name: str
    rate: int
    channels: int
    how: str
    marks: tuple


class Read(NamedTuple):
    """What was read: samples beyond those written, of each reader (None: refused); start in samples; of half the file."""

    counts: dict
    starts: int | None
    half: int | None

    def lost(self):
        """Samples of the sound that the project's own readers did not give, at either end; 0 for what they refuse."""
        own = [count for name in ("file", "command", "header") if (count := self.counts[name]) is not None]
        return max([0, *((self.starts or 0) - count for count in own), -(self.starts or 0)])


def rows():
    """The rows of tools/audio_formats.tsv."""
    lines = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [Row(name, int(rate), int(channels), how, tuple(marks.split())) for name, rate, channels, how, marks in lines]


def sound(row, seconds):
    """A gliding tone over soft noise, `(samples, channels)`; the second channel is softer and later."""
    time = np.arange(round(seconds * row.rate)) / row.rate
    wave = 0.3 * np.sin(2 * np.pi * (150 + 40 * np.sin(2 * time)) * time) * (np.sin(9 * time) > -0.3)
    wave += 0.02 * np.random.default_rng(0).normal(size=len(time))
    return np.stack([wave, 0.5 * np.roll(wave, 100)][: row.channels], axis=1)


def make(row, folder, wave):
    """Write the file of a row; its path, or None where the program that writes it is not there or cannot."""
    path = folder / row.name
    program, *options = row.how.split()
    if program == "soundfile":
        soundfile.write(path, wave, row.rate, format=options[0], subtype=options[1])
        return path
    if not shutil.which(options[options.index("|") + 1] if program == "cat" else program):
        return None
    source = folder / "source.wav"
    soundfile.write(source, wave, row.rate)
    command = row.how.replace("{}", shlex.quote(str(source))).replace("ffmpeg ", "ffmpeg -nostdin -y -v error ")
    command = command.removesuffix("out") + shlex.quote(str(path))
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True)
    return path if done.returncode == 0 else None


@contextmanager
def without_av():
    """PyAV cannot be imported: c2ser.video takes the ffmpeg program."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "av"}
    sys.modules["av"] = None
    try:
        yield
    finally:
        del sys.modules["av"]
        sys.modules.update(kept)


def read(row, path, wave):
    """Read a file with everything that reads, and half of it."""
    rate = _try(lambda: read_header(str(path))[1]) or row.rate
    written, channel = round(len(wave) * rate / row.rate), 1 if row.channels > 1 else None

    def samples(entry):
        return read_audio(entry, channel, rate, allow_commands=True)

    def through_ffmpeg():
        decoded, its_rate = decode_container(str(path))  # Opus is of 48 kHz to FFmpeg, whatever was recorded
        return round(len(decoded) * rate / its_rate)

    heard = _try(lambda: samples(str(path)))
    found = {
        "file": None if heard is None else len(heard),
        "command": _try(lambda: len(samples(f"cat {shlex.quote(str(path))} |"))),
        "header": _try(lambda: read_header(str(path))[0]),
        "PyAV": _try(through_ffmpeg),
    }
    if shutil.which("ffmpeg"):
        with without_av():
            found["ffmpeg"] = _try(through_ffmpeg)
    content, half = path.read_bytes(), path.with_name(f"half_{path.name}")
    half.write_bytes(content[: len(content) // 2])
    counts = {name: None if count is None else count - written for name, count in found.items()}
    starts = None if heard is None else lag(heard, wave[:, 0], row.rate, rate)
    return Read(counts, starts, _try(lambda: len(samples(str(half)))))


def _try(reading):
    try:
        return reading()
    except InputError:
        return None


def lag(heard, wave, rate, heard_rate):
    """By how many samples `heard` is later than `wave`: where their correlation is highest."""
    wave = wave if rate == heard_rate else soxr.resample(wave, rate, heard_rate)
    size = 1 << (len(heard) + len(wave)).bit_length()
    together = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wave, size)), size)
    place = int(together.argmax())
    return place if place < size // 2 else place - size


def page(seconds, folder):
    """The whole page, and the names of files of which something was lost and nothing says why."""
    lines, left_out, unexplained = [], [], []
    for row in rows():
        wave = sound(row, seconds)
        path = make(row, folder, wave)
        if path is None:
            left_out.append(row.name)
            continue
        result = read(row, path, wave)
        if (result.lost() and "short" not in row.marks) or (result.half is not None and "open" not in row.marks):
            unexplained.append(row.name)
        lines.append(_line(row, result))
    columns = ["file", "Hz, channels", "written by", "starts", "file", "command", "header", "PyAV", "ffmpeg", "half", "why"]
    marks = "\n".join(f"- **{name}**: {text}." for name, text in MARKS.items())
    head = HEAD.format(versions=_versions(), seconds=f"{seconds:g}", marks=marks)
    table = [f"| {' | '.join(columns)} |", "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|---|", *lines]
    last = f"Not made, for want of a program: {', '.join(left_out)}." if left_out else f"All {len(lines)} files were made."
    said = f"Of {len(lines)} files, {len(unexplained)} lose samples in silence. {last}"
    return "\n".join([head, *table, "", said, ""]), unexplained


def _line(row, result):
    counts = [_signed(result.counts.get(name)) for name in ("file", "command", "header", "PyAV", "ffmpeg")]
    how = row.how.removeprefix("soundfile ").replace("|", "\\|").replace("{}", "in")
    starts = "" if result.starts is None else _signed(result.starts)
    half = "refused" if result.half is None else str(result.half)
    cells = [f"`{row.name}`", f"{row.rate}, {row.channels}", how, starts, *counts, half, " ".join(row.marks)]
    return f"| {' | '.join(cells)} |"


def _signed(count):
    return "refused" if count is None else f"{count:+d}" if count else "="


def _versions():
    program = pyav = "absent"
    if shutil.which("ffmpeg"):
        program = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout.split(" ")[2]
    with suppress(ImportError):
        pyav = importlib.import_module("av").__version__
    return f"libsndfile {soundfile.__libsndfile_version__}, PyAV {pyav}, ffmpeg {program}"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, help="Where the page is written (default: %(default)s)")
    args = parser.parse_args(argv)
    logging.disable(logging.WARNING)  # of sound a little beyond its range, as lossy codecs have it
    with tempfile.TemporaryDirectory() as folder:
        text, unexplained = page(4.0, Path(folder))
    args.out.write_text(text, encoding="utf-8", newline="\n")
    print(f"{args.out}: {text.splitlines()[-1]}")
    if unexplained:
        sys.exit(f"error: samples are lost in silence: {', '.join(unexplained)}")


if __name__ == "__main__":
    main()
