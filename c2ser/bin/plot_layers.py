"""Draw the recall of probes over the layers of the network, the mean over folds with their range."""

import argparse

from c2ser.evaluation.layers import PARTS, read_layer_curves
from c2ser.evaluation.named import named_lists
from c2ser.evaluation.plots import layer_curves


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--probes", nargs="+", required=True, metavar="NAME=DIR1,DIR2,…",
                        help="a line and the folders of its probes, one a fold, with layers.json")  # fmt: skip
    parser.add_argument("--part", choices=tuple(PARTS), default="dev", help="recall on dev (held-out data), or on test")
    parser.add_argument("--title", default="", help="title of the picture")
    parser.add_argument("--out", required=True, help="the picture to write, .png")
    return parser


def main(argv=None):
    """Read the curves and draw them."""
    args = get_parser().parse_args(argv)
    curves = {}
    for name, folders in named_lists(args.probes, "--probes").items():
        found = read_layer_curves(folders, args.part)
        for table, folds in found.items():
            curves[name if len(found) == 1 else f"{name}: {table}"] = folds
    label = "UA %, held-out training data" if args.part == "dev" else "UA %, test (not used for choosing)"
    layer_curves(curves, label, args.title, args.out)
