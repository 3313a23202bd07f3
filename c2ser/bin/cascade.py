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

from c2ser.baselines.options import add_options, check_numbers, chosen_labels
from c2ser.baselines.output import most_probable, write_results
from c2ser.bin.classify_text import JOURNAL, inputs, parse_label_map, question_languages
from c2ser.bin.common import run
from c2ser.bin.decode import entries
from c2ser.datadir import DataDir
from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.evaluation.environment import machine_account
from c2ser.evaluation.metrics import INVALID
from c2ser.journal import Journal


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "data_dir")
    parser.add_argument("--text", type=Path, required=True, help="Table of transcripts: text.asr, or DATA_DIR/text")
    add_options(parser, "model", "labels")
    parser.add_argument("--label_map", default="",
                        help='Classifiers: classes with unknown names, "love=happy LABEL_3=-"')  # fmt: skip
    add_options(parser, "language", "batch_size", "ngpu", "dtype", "out_dir")
    return parser


def main(argv=None):
    """Read, judge, write."""
    args = get_parser().parse_args(argv)
    check_numbers(args, "batch_size")
    labels = chosen_labels(args)
    data = DataDir(args.data_dir)
    utterances = data.utterances()
    table = entries(args.text, utterances, empty_ok=True)
    texts = {utterance: table[utterance] for utterance in utterances}
    languages, label_map = question_languages(data, utterances, args.language), parse_label_map(args.label_map)
    transcribed = transcription(args.text)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import time

    from tqdm import tqdm

    from c2ser.silver.text_teacher import classify, load_teacher

    teacher = load_teacher(args.model, labels, label_map, "cuda" if args.ngpu else "cpu", args.dtype)
    start = time.perf_counter()
    journal = Journal(args.out_dir / JOURNAL, inputs(args.model, labels, label_map, args.dtype, texts, languages))
    with journal, tqdm(total=len(utterances), initial=len(journal.made()), unit="utt", mininterval=2) as bar:
        before = len(journal.made())
        judged, excluded = classify(teacher, texts, languages, args.batch_size, journal, bar.update)
    seconds, fresh = time.perf_counter() - start, len(utterances) - before
    if not judged:
        journal.remove()
        raise InputError(f"{args.text}: no transcript that can be judged; first: {next(iter(excluded.items()))}")
    equal = [1 / len(teacher.labels)] * len(teacher.labels)
    posteriors = judged | dict.fromkeys(excluded, equal)
    predicted = most_probable(teacher.labels, judged) | dict.fromkeys(excluded, INVALID)
    account = {
        "mode": "text-only cascade", "utterances": len(utterances), "invalid": len(excluded), "text": str(args.text),
        "model": str(args.model), "judge": teacher.kind, "languages": sorted(set(languages.values())),
        "seconds_per_utterance": seconds / fresh if fresh else None, "transcription": transcribed,
        **machine_account("cuda" if args.ngpu else "cpu"),
    }  # fmt: skip
    write_results(args.out_dir, teacher.labels, {"utt2pred": predicted, "posteriors": posteriors}, account, excluded)
    journal.remove()
    logging.info("%s: %d transcripts judged, %d invalid (see excluded)", args.out_dir, len(judged), len(excluded))


def transcription(text):
    """How `c2ser transcribe` made the table, by the transcribe.json beside it; None for another table."""
    path = text.parent / "transcribe.json"
    if text.name != "text.asr" or not path.is_file():
        return None
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); transcribe the set again") from None


if __name__ == "__main__":
    run(main)
