"""Label audio files with what c2ser export-onnx wrote: the class and the posterior of each class. Needs no torch."""

import argparse
import sys
from itertools import islice
from pathlib import Path

from c2ser.bin.common import add_audio, audio_files
from c2ser.rows import row_writer


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_audio(parser)
    parser.add_argument("--model", type=Path, required=True, help="the .onnx file, exported with --probe")
    parser.add_argument("--channel", help="of files with several: 1, 2, … or mean; default: only mono is taken")
    parser.add_argument("--batch_size", type=int, default=8, help="files together (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="threads of onnxruntime; default: its own choice")
    return parser


def main(argv=None):
    """Read, answer, print."""
    args = get_parser().parse_args(argv)
    from c2ser.inference.onnx_predictor import OnnxPredictor

    files = audio_files(args)
    rest, predictor = iter(files), OnnxPredictor(args.model, args.threads)
    write = row_writer(args.format, predictor.labels, files, ("sound",), sys.stdout)
    while batch := list(islice(rest, max(1, args.batch_size))):  # so that no more of them are held at a time
        for path, answer in zip(batch, predictor(batch, args.channel, args.batch_size)):
            write({"audio": path, **answer._asdict()})
