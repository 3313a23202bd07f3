"""Baseline, text-only cascade: the emotion that a language model reads out of transcripts, nothing of the voice.

--text is what `c2ser transcribe` wrote, or the data directory's own text, which shows what perfect transcription would
give. --model is a Hugging Face folder with a causal language model or a sequence classifier; it judges as the text
teacher of silver labels does (`c2ser classify-text`). Here no utterance is left out: one that cannot be judged, above
all for want of words, has `<invalid>` in utt2pred, equal posteriors, and its reason in excluded.
"""

import argparse
import logging
from pathlib import Path

from c2ser.baselines.options import add_options
from c2ser.bin.classify_text import judged_texts, question_languages
from c2ser.datadir import DataDir, read_entries
from c2ser.evaluation.environment import machine_account
from c2ser.evaluation.metrics import INVALID
from c2ser.inference.results import most_probable, write_results
from c2ser.jsonfile import read_json


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "data_dir")
    parser.add_argument("--text", type=Path, required=True, help="Table of transcripts: text.asr, or DATA_DIR/text")
    add_options(parser, "model", "labels", "label_map", "language", "batch_size", "ngpu", "dtype", "out_dir")
    return parser


def main(argv=None):
    """Read, judge, write."""
    args = get_parser().parse_args(argv)
    data = DataDir(args.data_dir)
    utterances = data.utterances()
    table = read_entries(args.text, utterances, empty_ok=True)
    texts = {utterance: table[utterance] for utterance in utterances}
    transcribed, languages = transcription(args.text), question_languages(data, utterances, args.language)
    with judged_texts(args, texts, args.text) as (teacher, judged, excluded, seconds):
        equal = [1 / len(teacher.labels)] * len(teacher.labels)
        posteriors = judged | dict.fromkeys(excluded, equal)
        predicted = most_probable(teacher.labels, judged) | dict.fromkeys(excluded, INVALID)
        account = {
            "mode": "text-only cascade", "utterances": len(utterances), "invalid": len(excluded), "text": str(args.text),
            "model": str(args.model), "judge": teacher.kind, "languages": sorted(set(languages.values())),
            "seconds_per_utterance": seconds, "transcription": transcribed,
            **machine_account("cuda" if args.ngpu else "cpu"),
        }  # fmt: skip
        write_results(args.out_dir, teacher.labels, {"utt2pred": predicted, "posteriors": posteriors}, account, excluded)
    logging.info("%s: %d transcripts judged, %d invalid (see excluded)", args.out_dir, len(judged), len(excluded))


def transcription(text):
    """How `c2ser transcribe` made the table, by the transcribe.json beside it; None for another table."""
    path = text.parent / "transcribe.json"
    if text.name != "text.asr" or not path.is_file():
        return None
    return read_json(path, "transcribe the set again")
