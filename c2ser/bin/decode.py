"""Stage 12: answer for every utterance of a set, in explicit or implicit mode, and score its classes.

Writes answers (free text), utt2pred (the class it names, or <invalid>), utt2scored (the most probable class), posteriors
in the order of `labels`, and decode.json with the cost.
"""

import argparse
import json
import logging
from pathlib import Path

from c2ser.bin.common import run
from c2ser.datadir import DataDir, read_table, write_table
from c2ser.errors import InputError
from c2ser.evaluation.metrics import INVALID
from c2ser.fileio import atomic_write

CHUNK = 1024
"""How many utterances are held in memory, and sorted into batches by length, at a time."""


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Folder with model.yaml")
    parser.add_argument("--mode", required=True, choices=("explicit", "implicit"), help="How to answer")
    parser.add_argument("--data_dir", type=Path, required=True, help="The set")
    parser.add_argument("--audio_scp", type=Path, required=True, help="Dumped audio")
    parser.add_argument("--emotion_scp", type=Path, help="Emotion2Vec-S features made before; default: computed here")
    parser.add_argument("--config", type=Path, help="YAML with the fields of c2ser.inference.predictor.Decoding")
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder of the results")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    import time

    from tqdm import tqdm

    from c2ser.ark import read_ark
    from c2ser.audio import read_audio
    from c2ser.inference.predictor import Predictor

    utterances = DataDir(args.data_dir).utterances()
    audio = entries(args.audio_scp, utterances)
    emotion = entries(args.emotion_scp, utterances) if args.emotion_scp else None
    predictor = Predictor(args.model, "cuda" if args.ngpu else "cpu", read_decoding(args.config))
    start = time.perf_counter()
    with tqdm(total=len(utterances), unit="utt", mininterval=2) as bar:
        predictions = []
        for first in range(0, len(utterances), CHUNK):
            chunk = utterances[first : first + CHUNK]
            predictions += predictor(
                [read_audio(audio[utterance]) for utterance in chunk], args.mode, progress=bar.update,
                emotion=[read_ark(emotion[utterance]) for utterance in chunk] if emotion else None,
            )  # fmt: skip
    seconds = time.perf_counter() - start
    write(args, dict(zip(utterances, predictions)), predictor, seconds)


def entries(scp, utterances):
    """An scp as a dict, checked to hold every utterance. Raises InputError."""
    table = read_table(scp)
    lacking = [utterance for utterance in utterances if utterance not in table]
    if lacking:
        raise InputError(f"{scp}: no entry for {len(lacking)} utterances ({', '.join(lacking[:5])}); rerun its stage")
    return table


def read_decoding(path):
    """A YAML file → Decoding; the defaults without a file. Raises InputError for an unknown key."""
    import yaml

    from c2ser.inference.predictor import Decoding

    if path is None:
        return Decoding()
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return Decoding(**(yaml.safe_load(path.read_text(encoding="utf-8")) or {}))
    except TypeError as error:
        raise InputError(f"{path}: {error}; the keys are the fields of c2ser.inference.predictor.Decoding") from None


def write(args, predictions, predictor, seconds):
    """Write the tables and the cost of decoding."""
    out, count = args.out_dir, len(predictions)
    invalid = sum(p.parsed is None for p in predictions.values())
    write_table(out / "answers", {utt: " ".join(p.text.split()) for utt, p in predictions.items()})
    write_table(out / "utt2pred", {utt: p.parsed or INVALID for utt, p in predictions.items()})
    write_table(out / "utt2scored", {utt: p.label for utt, p in predictions.items()})
    write_table(out / "posteriors", {utt: " ".join(f"{v:.6f}" for v in p.posterior.values()) for utt, p in predictions.items()})
    with atomic_write(out / "labels") as stream:
        stream.writelines(f"{label}\n" for label in predictor.labels)
    cost = {
        "mode": args.mode, "utterances": count, "invalid": invalid,
        "tokens_per_utterance": sum(p.tokens for p in predictions.values()) / count,
        "seconds_per_utterance": seconds / count,
        "generation_seconds_per_utterance": predictor.seconds["generation"] / count,
        "scoring_seconds_per_utterance": predictor.seconds["scoring"] / count,
    }  # fmt: skip
    with atomic_write(out / "decode.json") as stream:
        json.dump(cost, stream, indent=1)
    logging.info("%s: %d utterances, %d invalid answers, %.3f s an utterance", out, count, invalid, seconds / count)


if __name__ == "__main__":
    run(main)
