"""Put the rationales of a data directory into other words by a local language model (optional, after make_cot).

--model is a Hugging Face folder with a causal language model, best a chat model; nothing is fetched. Every answer is
read back and must end with the right emotion, keep the levels of the style, quote the transcript and be in the right
language. Where no attempt is sound, the template's text stays. cot_explicit is replaced when all is done; the
template's texts are kept in cot_explicit.template, and another run starts from them. Counts go to cot_rewrite.json.

Finished utterances, with the answers that were rejected and why, stand in cot_rewrite.journal: a run that was stopped
goes on from there, and ends as if it had not been.
"""

import argparse
import hashlib
import os
from pathlib import Path

from c2ser.cot import templates
from c2ser.datadir import DataDir, read_table, write_table
from c2ser.errors import InputError
from c2ser.jsonfile import read_json, write_json

TEMPLATE, REPORT, JOURNAL = "cot_explicit.template", "cot_rewrite.json", "cot_rewrite.journal"


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="Data directory with cot_explicit")
    parser.add_argument("--model", type=Path, required=True, help="Local Hugging Face folder")
    parser.add_argument(
        "--language", default="auto", choices=("auto", *templates.languages()),
        help="Language that the rationales are in and stay in; auto: as each is found to be (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--tries", type=int, default=4, help="Attempts at an utterance, the first greedy, the others drawn"
    )
    parser.add_argument("--temperature", type=float, default=0.8, help="Of the drawn attempts")
    parser.add_argument("--top_p", type=float, default=0.95, help="Share of probability the drawn attempts choose from")
    parser.add_argument("--max_new_tokens", type=int, default=256, help="Longer answers are cut, and so rejected")
    parser.add_argument("--seed", type=int, default=0, help="Decides the drawn attempts")
    parser.add_argument(
        "--batch_size", type=int, default=8, help="Rationales rewritten together; changes the speed alone"
    )
    parser.add_argument("--ngpu", type=int, default=0, help="0: CPU")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16", "float16"), help="Of the weights")
    return parser


def main(argv=None):
    """Read, rewrite, write."""
    args = get_parser().parse_args(argv)
    if args.tries < 1 or args.batch_size < 1 or args.temperature <= 0 or not 0 < args.top_p <= 1:
        raise InputError(
            "--tries and --batch_size start at 1; --temperature is more than 0, --top_p more than 0, at most 1"
        )
    data = DataDir(args.data_dir)
    source = template_texts(data)
    items = read_items(data, source, args.language)
    os.environ["HF_HUB_OFFLINE"] = "1"
    from c2ser.inference.chat import ChatModel, fingerprint

    model = ChatModel(args.model, "cuda" if args.ngpu else "cpu", args.dtype)
    report = rewrite_all(data, source, items, model, fingerprint(args.model), args)
    print_report(report)


def rewrite_all(data, source, items, model, model_hash, args):
    """Rewrite the items by `model`, write everything, and return the report."""
    from tqdm import tqdm

    from c2ser.cot.rewrite import Settings, rewrite, summarise
    from c2ser.journal import Journal

    settings = Settings(
        model_hash, args.dtype, args.tries, args.seed, args.temperature, args.top_p, args.max_new_tokens
    )
    with Journal(data.path / JOURNAL) as journal, tqdm(total=len(items), unit="utt", mininterval=2) as bar:
        entries = rewrite(items, model, settings, journal, args.batch_size, bar.update)
    final = {utterance: entries[utterance]["text"] or rationale for utterance, rationale in source.items()}
    report = {
        "model": args.model.resolve().name, "settings": vars(settings), **summarise(entries),
        "template_hash": table_hash(source), "rewritten_hash": table_hash(final),
    }  # fmt: skip
    # In this order, a run that is stopped between two of them leaves cot_explicit recognisable as the template's.
    write_table(data.path / TEMPLATE, source)
    write_json(data.path / REPORT, report)
    data.write("cot_explicit", final)
    return report


def template_texts(data):
    """utterance → the template's rationale: cot_explicit, or where that is rewritten already, what was kept of it.

    Raises InputError where the original of a rewritten table is gone.
    """
    current = data.read("cot_explicit")
    if not current:
        raise InputError(f"{data.path}/cot_explicit: no rationales; run c2ser make-cot")
    if not data.has(REPORT):
        return current
    report = read_json(data.path / REPORT, "rerun c2ser make-cot and remove it")
    try:
        made, original = report["rewritten_hash"], report["template_hash"]
    except KeyError as error:
        raise InputError(f"{data.path}/{REPORT}: not a report of this command ({error!r}); rerun c2ser make-cot "
                         "and remove it") from None  # fmt: skip
    if table_hash(current) != made:
        return current  # made anew since
    kept = read_table(data.path / TEMPLATE) if data.has(TEMPLATE) else {}
    if table_hash(kept) != original:
        raise InputError(
            f"{data.path}/{TEMPLATE}: not the texts that cot_explicit was rewritten from; rerun c2ser make-cot"
        )
    return kept


def table_hash(table):
    """A hash of a table's content, whatever the order of its lines."""
    return hashlib.sha256("\n".join(f"{key} {table[key]}" for key in sorted(table)).encode()).hexdigest()


def read_items(data, source, language):
    """The rationales with what they must say. Raises InputError where that is missing, or a rationale is not sound."""
    from c2ser.cot.check import check_rationale, detect_language
    from c2ser.cot.rewrite import Item
    from c2ser.prosody.style import parse_style

    emotions, styles, texts = data.labels(), data.read("utt2style"), data.read("text", optional=True)
    items = []
    for utterance, rationale in source.items():
        for name, table in (("utt2emo", emotions), ("utt2style", styles)):
            if utterance not in table:
                raise InputError(
                    f"{data.path}/{name}: no entry for {utterance}, which cot_explicit has; rerun c2ser make-cot"
                )
        spoken = detect_language(rationale) if language == "auto" else language
        if spoken is None:
            raise InputError(
                f"{data.path}/cot_explicit: {utterance}: its language is not clear; name it with --language"
            )
        style = parse_style(styles[utterance], f"{data.path}/utt2style: {utterance}")
        said = style, texts.get(utterance, ""), emotions[utterance], spoken
        faults = check_rationale(rationale, *said)
        if faults:
            raise InputError(f"{data.path}/cot_explicit: {utterance}: {'; '.join(faults)}; rerun c2ser make-cot")
        items.append(Item(utterance, rationale, *said))
    return items


def print_report(report):
    """Print the counts."""
    total, rewritten = report["utterances"], report["rewritten"]
    print(f"{rewritten} of {total} rationales are rewritten; {report['template']} stay the template's")
    accepted = ", ".join(f"{count} at attempt {attempt}" for attempt, count in report["accepted_at"].items())
    print(f"accepted: {accepted or 'none'}")
    reasons = ", ".join(f"{count} {kind}" for kind, count in report["reasons"].items())
    print(f"rejected answers: {report['rejected_answers']}{f' ({reasons})' if reasons else ''}")
