"""Baseline: the classes that emotion2vec+ gives with its own classifier.

--model is FunASR's folder (model.pt, config.yaml, tokens.txt) or what `c2ser convert` made of it. Its nine classes are
ours and other and unknown; posteriors are scaled to sum to 1 over --labels. How much probability lay elsewhere is
written to utt2left_out for each utterance, and by class, on average, to decode.json. Utterances longer than
--chunk_seconds are cut into equal chunks, whose frames are averaged together.

A caution: part of emotion2vec+'s training data are public emotion corpora, so that a test set may not be new to it.
"""

import argparse
import logging
from pathlib import Path

from c2ser.baselines.options import add_options
from c2ser.datadir import DataDir, read_entries
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.environment import machine_account
from c2ser.inference.results import most_probable, write_results


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, model={"help": "Checkpoint, or its folder"})
    add_options(parser, "data_dir", "audio_scp")
    parser.add_argument("--num_samples", type=Path, required=True, help="Table utt2num_samples, for the batches")
    add_options(parser, "labels")
    parser.add_argument("--batch_seconds", type=float, default=60.0,
                        help="Audio in a batch, padding included; for speed alone (default: %(default)s)")  # fmt: skip
    parser.add_argument("--chunk_seconds", type=float, default=30.0,
                        help="Longer utterances are cut in equal chunks (default: %(default)s)")  # fmt: skip
    add_options(parser, "ngpu", "out_dir")
    return parser


def main(argv=None):
    """Read, classify, write."""
    args = get_parser().parse_args(argv)
    if args.batch_seconds <= 0 or args.chunk_seconds < 0.1:
        raise InputError("--batch_seconds must be above 0 and --chunk_seconds at least 0.1")
    import time

    from tqdm import tqdm

    from c2ser.audio import SAMPLE_RATE
    from c2ser.baselines.emotion2vec_plus import Emotion2VecPlus, classify_set
    from c2ser.inference.extraction import Audio

    utterances = DataDir(args.data_dir).utterances()
    read_entries(args.audio_scp, utterances)
    audio = Audio.read(args.audio_scp, args.num_samples)
    labels = [label for label in EMOTIONS if label in args.labels]
    model = Emotion2VecPlus(args.model, labels, "cuda" if args.ngpu else "cpu")
    lacking = [label for label in labels if label not in model.labels]
    if lacking:
        logging.warning("%s: its classifier has no class %s, which is never answered", args.model, ", ".join(lacking))
    start, chunk = time.perf_counter(), round(args.chunk_seconds * SAMPLE_RATE)
    with tqdm(total=len(utterances), unit="utt", mininterval=2) as bar:
        posteriors, others = classify_set(
            model, audio, utterances, chunk, args.batch_seconds * SAMPLE_RATE, bar.update
        )
    seconds = time.perf_counter() - start
    count = len(utterances)
    account = {
        "mode": "emotion2vec+", "utterances": count, "seconds_per_utterance": seconds / count, "model": str(args.model),
        "classes_never_answered": lacking,
        "left_out": mean_of(others),
        "cut_into_chunks": [utterance for utterance in utterances if audio.samples[utterance] > chunk],
        "notes": model.notes, **machine_account("cuda" if args.ngpu else "cpu"),
    }  # fmt: skip
    tables = {
        "utt2pred": most_probable(model.labels, posteriors), "posteriors": posteriors,
        "utt2left_out": {utterance: f"{sum(row.values()):.6g}" for utterance, row in others.items()},
    }  # fmt: skip
    write_results(args.out_dir, model.labels, tables, account)
    logging.info("%s: %d utterances classified; %.1f %% of the probability lay on other classes", args.out_dir, count,
                 100 * sum(account["left_out"].values()))  # fmt: skip


def mean_of(others):
    """Utterance → class → probability: the mean over utterances by class."""
    classes = next(iter(others.values()))
    return {name: sum(row[name] for row in others.values()) / len(others) for name in classes}
