"""Export Emotion2Vec-S and a probe on it as one ONNX file, for c2ser predict-onnx and for other runtimes.

Inputs speech (batch, samples) at 16 kHz and lengths (batch,); outputs tokens, layers (mean of the tokens, mean and
deviation of the frames at every depth), frames and, with --probe, posteriors. The file is compared with torch before it
is written.
"""

import argparse
from pathlib import Path

from c2ser.fileio import atomic_write


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="config.yaml of Emotion2Vec-S")
    parser.add_argument("--checkpoint", type=Path, required=True, help="its weights, model.pth")
    parser.add_argument("--probe", type=Path, help="folder of a probe on its features (stage 7: probe_e2v_s); "
                        "without it there are features only")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="file to write, model.onnx")
    return parser


def main(argv=None):
    """Export, compare, write."""
    args = get_parser().parse_args(argv)
    from c2ser.inference.onnx_export import export
    from c2ser.probe.saving import FILE

    content, difference = export(args.config, args.checkpoint, args.probe and args.probe / FILE)
    with atomic_write(args.out, "wb") as stream:
        stream.write(content)
    print(f"{args.out}: {len(content):,} bytes; differs from torch by {difference:.1e} at most")
