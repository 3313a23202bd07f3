"""Draw frozen features in two dimensions, coloured by emotion and by speaker."""

import argparse
from pathlib import Path

import numpy as np

from c2ser.datadir import DataDir, read_entries
from c2ser.errors import InputError


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--feats_scp", required=True, help="layers.scp or tokens.scp of extract_features")
    parser.add_argument("--data_dir", required=True, help="data directory whose utterances are drawn")
    parser.add_argument("--out", required=True, help="the picture to write, .png")
    parser.add_argument("--layer", type=_layer, default="last",
                        help="row of each matrix, from 0, or last; mean: of all rows, for tokens.scp")  # fmt: skip
    parser.add_argument("--method", choices=("pca", "tsne"), default="pca", help="projection")
    parser.add_argument("--max_utterances", type=int, default=2000,
                        help="of a larger set, how many are drawn, chosen at random: t-SNE of many takes long")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of t-SNE and of the choice of utterances")
    parser.add_argument("--title", default="", help="title of the picture")
    return parser


def main(argv=None):
    """Read, pool, project and draw."""
    from c2ser.evaluation.plots import embeddings, project

    args = get_parser().parse_args(argv)
    data = DataDir(args.data_dir)
    emotions, speakers = data.labels(), data.read("utt2spk")
    if not emotions:
        raise InputError(f"{data.path}/utt2emo: no utterance has a label to colour it by")
    utterances = list(emotions)
    unknown = [utterance for utterance in utterances if utterance not in speakers]
    if unknown:
        raise InputError(f"{data.path}/utt2spk: lacks {len(unknown)} utterances of utt2emo, first: {unknown[0]}")
    title = args.title or f"{Path(args.feats_scp).name}, {args.method}"
    if len(utterances) > args.max_utterances:
        title += f", {args.max_utterances} of {len(utterances)} utterances"
        picked = np.random.default_rng(args.seed).choice(len(utterances), args.max_utterances, replace=False)
        utterances = [utterances[number] for number in sorted(picked)]
    points = project(chosen(args.feats_scp, utterances, args.layer), args.method, args.seed)
    columns = [[table[utterance] for utterance in utterances] for table in (emotions, speakers)]
    embeddings(points, *columns, title, args.out)


def chosen(feats_scp, utterances, layer="last"):
    """Read one vector an utterance, float64 `(utterances, width)`: a row of its matrix, counted from 0, the "last", or
    the "mean" of all. A vector is a matrix of one row.

    Raises InputError where an utterance has no features, not that row, or features of another width than the first.
    """
    from c2ser.ark import read_ark

    entries = read_entries(feats_scp, utterances, "extract their features")
    rows = []
    for utterance in utterances:
        features = np.atleast_2d(read_ark(entries[utterance])).astype(np.float64)
        if features.size == 0 or (rows and features.shape[1] != len(rows[0])):
            raise InputError(f"{feats_scp}: {utterance}: features of shape {features.shape}; extract them again")
        if layer not in ("last", "mean") and layer >= len(features):
            raise InputError(f"{feats_scp}: {utterance}: no row {layer}; its {len(features)} rows are counted from 0")
        rows.append(features.mean(axis=0) if layer == "mean" else features[-1 if layer == "last" else layer])
    return np.stack(rows)


def _layer(value):
    if value in ("last", "mean"):
        return value
    if not (value.isascii() and value.isdigit()):
        raise argparse.ArgumentTypeError(f"{value!r}: expected last, mean, or a number from 0")
    return int(value)
