"""Label audio files with what c2ser export-onnx wrote: the class and the posterior of each class. Needs no torch."""

import argparse
import json
from itertools import islice
from pathlib import Path

from c2ser.bin.common import add_audio, audio_files


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_audio(parser)
    parser.add_argument("--model", type=Path, required=True, help="the .onnx file, exported with --probe")
    parser.add_argument("--channel", help="of files with several: 1, 2, … or mean; default: only mono is taken")
    parser.add_argument("--batch_size", type=int, default=8, help="files together (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="threads of onnxruntime; default: its own choice")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of text")
    return parser


def main(argv=None):
    """Read, answer, print."""
    args = get_parser().parse_args(argv)
    from c2ser.inference.onnx_predictor import OnnxPredictor

    files = iter(audio_files(args))
    predictor = OnnxPredictor(args.model, args.threads)
    while batch := list(islice(files, max(1, args.batch_size))):  # so that no more of them are held at a time
        for path, answer in zip(batch, predictor(batch, args.channel, args.batch_size)):
            if args.json:
                print(json.dumps({"audio": path, **answer._asdict()}, ensure_ascii=False))
                continue
            posterior = "  ".join(f"{label} {value:.3f}" for label, value in answer.posterior.items())
            print(f"{path}\t{answer.label}\t{posterior}")
