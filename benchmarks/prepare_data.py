"""How long data preparation takes, and whether memory stays flat: ESD with all 35,000 names, against a tenth of it.

    python benchmarks/prepare_data.py

The tree has the published layout, with hard links to one tiny file for the audio. Each run is a process of its own; its
peak memory is what the kernel counted for it. The full tree has ten times the files of the baseline: a time ratio near ten
is linear, a memory ratio near one is flat.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EMOTIONS = ("Neutral", "Angry", "Happy", "Sad", "Surprise")
SPEAKERS, NUMBERS = 20, 1750


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speakers", type=int, default=SPEAKERS, help="of the full tree (default: %(default)s)")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    if not 10 <= args.speakers <= SPEAKERS:
        sys.exit(f"error: --speakers {args.speakers}: from 10 to {SPEAKERS}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, speakers in (("baseline", args.speakers // 10), ("full", args.speakers)):
            root = build(Path(folder) / name, speakers)
            rows.append((name, speakers * NUMBERS, *prepare(root, Path(folder) / f"data_{name}", speakers)))
            print("{:9} {:6} utterances  {:6.1f} s  peak {:6.0f} MB".format(*rows[-1]), flush=True)
    (_, few, short, low), (_, many, long, high) = rows
    print(f"full against baseline: {many / few:.1f} x the files, {long / short:.1f} x the time, {high / low:.2f} x the memory")


def build(root, speakers):
    """The tree, with transcripts; returns its folder."""
    audio = root.parent / "tiny.wav"
    with wave.open(str(audio), "wb") as stream:
        stream.setparams((1, 2, 16000, 0, "NONE", ""))
        stream.writeframes(b"\0\0" * 8000)
    for speaker in (f"{number:04}" for number in range(1, speakers + 1)):
        lines = []
        for place, emotion in enumerate(EMOTIONS):
            (root / speaker / emotion).mkdir(parents=True)
            for number in range(350 * place + 1, 350 * place + 351):
                os.link(audio, root / speaker / emotion / f"{speaker}_{number:06}.wav")
                lines.append(f"{speaker}_{number:06}\twords {number}\t{emotion}\n")
        (root / speaker / f"{speaker}.txt").write_text("".join(lines), encoding="utf-8")
    return root


def prepare(root, data_dir, speakers):
    """Run stage 1's command; its wall time in s and peak memory in MB."""
    command = [sys.executable, "-m", "c2ser", "prepare-data", "--corpus", "esd", "--root", root, "--data_dir", data_dir]
    command += ["--allow_missing", str((SPEAKERS - speakers) * NUMBERS), "--dev_speakers", "0"]
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read().decode()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"error: {errors[-2000:]}")
    return time.perf_counter() - start, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


if __name__ == "__main__":
    main()
