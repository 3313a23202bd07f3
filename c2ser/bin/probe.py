"""Stage 7: train a linear probe on frozen features and label a test set with it."""

import argparse
import json
import logging
from pathlib import Path

from c2ser.bin.common import run
from c2ser.datadir import DataDir, read_table, write_table
from c2ser.fileio import atomic_write


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feats_scp", type=Path, required=True, help="Features of all utterances, one vector each")
    parser.add_argument("--train_dir", type=Path, required=True, help="Data directory to fit on")
    parser.add_argument("--dev_dir", type=Path, help="Data directory that chooses the regularisation")
    parser.add_argument("--test_dir", type=Path, required=True, help="Data directory to label")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the solver")
    parser.add_argument("--out_dir", type=Path, required=True, help="Gets utt2pred, posteriors, labels, decode.json")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.probe.linear import fit_probe, stack

    features = read_table(args.feats_scp)
    sets = [DataDir(path) for path in (args.train_dir, args.dev_dir) if path]
    (train, train_labels), *dev = [labelled(data, features, args.feats_scp) for data in sets]
    dev, dev_labels = dev[0] if dev else ([], [])
    classifier, strength = fit_probe(train, train_labels, dev, dev_labels, args.seed)
    test = DataDir(args.test_dir).utterances()
    posteriors = classifier.predict_proba(stack(features, test, args.feats_scp))
    labels = list(classifier.classes_)
    args.out_dir.mkdir(parents=True, exist_ok=True)
    write_table(args.out_dir / "utt2pred", {utt: labels[row.argmax()] for utt, row in zip(test, posteriors)})
    write_table(args.out_dir / "posteriors", {utt: " ".join(f"{p:.6f}" for p in row) for utt, row in zip(test, posteriors)})
    with atomic_write(args.out_dir / "labels") as stream:
        stream.writelines(f"{label}\n" for label in labels)
    with atomic_write(args.out_dir / "decode.json") as stream:
        json.dump({"mode": "probe", "utterances": len(test), "regularisation": strength}, stream)
    logging.info("%s: %d utterances labelled, C=%g", args.out_dir, len(test), strength)


def labelled(data, features, where):
    """Features `(utterances, dim)` and labels of the labelled utterances of a data directory."""
    from c2ser.probe.linear import stack

    emotions = data.read("utt2emo")
    utterances = [utterance for utterance in data.utterances() if utterance in emotions]
    return stack(features, utterances, where), [emotions[utterance] for utterance in utterances]


if __name__ == "__main__":
    run(main)
