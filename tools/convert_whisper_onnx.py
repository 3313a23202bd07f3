#!/usr/bin/env python3
"""Convert Whisper's encoder from ONNX with int8 weights, as transformers.js has it, to a file of openai-whisper's layout.

    tools/convert_whisper_onnx.py --onnx encoder_model_quantized.onnx --out whisper-small-int8.pt [--audio a.wav]

What is written is compared with what onnxruntime computes from the same file, on --audio or on a made-up voice. Printed
are mean cosines between their frames: the least of a single block, activations rounded to 8 bits as there, which judges the
weights (below 0.999 nothing is written), and that of the whole encoder as the recipes run it, without rounding. The
recipes take the result with --whisper.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from c2ser.bin.common import run  # noqa: E402


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onnx", type=Path, required=True, help="encoder_model_quantized.onnx")
    parser.add_argument("--out", type=Path, required=True, help="file to write, .pt")
    parser.add_argument("--audio", help="recording to compare on; default: a made-up voice")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.audio import read_audio
    from c2ser.checkpoints.onnx_whisper import convert

    dims, (block, whole) = convert(args.onnx, args.out, read_audio(args.audio) if args.audio else voice())
    print(f"{args.out}: {dims}")
    print(f"  cosine to onnxruntime's frames: every block at least {block:.6f}; the whole, without its rounding, {whole:.4f}")


def voice(seconds=8.0):
    """Harmonics of a pitch that rises and falls in syllables, under two formants, and a little noise: float32 at 16 kHz."""
    time = np.arange(int(seconds * 16000)) / 16000
    pitch = 140 + 40 * np.sin(2 * np.pi * 0.6 * time)
    phase, wave = 2 * np.pi * np.cumsum(pitch) / 16000, np.zeros_like(time)
    for number in range(1, 30):
        hertz = number * pitch
        wave += np.sin(number * phase) * sum(np.exp(-(((hertz - peak) / 250) ** 2)) for peak in (600, 1700))
    wave *= np.maximum(0, np.sin(2 * np.pi * 3.1 * time))
    return (0.1 * wave + 0.002 * np.random.default_rng(0).normal(size=len(time))).astype(np.float32)


if __name__ == "__main__":
    run(main)
