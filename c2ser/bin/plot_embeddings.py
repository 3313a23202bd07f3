"""Draw frozen features in two dimensions, coloured by emotion and by speaker."""

import argparse
from pathlib import Path

import numpy as np

from c2ser.bin.common import run
from c2ser.datadir import DataDir, read_table
from c2ser.errors import InputError


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--feats_scp", required=True, help="features: matrices (tokens or frames, dim) in an ark")
    parser.add_argument("--data_dir", required=True, help="data directory whose utterances are drawn")
    parser.add_argument("--out", required=True, help="the picture to write, .png")
    parser.add_argument("--method", choices=("pca", "tsne"), default="pca", help="projection")
    parser.add_argument("--seed", type=int, default=0, help="seed of t-SNE")
    parser.add_argument("--title", default="", help="title of the picture")
    return parser


def main(argv=None):
    """Read, pool, project and draw."""
    from c2ser.evaluation.plots import embeddings, project

    args = get_parser().parse_args(argv)
    data = DataDir(args.data_dir)
    emotions, speakers = data.read("utt2emo"), data.read("utt2spk")
    utterances = list(emotions)
    unknown = [utterance for utterance in utterances if utterance not in speakers]
    if unknown:
        raise InputError(f"{data.path}/utt2spk: lacks {len(unknown)} utterances of utt2emo, first: {unknown[0]}")
    points = project(pooled(args.feats_scp, utterances), args.method, args.seed)
    columns = [[table[utterance] for utterance in utterances] for table in (emotions, speakers)]
    embeddings(points, *columns, args.title or f"{Path(args.feats_scp).name}, {args.method}", args.out)


def pooled(feats_scp, utterances):
    """Read each utterance's features and average them over tokens or frames: float64 `(utterances, dim)`.

    Raises InputError where an utterance has no features, or features of another width than the first.
    """
    from c2ser.ark import read_ark

    entries = read_table(feats_scp)
    missing = [utterance for utterance in utterances if utterance not in entries]
    if missing:
        raise InputError(
            f"{feats_scp}: {len(missing)} of {len(utterances)} utterances have no features, first: "
            f"{', '.join(missing[:5])}; extract the features of this set"
        )
    rows = []
    for utterance in utterances:
        features = np.atleast_2d(read_ark(entries[utterance])).astype(np.float64)
        if features.size == 0 or (rows and features.shape[1] != len(rows[0])):
            raise InputError(f"{feats_scp}: {utterance}: features of shape {features.shape}; extract them again")
        rows.append(features.mean(axis=0))
    return np.stack(rows)


if __name__ == "__main__":
    run(main)
