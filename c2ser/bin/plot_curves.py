"""Draw the training curves of an experiment from its checkpoint."""

import argparse

from c2ser.evaluation.curves import WORDS, read_curves
from c2ser.evaluation.plots import training_curves


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--exp_dir", required=True, help="the training's output directory, with checkpoint.pth")
    parser.add_argument("--out", required=True, help="the picture to write, .png")
    parser.add_argument("--title", default="", help="title of the picture")
    parser.add_argument("--quantities", nargs="*", default=[], help="what to draw; none: every loss and accuracy")
    return parser


def main(argv=None):
    """Read the curves and draw them."""
    args = get_parser().parse_args(argv)
    curves = read_curves(args.exp_dir, args.quantities)
    training_curves({WORDS.get(name, name): parts for name, parts in curves.items()}, args.title, args.out)
