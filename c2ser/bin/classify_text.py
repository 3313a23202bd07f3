"""Text teacher of silver labels: judge the transcripts of a data directory with a local model.

--model is a Hugging Face folder with a causal language model, chat or not, or with a sequence classifier; nothing is
fetched. Writes posteriors in the order of `labels`, utt2pred, decode.json, and excluded: utterances without words, or
with more than the model takes, and why. What is judged is kept in JOURNAL until the tables are written, so that a run
that was stopped goes on.
"""

import argparse
import json
import logging
import os
from pathlib import Path

from c2ser.datadir import DataDir, write_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.fileio import atomic_write
from c2ser.journal import Journal, digest, stamps

JOURNAL = "judged.journal"


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="Data directory with text")
    parser.add_argument("--model", type=Path, required=True, help="Local Hugging Face folder")
    parser.add_argument("--labels", nargs="+", default=list(EMOTIONS), choices=EMOTIONS, metavar="CLASS",
                        help="Classes to choose from (default: the seven)")  # fmt: skip
    parser.add_argument(
        "--label_map", default="", help='Classifiers: classes with unknown names, "love=happy LABEL_3=-"'
    )
    parser.add_argument(
        "--language", default="auto",
        help="Language of the question: auto (that of each utterance in utt2lang, else English) or a code",
    )  # fmt: skip
    parser.add_argument(
        "--batch_size", type=int, default=8, help="Transcripts judged together; changes the speed alone"
    )
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"), help="Of the weights")
    parser.add_argument("--out_dir", type=Path, required=True, help="Gets the results")
    return parser


def main(argv=None):
    """Read, judge, write."""
    args = get_parser().parse_args(argv)
    data = DataDir(args.data_dir)
    utterances, texts = data.utterances(), data.read("text")
    languages = question_languages(data, utterances, args.language)
    label_map = parse_label_map(args.label_map)
    os.environ["HF_HUB_OFFLINE"] = "1"
    from tqdm import tqdm

    from c2ser.silver.text_teacher import classify, load_teacher

    labels = [label for label in EMOTIONS if label in args.labels]
    teacher = load_teacher(args.model, labels, label_map, "cuda" if args.ngpu else "cpu", args.dtype)
    words = {utterance: texts.get(utterance, "") for utterance in utterances}
    journal = Journal(args.out_dir / JOURNAL, inputs(args.model, labels, label_map, args.dtype, words, languages))
    with journal, tqdm(total=len(utterances), initial=len(journal.made()), unit="utt", mininterval=2) as bar:
        judged, excluded = classify(teacher, words, languages, args.batch_size, journal, bar.update)
    if not judged:
        journal.remove()
        raise InputError(f"{data.path}/text: no transcript that can be judged; first: {next(iter(excluded.items()))}")
    write(args.out_dir, teacher, judged, excluded)
    journal.remove()
    logging.info("%s: %d transcripts judged, %d left out (see excluded)", args.out_dir, len(judged), len(excluded))


def inputs(model, labels, label_map, dtype, texts, languages):
    """What decides the results, for their journal."""
    return {"model": stamps(model), "asked": digest([labels, label_map, dtype, texts, languages])}


def question_languages(data, utterances, language):
    """Utterance → language of its question. Raises InputError for a language without a question."""
    from c2ser.silver.prompts import PROMPTS, prompt_language

    if language not in ("auto", *PROMPTS):
        raise InputError(f"--language {language}: there are questions in {', '.join(PROMPTS)}; or say auto")
    if language != "auto":
        return dict.fromkeys(utterances, language)
    spoken = data.read("utt2lang", optional=True)
    return {utterance: prompt_language(spoken.get(utterance)) for utterance in utterances}


def parse_label_map(text):
    """Read "love=happy LABEL_3=-" as {"love": "happy", "LABEL_3": "-"}. Raises InputError for another form."""
    pairs = [part.rpartition("=") for part in text.split()]
    for name, _, label in pairs:
        if not name or not label:
            raise InputError(f'--label_map {text!r}: expected "THEIRS=OURS …"')
    return {name: label for name, _, label in pairs}


def write(out, teacher, judged, excluded):
    """Write the tables as a probe or a decoding leaves them."""
    labels = teacher.labels
    write_table(out / "utt2pred", {utt: labels[row.index(max(row))] for utt, row in judged.items()})
    write_table(out / "posteriors", {utt: " ".join(f"{p:.6f}" for p in row) for utt, row in judged.items()})
    with atomic_write(out / "labels") as stream:
        stream.writelines(f"{label}\n" for label in labels)
    with atomic_write(out / "excluded") as stream:
        stream.writelines(f"{utterance}\t{reason}\n" for utterance, reason in sorted(excluded.items()))
    with atomic_write(out / "decode.json") as stream:
        json.dump({"mode": teacher.kind, "utterances": len(judged), "excluded": len(excluded)}, stream, indent=1)
