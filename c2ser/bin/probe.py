"""Stage 7: train a classifier on frozen features and label a test set with it (EmoBox protocol).

Layer, regularisation, size and stopping epoch are chosen on development data alone; every candidate's score is written
to decode.json. Several feature tables are joined after a layer of each was chosen. layers.json holds the recall on each
layer, probe.npz the fitted probe, for c2ser export-onnx.
"""

import argparse
import logging
from pathlib import Path

from c2ser.bin.common import str_to_bool
from c2ser.datadir import DataDir
from c2ser.datadir.faults import some
from c2ser.errors import InputError
from c2ser.inference.results import most_probable, write_results
from c2ser.jsonfile import write_json
from c2ser.probe.choose import WAYS, make_design
from c2ser.probe.features import normalise_speakers, read_layers
from c2ser.probe.fit import CLASSIFIERS, fit_probe
from c2ser.probe.report import distance_ratio, layer_curves, shared_with_training, unmeasured
from c2ser.probe.saving import FILE, save_probe
from c2ser.probe.weights import CLASS_WEIGHTS


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feats_scp", type=Path, nargs="+", required=True,
                        help="features of all utterances, (layers, width) or (width,); several are joined")  # fmt: skip
    parser.add_argument("--train_dir", type=Path, required=True, help="data directory to fit on")
    parser.add_argument("--dev_dir", type=Path, help="data directory to choose on; without it, a fifth of train")
    parser.add_argument("--test_dir", type=Path, required=True, help="data directory to label")
    parser.add_argument("--classifier", choices=CLASSIFIERS, default="logistic",
                        help="logistic regression, EmoBox's head, or the better (default: %(default)s)")  # fmt: skip
    parser.add_argument("--layer", type=_layer, default="best",
                        help="best on dev, last, or a number from 0 (default: %(default)s)")  # fmt: skip
    parser.add_argument("--mix", type=str_to_bool, default=False,
                        help="true: the head learns a mixture of all layers instead (--classifier mlp)")  # fmt: skip
    parser.add_argument("--choose_by", choices=WAYS, default="dev",
                        help="fit on train and choose on dev, or leave out one speaker of train and dev after "
                        "the other and fit on both in the end (default: %(default)s)")  # fmt: skip
    parser.add_argument("--normalise", choices=("none", "speaker"), default="none",
                        help="speaker: features have mean 0 and variance 1 within each speaker, those of the test "
                        "set included, which uses its audio without labels (default: %(default)s)")  # fmt: skip
    parser.add_argument("--class_weight", choices=CLASS_WEIGHTS, default="balanced",
                        help="whether classes count alike; EmoBox: none (default: %(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument("--out_dir", type=Path, required=True,
                        help="gets utt2pred, posteriors, labels, decode.json, layers.json, probe.npz")  # fmt: skip
    return parser


def main(argv=None):
    """Read, choose, fit, label, write."""
    args = get_parser().parse_args(argv)
    train, dev = _labelled(args.train_dir), _labelled(args.dev_dir) if args.dev_dir else {}
    if args.dev_dir and args.choose_by == "dev":
        _warn_of_absent_classes(args.dev_dir, set(train.values()), set(dev.values()))
    test = DataDir(args.test_dir).utterances()
    fitted, labels = [*train, *dev], [*train.values(), *dev.values()]
    speakers = _speakers(args)
    design = make_design(args.choose_by, labels, [speakers[utterance] for utterance in fitted], len(train), args.seed)
    tables = [read_layers(path, fitted + test) for path in args.feats_scp]
    lacking = unmeasured(args.feats_scp, tables)
    if args.normalise == "speaker":
        everybody = [speakers[utterance] for utterance in fitted + test]
        tables = [normalise_speakers(table, everybody) for table in tables]
    known, unseen = ([table[part] for table in tables] for part in (slice(len(fitted)), slice(len(fitted), None)))
    probe = fit_probe(known, labels, design, args.classifier, args.layer, args.mix, args.class_weight, args.seed)
    posteriors = probe.posteriors(unseen)
    # Only from here on are the labels of the test set looked at, where it has any: all choices are made.
    truth = DataDir(args.test_dir).labels(optional=True)
    told = [row for row, utterance in enumerate(test) if utterance in truth]
    test_labels = [truth[test[row]] for row in told]
    summary = {
        "mode": "probe",
        "utterances": len(test),
        "feats_scp": [str(path) for path in args.feats_scp],
        "layers": probe.layers,
        "chosen": probe.chosen,
        "chosen_on": design.says,
        "normalise": args.normalise,
        "uses_test_audio": args.normalise == "speaker",
        "class_weight": args.class_weight,
        "seed": args.seed,
        **shared_with_training(fitted, test, speakers),
        "unmeasured_values": lacking,
        "class_distance_ratio": {
            "train": distance_ratio(probe.inputs(known), range(len(train)), labels[: len(train)]),
            "test": distance_ratio(probe.inputs(unseen), told, test_labels),
        },
        "candidates": probe.candidates,
    }
    if args.mix:
        summary["mixtures"] = probe.model.mixtures()
    curves = layer_curves(
        args.feats_scp, probe.curves, (known, labels), (unseen, told, test_labels), design, args.class_weight, args.seed
    )
    save_probe(args.out_dir / FILE, probe, args.normalise)
    write_json(args.out_dir / "layers.json", curves)
    answers = dict(zip(test, posteriors.tolist()))
    tables = {"utt2pred": most_probable(probe.classes, answers), "posteriors": answers}
    write_results(args.out_dir, probe.classes, tables, summary)
    logging.info("%s: %d utterances labelled; layers %s, %s, chosen on %s",
                 args.out_dir, len(test), probe.layers, probe.chosen, design.says)  # fmt: skip


def _layer(value):
    if value in ("best", "last"):
        return value
    if not value.isdigit():
        raise argparse.ArgumentTypeError(f"{value!r}: expected best, last or a number from 0")
    return int(value)


def _labelled(path):
    """Utterance → emotion of the labelled utterances of a data directory; says how many have none."""
    data = DataDir(path)
    labels, utterances, without = data.labels(), data.utterances(), data.unlabelled()
    if without:
        logging.info("%s: %d of %d utterances have no emotion and are left out: %s",
                     path, len(without), len(utterances), some(without))  # fmt: skip
    if len(without) == len(utterances):
        raise InputError(f"{path}/utt2emo: no utterance has a label; a probe needs some")
    return {utterance: labels[utterance] for utterance in utterances if utterance in labels}


def _warn_of_absent_classes(dev_dir, train, dev):
    """A choice made on a part of the classes says little of the others."""
    absent = sorted(train - dev)
    if absent:
        logging.warning(
            "%s: has %s and lacks %s: what is chosen on it may suit those classes alone; take more speakers "
            "(--dev_speakers of the recipe), or --choose_by cross_speaker (--probe_choose_by there)",
            dev_dir, "one class" if len(dev) == 1 else f"{len(dev)} classes", ", ".join(absent),
        )  # fmt: skip


def _speakers(args):
    paths = [path for path in (args.train_dir, args.dev_dir, args.test_dir) if path]
    return {utterance: speaker for path in paths for utterance, speaker in DataDir(path).read("utt2spk").items()}
