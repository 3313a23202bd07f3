"""Text teacher of silver labels: judge the transcripts of a data directory with a local model.

--model is a Hugging Face folder with a causal language model, chat or not, or with a sequence classifier; nothing is
fetched. Writes posteriors in the order of `labels`, utt2pred, decode.json, and excluded: utterances without words, or
with more than the model takes, and why. What is judged is kept in JOURNAL until the tables are written, so that a run
that was stopped goes on.
"""

import argparse
import logging
import os
import time
from contextlib import contextmanager

from c2ser.baselines.options import add_options, check_numbers, chosen_labels
from c2ser.datadir import DataDir
from c2ser.errors import InputError
from c2ser.inference.results import most_probable, write_results
from c2ser.journal import Journal, digest, stamps

JOURNAL = "judged.journal"


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, data_dir={"help": "Data directory with text"})
    add_options(parser, "model", "labels", "label_map", "language", "batch_size", "ngpu", "dtype", "out_dir")
    return parser


def main(argv=None):
    """Read, judge, write."""
    args = get_parser().parse_args(argv)
    data = DataDir(args.data_dir)
    texts = data.read("text")
    texts = {utterance: texts.get(utterance, "") for utterance in data.utterances()}
    with judged_texts(args, texts, f"{data.path}/text") as (teacher, judged, excluded, _):
        tables = {"utt2pred": most_probable(teacher.labels, judged), "posteriors": judged}
        account = {"mode": teacher.kind, "utterances": len(judged), "excluded": len(excluded)}
        write_results(args.out_dir, teacher.labels, tables, account, excluded)
    logging.info("%s: %d transcripts judged, %d left out (see excluded)", args.out_dir, len(judged), len(excluded))


@contextmanager
def judged_texts(args, texts, where):
    """Judge transcripts, utterance → words, as the options of this command say; what is judged is kept in JOURNAL, which
    goes when the block ends without an error.

    Yields the teacher; utterance → posteriors; utterance → why it could not be judged; seconds for each utterance of
    this run, or None. Raises InputError where none can be judged; `where` is what it names.
    """
    check_numbers(args, "batch_size")
    labels, label_map = chosen_labels(args), parse_label_map(args.label_map)
    languages = question_languages(DataDir(args.data_dir), texts, args.language)
    os.environ["HF_HUB_OFFLINE"] = "1"
    from tqdm import tqdm

    from c2ser.silver.text_teacher import classify, load_teacher

    teacher = load_teacher(args.model, labels, label_map, "cuda" if args.ngpu else "cpu", args.dtype)
    start = time.perf_counter()
    journal = Journal(args.out_dir / JOURNAL, inputs(args.model, labels, label_map, args.dtype, texts, languages))
    with journal, tqdm(total=len(texts), initial=len(journal.made()), unit="utt", mininterval=2) as bar:
        fresh = len(texts) - len(journal.made())
        judged, excluded = classify(teacher, texts, languages, args.batch_size, journal, bar.update)
    seconds = time.perf_counter() - start
    if not judged:
        journal.remove()
        raise InputError(f"{where}: no transcript that can be judged; first: {next(iter(excluded.items()))}")
    yield teacher, judged, excluded, seconds / fresh if fresh else None
    journal.remove()


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
