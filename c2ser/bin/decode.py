"""Stage 12: answer for every utterance of a set, in explicit or implicit mode, and choose its class.

One table for each of the methods of the configuration: utt2pred (free: the class that the answer names, or
<invalid>), utt2scored (score: the most probable class) with posteriors in the order of `labels`, utt2constrained
(the class that the grammar led to). answers holds what was generated, decode.json how, with the cost. A table that an
earlier decoding left in the folder and this one does not make is removed.
"""

import argparse
import json
import logging
from dataclasses import asdict
from pathlib import Path

from c2ser.bin.common import run
from c2ser.datadir import DataDir, read_table, write_table
from c2ser.errors import InputError
from c2ser.evaluation.metrics import INVALID
from c2ser.fileio import atomic_write
from c2ser.inference.decoding import read_decoding

CHUNK = 1024
"""How many utterances are held in memory, and sorted into batches by length, at a time."""


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Folder with model.yaml")
    parser.add_argument("--mode", required=True, choices=("explicit", "implicit"), help="How to answer")
    parser.add_argument("--data_dir", type=Path, required=True, help="The set")
    parser.add_argument("--audio_scp", type=Path, required=True, help="Dumped audio")
    parser.add_argument("--emotion_scp", type=Path, help="Emotion2Vec-S features made before; default: computed here")
    parser.add_argument("--config", type=Path, help="YAML with the fields of c2ser.inference.decoding.Decoding")
    parser.add_argument("--calibration", type=Path, help="What c2ser calibrate wrote, for label scoring")
    parser.add_argument("--paraphrase", type=int, default=0, help="Ask that paraphrase, from 1; 0: what training asked")
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder of the results")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    import time

    from tqdm import tqdm

    from c2ser.ark import read_ark
    from c2ser.audio import SAMPLE_RATE, read_audio
    from c2ser.inference.calibration import Calibration
    from c2ser.inference.predictor import Predictor

    data = DataDir(args.data_dir)
    utterances = data.utterances()
    audio = entries(args.audio_scp, utterances)
    emotion = entries(args.emotion_scp, utterances) if args.emotion_scp else None
    calibration = Calibration.read(args.calibration) if args.calibration else None
    predictor = Predictor(
        args.model, "cuda" if args.ngpu else "cpu", read_decoding(args.config), calibration, args.paraphrase
    )
    texts = entries(data.path / "text", utterances, empty_ok=True) if predictor.reads_text(args.mode) else None
    predictor.question(args.mode)  # an unknown paraphrase is told before the work
    start, samples = time.perf_counter(), 0
    with tqdm(total=len(utterances), unit="utt", mininterval=2) as bar:
        predictions = []
        for first in range(0, len(utterances), CHUNK):
            chunk = utterances[first : first + CHUNK]
            speech = [read_audio(audio[utterance]) for utterance in chunk]
            samples += sum(map(len, speech))
            predictions += predictor(
                speech, args.mode, progress=bar.update, names=chunk,
                emotion=[read_ark(emotion[utterance]) for utterance in chunk] if emotion else None,
                transcripts=[texts[utterance] for utterance in chunk] if texts else None,
            )  # fmt: skip
            del speech  # before the next chunk is read
    seconds = time.perf_counter() - start
    write(args, dict(zip(utterances, predictions)), predictor, seconds, samples / SAMPLE_RATE)


def entries(path, utterances, empty_ok=False):
    """An scp or another table as a dict, checked to hold every utterance. Raises InputError."""
    table = read_table(path, empty_ok)
    lacking = [utterance for utterance in utterances if utterance not in table]
    if lacking:
        raise InputError(f"{path}: no entry for {len(lacking)} utterances ({', '.join(lacking[:5])}); rerun its stage")
    return table


def write(args, predictions, predictor, seconds, audio_seconds):
    """Write the tables of the methods used, then how the set was decoded and what that cost."""
    out, methods = args.out_dir, predictor.decoding.methods
    tables = dict.fromkeys(("answers", "utt2pred", "utt2scored", "posteriors", "utt2constrained"))
    if "free" in methods or args.mode == "explicit":
        tables["answers"] = {utt: " ".join(p.text.split()) for utt, p in predictions.items()}
    if "free" in methods:
        tables["utt2pred"] = {utt: p.parsed or INVALID for utt, p in predictions.items()}
    if "score" in methods:
        tables["utt2scored"] = {utt: p.label for utt, p in predictions.items()}
        rows = {utt: p.posterior.values() for utt, p in predictions.items()}
        tables["posteriors"] = {utt: " ".join(f"{value:.6g}" for value in row) for utt, row in rows.items()}
    if "constrained" in methods:
        tables["utt2constrained"] = {utt: p.constrained for utt, p in predictions.items()}
    for name, table in tables.items():
        if table is None:
            (out / name).unlink(missing_ok=True)
        else:
            write_table(out / name, table)
    write_labels(out / "labels", predictor.labels if "score" in methods else None)
    with atomic_write(out / "decode.json") as stream:
        content = account(args, predictions, predictor, seconds, audio_seconds)
        json.dump(content, stream, indent=1, ensure_ascii=False)
    logging.info("%s: %d utterances, %.3f s an utterance", out, len(predictions), seconds / len(predictions))


def write_labels(path, labels):
    """Write the classes of the posteriors, or remove what an earlier decoding left."""
    if labels is None:
        path.unlink(missing_ok=True)
        return
    with atomic_write(path) as stream:
        stream.writelines(f"{label}\n" for label in labels)


def account(args, predictions, predictor, seconds, audio_seconds):
    """The content of decode.json. seconds: what decoding took; audio_seconds: how much speech there was."""
    from c2ser.evaluation.environment import machine_account

    count, correction = len(predictions), predictor.correction
    free = "free" in predictor.decoding.methods
    return {
        "mode": args.mode, "utterances": count,
        "invalid": sum(p.parsed is None for p in predictions.values()) if free else None,
        "tokens_per_utterance": sum(p.tokens for p in predictions.values()) / count,
        "seconds_per_utterance": seconds / count,
        "generation_seconds_per_utterance": predictor.seconds["generation"] / count,
        "scoring_seconds_per_utterance": predictor.seconds["scoring"] / count,
        "audio_seconds_per_utterance": audio_seconds / count,
        **machine_account(predictor.device, predictor.precision(args.mode)),
        "languages": predictor.languages, "paraphrase": args.paraphrase, "prompt": predictor.question(args.mode),
        "decoding": asdict(predictor.decoding),
        "calibration": args.calibration and {"file": str(args.calibration), **asdict(correction)},
    }  # fmt: skip


if __name__ == "__main__":
    run(main)
