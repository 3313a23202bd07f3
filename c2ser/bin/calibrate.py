"""Fit on a development set what makes the posteriors of label scoring mean what they say, and suit balanced classes.

Writes a temperature, fitted for the least negative log-likelihood, and priors of the classes, each with the strength
that gives the best UA: dev, the mean posterior of the development set; train, the classes' shares of --train_dir;
content_free, the mean posterior for inputs that hold no speech (needs --model); file, of --prior_file.
`c2ser decode --calibration` takes the temperature and, where the key `prior` of its configuration names one, divides by
that prior. The formula stands in c2ser/inference/calibration.py. Never calibrate on a set that results are reported on.
"""

import argparse
import logging
from collections import Counter
from pathlib import Path

from c2ser.datadir import DataDir, read_table
from c2ser.errors import InputError


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decode_dir", type=Path, required=True, help="What c2ser decode made of the development set")
    parser.add_argument("--data_dir", type=Path, required=True, help="The development set")
    parser.add_argument("--train_dir", type=Path, help="Training set, for the prior train; default: without it")
    parser.add_argument(
        "--model", type=Path, help="Folder with model.yaml, for the prior content_free; default: without it"
    )
    parser.add_argument(
        "--prior_file", type=Path, help="Lines `class probability`, for the prior file; default: without it"
    )
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU; counts with --model only")
    parser.add_argument("--out", type=Path, required=True, help="The calibration to write, .json")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.evaluation.calibration import fit_strength, fit_temperature, quality
    from c2ser.evaluation.predictions import read_posteriors, read_set
    from c2ser.inference.calibration import Calibration, Correction

    dev = read_set(args.data_dir, args.decode_dir, "utt2scored")
    found = read_posteriors(args.decode_dir)
    if found is None:
        raise InputError(f"{args.decode_dir}: holds no posteriors; decode with the method score")
    labels, rows = found
    if "mode" not in dev.decode:
        raise InputError(f"{args.decode_dir}/decode.json: names no mode; decode the set again")
    if dev.decode.get("calibration"):
        raise InputError(f"{args.decode_dir}: was decoded with a calibration already; decode it without")
    logs, truth = observations(dev, labels, rows)
    temperature = fit_temperature(logs, truth)
    tempered = Correction(temperature)
    sources = {"dev": tempered(logs).mean(axis=0)}
    if args.train_dir:
        sources["train"] = shares(args.train_dir, labels)
    if args.prior_file:
        sources["file"] = listed(args.prior_file, labels)
    if args.model:
        sources["content_free"] = tempered(content_free(args, dev.decode, labels)).mean(axis=0)
    priors = {name: fit_strength(logs, truth, temperature, name, values) for name, values in sources.items()}
    calibration = Calibration(tuple(labels), dev.decode["mode"], temperature, priors)
    measured = {
        "uncorrected": quality(Correction()(logs), truth),
        "none": quality(tempered(logs), truth),
    }
    measured |= {name: quality(calibration.correction(name)(logs), truth) for name in priors}
    calibration.write(
        args.out, decode_dir=str(args.decode_dir), data_dir=str(args.data_dir), utterances=len(truth),
        left_out=len(dev) - len(truth), development_set=measured,
    )  # fmt: skip
    show(calibration, measured)


def observations(dev, labels, rows):
    """Log-posteriors `(utterances, classes)` and true classes `(utterances,)` of the utterances whose class is one of
    the system's; how many are of others is told."""
    import numpy as np

    from c2ser.inference.calibration import log_posteriors

    place = {label: index for index, label in enumerate(labels)}
    known = [(utterance, place[label]) for utterance, label in zip(dev.utterances, dev.reference) if label in place]
    if len(known) < len(dev):
        logging.warning(
            "%d of %d utterances are of classes that the system lacks: left out", len(dev) - len(known), len(dev)
        )
    if not known:
        raise InputError(f"{dev.data_dir}/utt2emo: no utterance of the classes {', '.join(labels)}")
    return log_posteriors([rows[utterance] for utterance, _ in known]), np.array([index for _, index in known])


def shares(train_dir, labels):
    """Share of each class among the labelled utterances of the system's classes. InputError for one without any."""
    import numpy as np

    counts = Counter(DataDir(train_dir).labels().values())
    empty = [label for label in labels if not counts[label]]
    if empty:
        raise InputError(f"{train_dir}/utt2emo: no utterance is {' or '.join(empty)}; is it the set trained on?")
    found = np.array([counts[label] for label in labels], dtype=float)
    return found / found.sum()


def listed(path, labels):
    """Class probabilities of a table, normalised. InputError where a class is missing, further, or not positive."""
    import numpy as np

    table = read_table(path)
    if set(table) != set(labels):
        raise InputError(f"{path}: holds {', '.join(table)}; one line for each of {', '.join(labels)} is needed")
    try:
        found = np.array([float(table[label]) for label in labels])
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    if not (found > 0).all() or not np.isfinite(found).all():
        raise InputError(f"{path}: every probability must be above 0")
    return found / found.sum()


def content_free(args, decode, labels):
    """Log-posteriors for inputs without speech, `(inputs, classes)`: silence and white noise of 1, 2 and 4 seconds."""
    import numpy as np

    from c2ser.inference.calibration import log_posteriors
    from c2ser.inference.decoding import Decoding
    from c2ser.inference.predictor import Predictor

    decoding = Decoding(**{**decode.get("decoding", {}), "methods": ["score"], "prior": "none", "prior_strength": None})
    predictor = Predictor(args.model, "cuda" if args.ngpu else "cpu", decoding, paraphrase=decode.get("paraphrase", 0))
    if list(predictor.labels) != list(labels):
        raise InputError(
            f"{args.model}: has the classes {', '.join(predictor.labels)}, the decoding {', '.join(labels)}"
        )
    if predictor.reads_text(decode["mode"]):
        raise InputError(f"{args.model}: reads transcripts; no sound is free of content for it")
    random = np.random.default_rng(0)
    inputs = [np.zeros(16000 * seconds, np.float32) for seconds in (1, 2, 4)]
    inputs += [random.normal(0, 0.01, 16000 * seconds).astype(np.float32) for seconds in (1, 2, 4)]
    predictions = predictor(inputs, decode["mode"])
    return log_posteriors([[prediction.posterior[label] for label in labels] for prediction in predictions])


def show(calibration, measured):
    """Print what each correction makes of the development set."""
    from c2ser.evaluation.results import format_table

    rows = [["Development set", "T", "strength", "UA %", "WA %", "NLL", "ECE %"]]
    for name, values in measured.items():
        prior = calibration.priors.get(name)
        temperature = 1.0 if name == "uncorrected" else calibration.temperature
        title = name if name == "uncorrected" else f"prior {name}"
        rows.append([
            title, f"{temperature:.2f}", f"{prior.strength:.1f}" if prior else "–", f"{100 * values['ua']:.1f}",
            f"{100 * values['wa']:.1f}", f"{values['nll']:.3f}", f"{100 * values['ece']:.1f}",
        ])  # fmt: skip
    print(format_table(rows))
