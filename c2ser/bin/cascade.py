"""Baseline, text-only cascade: the emotion that a language model reads out of transcripts, nothing of the voice.

--text is what `c2ser transcribe` wrote, or the data directory's own text, which shows what perfect transcription would
give. --model is a Hugging Face folder with a causal language model or a sequence classifier; it judges as the text
teacher of silver labels does (`c2ser classify-text`). Here no utterance is left out: one that cannot be judged, above
all for want of words, has `<invalid>` in utt2pred, equal posteriors, and its reason in excluded.
"""

import argparse
import json
import logging
import os
from pathlib import Path

from c2ser.baselines.output import most_probable, write_results
from c2ser.bin.classify_text import parse_label_map, question_languages
from c2ser.bin.common import run
from c2ser.bin.decode import entries
from c2ser.datadir import DataDir
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.metrics import INVALID


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="The set")
    parser.add_argument("--text", type=Path, required=True, help="Table of transcripts: text.asr, or DATA_DIR/text")
    parser.add_argument("--model", type=Path, required=True, help="Local Hugging Face folder")
    parser.add_argument("--labels", nargs="+", default=list(EMOTIONS), choices=EMOTIONS, metavar="CLASS",
                        help="Classes to choose from (default: the seven)")  # fmt: skip
    parser.add_argument("--label_map", default="",
                        help='Classifiers: classes with unknown names, "love=happy LABEL_3=-"')  # fmt: skip
    parser.add_argument("--language", default="auto",
                        help="Of the question: auto (as utt2lang says of each utterance) or a code")  # fmt: skip
    parser.add_argument("--batch_size", type=int, default=8, help="Transcripts together; changes the speed alone")
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"), help="Of the weights")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder of the results")
    return parser


def main(argv=None):
    """Read, judge, write."""
    args = get_parser().parse_args(argv)
    if args.batch_size < 1:
        raise InputError(f"--batch_size {args.batch_size}: expected a whole number from 1")
    data = DataDir(args.data_dir)
    utterances = data.utterances()
    table = entries(args.text, utterances, empty_ok=True)
    texts = {utterance: table[utterance] for utterance in utterances}
    languages, label_map = question_languages(data, utterances, args.language), parse_label_map(args.label_map)
    labels = [label for label in EMOTIONS if label in args.labels]
    if len(labels) < 2:
        raise InputError(f"--labels {' '.join(labels)}: at least two classes are needed")
    os.environ["HF_HUB_OFFLINE"] = "1"
    import time

    from tqdm import tqdm

    from c2ser.silver.text_teacher import classify, load_teacher

    teacher = load_teacher(args.model, labels, label_map, "cuda" if args.ngpu else "cpu", args.dtype)
    start = time.perf_counter()
    with tqdm(total=len(utterances), unit="utt", mininterval=2) as bar:
        judged, excluded = classify(teacher, texts, languages, args.batch_size, bar.update)
    seconds = time.perf_counter() - start
    if not judged:
        raise InputError(f"{args.text}: no transcript that can be judged; first: {next(iter(excluded.items()))}")
    equal = [1 / len(teacher.labels)] * len(teacher.labels)
    posteriors = judged | dict.fromkeys(excluded, equal)
    predicted = most_probable(teacher.labels, judged) | dict.fromkeys(excluded, INVALID)
    account = {
        "mode": "text-only cascade", "utterances": len(utterances), "invalid": len(excluded), "text": str(args.text),
        "model": str(args.model), "judge": teacher.kind, "languages": sorted(set(languages.values())),
        "seconds_per_utterance": seconds / len(utterances), "transcription": transcription(args.text),
    }  # fmt: skip
    write_results(args.out_dir, teacher.labels, {"utt2pred": predicted, "posteriors": posteriors}, account, excluded)
    logging.info("%s: %d transcripts judged, %d invalid (see excluded)", args.out_dir, len(judged), len(excluded))


def transcription(text):
    """How `c2ser transcribe` made the table, by the transcribe.json beside it; None for another table."""
    path = text.parent / "transcribe.json"
    if text.name != "text.asr" or not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); transcribe the set again") from None


if __name__ == "__main__":
    run(main)
