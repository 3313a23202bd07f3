"""Measure how stable a system is: invalid answers, agreement between explicit and implicit mode and over paraphrased
prompts, whether rationales state the true style and quote the true words, and whether it does where it is asked for just
these (c2ser decode --ask), calibration, cost.

Writes a JSON file and, beside it, the same as Markdown (.md).
"""

import argparse
import logging
from pathlib import Path

from c2ser.datadir import DataDir, read_entries, read_table
from c2ser.errors import InputError
from c2ser.evaluation.stability import compare_modes, compare_prompts, read_decoded
from c2ser.evaluation.stability_tables import tables
from c2ser.fileio import atomic_write
from c2ser.jsonfile import read_json, write_json


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", nargs="+", required=True, help="Test sets, with utt2style and text")
    parser.add_argument("--implicit", nargs="+", required=True, metavar="DIR", help="Implicit decoding of each")
    parser.add_argument("--explicit", nargs="+", required=True, metavar="DIR", help="Explicit decoding of each")
    parser.add_argument(
        "--paraphrases", nargs="+", action="append", default=[], metavar="DIR",
        help="Decoding of each with one paraphrase, in either mode; repeat the option for each paraphrase",
    )  # fmt: skip
    parser.add_argument("--language", help="Language of the rationales; default: what decode.json says")
    parser.add_argument("--out", type=Path, required=True, help="The file to write, .json")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.evaluation.results import format_table, markdown_table

    if args.out.suffix != ".json":
        raise InputError(f"--out {args.out}: must end in .json")
    implicit = read_decoded(args.data_dir, args.implicit, "implicit")
    explicit = read_decoded(args.data_dir, args.explicit, "explicit")
    others = [read_decoded(args.data_dir, folders) for folders in args.paraphrases]
    groups = {base.mode: [base, *(one for one in others if one.mode == base.mode)] for base in (implicit, explicit)}
    report = {
        "data_dirs": args.data_dir,
        "decodings": {one.name: {"tables": one.scores, **one.cost} for one in (implicit, explicit, *others)},
        "modes": compare_modes(explicit, implicit),
        "prompts": {mode: compare_prompts(group) for mode, group in groups.items() if len(group) > 1},
        "rationales": rationales(args.data_dir, args.explicit, args.language),
        "questions": questions(args.data_dir, args.implicit),
    }
    sections = tables(report)
    write_json(args.out, report)
    with atomic_write(args.out.with_suffix(".md")) as stream:
        stream.write("# Stability\n")
        stream.writelines(f"\n## {title}\n\n{markdown_table(rows)}\n" for title, rows in sections.items())
    print("\n\n".join(f"{title}\n{format_table(rows)}" for title, rows in sections.items()))


def questions(data_dirs, decode_dirs):
    """What was answered to questions of style: {"style": …, "words": …}, {} and None where they were not asked."""
    from c2ser.evaluation.questions import score_questions, score_words
    from c2ser.prosody.style import parse_style

    asked, styles, words, texts = {}, {}, {}, {}
    for folder, decode_dir in zip(map(DataDir, data_dirs), map(Path, decode_dirs)):
        if (decode_dir / "utt2asked").is_file():
            rows = read_entries(decode_dir / "utt2asked", folder.utterances(), empty_ok=True)
            levels = read_entries(folder.path / "utt2style", list(rows), "run c2ser make-style")
            for utterance, value in rows.items():
                asked[utterance] = dict(part.split("=") for part in value.split())
                styles[utterance] = parse_style(levels[utterance], f"{folder.path}/utt2style: {utterance}")
        if (decode_dir / "asked_words").is_file() and folder.has("text"):
            words |= read_table(decode_dir / "asked_words", empty_ok=True)
            texts |= folder.read("text")
    return {
        "style": score_questions(asked, styles),
        "words": score_words(words, {one: texts.get(one, "") for one in words}) if words else None,
    }


def rationales(data_dirs, decode_dirs, language):
    """What the explicit answers state of style and words: {"style": …, "quote": …}.

    The first is None where a set has no utt2style, the second where it has no text. Raises InputError where it is not
    known in which language to read them.
    """
    from c2ser.evaluation.rationales import quote_accuracy, style_accuracy
    from c2ser.prosody.style import parse_style

    answers, styles, texts, languages = {}, {}, {}, []
    data = [DataDir(path) for path in data_dirs]
    for folder, decode_dir in zip(data, map(Path, decode_dirs)):
        answers |= read_table(decode_dir / "answers", empty_ok=True)
        styles |= folder.read("utt2style", optional=True)
        texts |= folder.read("text", optional=True)
        account = read_json(decode_dir / "decode.json", "decode the set again")
        spoken = [language] if language else account.get("languages")
        if not spoken:
            raise InputError(f"{decode_dir}/decode.json: names no language of the answers; give --language")
        languages += [one for one in spoken if one not in languages]
    found = {"style": None, "quote": None}
    for name, table, rows in (("style", "utt2style", styles), ("quote", "text", texts)):
        absent = [utterance for utterance in answers if utterance not in rows]
        if absent and rows:
            raise InputError(f"{table}: no entry for {len(absent)} utterances, first: {', '.join(absent[:5])}")
        if absent:
            logging.warning("no %s in %s: %s is not measured", table, ", ".join(data_dirs), name)
    if styles:
        levels = {utterance: parse_style(styles[utterance], f"utt2style: {utterance}") for utterance in answers}
        found["style"] = style_accuracy(answers, levels, languages)
    if texts:
        found["quote"] = quote_accuracy(answers, texts)
    return found
