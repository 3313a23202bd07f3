"""One table of many systems over the test sets of many corpora, with intervals, marks and paired tests.

  c2ser benchmark --data_dir data --out exp/benchmark.md --reference joint \\
      --system joint  exp/base/fold{fold}/decode_implicit_test                       joint utt2scored \\
      --system single ../../{corpus}/c2ser1/exp/base/fold{fold}/decode_implicit_test own   utt2scored \\
      --system ours   answers.txt                                                    none  answers

data is what c2ser combine-corpora writes: the columns are its test/<corpus>, pooled over their folds. A row is a
NAME, where its ANSWERS to the test set of {corpus} in {fold} are (a decoding's folder or a file of answers; several
with commas between, of which the first that is there counts), on what it was TRAINED (joint: all corpora with training
data; own: the corpus tested; others: all but that one; none; unknown; or names with commas between), and the TABLE of a
decoding that counts. Answers may be of more utterances than asked for, and ids may lack their `<corpus>_`. What is not
there is a dash in the table and a line under it. Beside the Markdown page --out, a .json of the same name holds every
number. Neither holds a date: the same answers and seed give the same bytes.
"""

import argparse
from dataclasses import replace

from c2ser.bin.common import add_bootstrap_options, page_path
from c2ser.errors import InputError
from c2ser.evaluation.answer_table import read_answer_table, write_answer_table
from c2ser.evaluation.benchmark import ANSWERS, TRAINED, System, read_benchmark, score_benchmark
from c2ser.evaluation.benchmark_table import benchmark_markdown, leaderboard_rows
from c2ser.evaluation.predictions import TABLES
from c2ser.evaluation.results import format_table
from c2ser.fileio import atomic_write
from c2ser.jsonfile import write_json


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", help="joint data directory")
    parser.add_argument("--system", nargs=4, action="append", default=[],
                        metavar=("NAME", "ANSWERS", "TRAINED", "TABLE"), help="a row; repeatable")  # fmt: skip
    parser.add_argument("--corpora", nargs="*", default=[], help="columns (default: every corpus of test/)")
    parser.add_argument("--folds", nargs="*", type=int, default=[], help="folds to pool (default: all there are)")
    parser.add_argument("--answers", help="instead of these: a file of answers that this command wrote")
    parser.add_argument("--reference", help="name of the system that others are tested against (default: no tests)")
    parser.add_argument("--against", nargs="*", help="names of those others (default: all)")
    parser.add_argument("--out", required=True, help="the page to write, .md")
    parser.add_argument("--title", help="title of the page (default: Benchmark)")
    parser.add_argument("--caption", help="text under it, such as what training data it leaks")
    parser.add_argument("--command", help="the command that reproduces it, shown as it is")
    add_bootstrap_options(parser)
    return parser


def main(argv=None):
    """Score, write the page, its numbers and its answers, print the table."""
    args = get_parser().parse_args(argv)
    out = page_path(args)
    table = _again(args) if args.answers else _read(args)
    page = table.page
    found = score_benchmark(
        table, table.reference or None, page.get("against"), args.draws, args.seed, args.unit
    )
    if not args.answers:
        write_answer_table(out.with_suffix(".answers.tsv"), table)
        write_json(out.with_suffix(".json"), {"caption": table.caption, **found})
    with atomic_write(out) as stream:
        stream.write(benchmark_markdown(found, page["title"], table.caption, page["command"]))
    print(format_table(leaderboard_rows(found)))
    for line in found["missing"]:
        print(f"missing: {line}")


def _read(args):
    """The `AnswerTable` of --data_dir and --system."""
    absent = [option for option in ("data_dir", "system") if not getattr(args, option)]
    if absent:
        raise InputError(f"--{', --'.join(absent)}: absent; or give --answers")
    table = read_benchmark(args.data_dir, read_systems(args.system), args.corpora, args.folds)
    page = {"title": args.title or "Benchmark", "command": args.command or "", "against": args.against, **table.page}
    return replace(table, reference=args.reference or "", caption=args.caption or "", page=page)


def _again(args):
    """The `AnswerTable` of --answers, with what is given beside it in place of what it says."""
    given = [option for option in ("data_dir", "system", "corpora", "folds") if getattr(args, option)]
    if given:
        raise InputError(f"--{given[0]}: --answers holds the answers already; give one of the two")
    table = read_answer_table(args.answers)
    changed = {key: getattr(args, key) for key in ("reference", "caption") if getattr(args, key) is not None}
    words = {key: getattr(args, key) for key in ("title", "command", "against") if getattr(args, key) is not None}
    return replace(table, page={**table.page, **words}, **changed)


def read_systems(rows):
    """What --system gives → `System`s. Raises InputError for a name given twice and for what a field may not hold."""
    systems = {}
    for name, answers, trained, table in rows:
        if not name.strip() or name in systems:
            raise InputError(f"--system {name!r}: a name is given twice, or empty")
        paths = tuple(path for path in answers.split(",") if path)
        on = tuple(one for one in trained.split(",") if one)
        if not paths or not on:
            raise InputError(f"--system {name}: ANSWERS and TRAINED may not be empty")
        if len(on) > 1 and set(on) & set(TRAINED):
            raise InputError(f"--system {name}: TRAINED {trained}: one of {', '.join(TRAINED)} stands alone")
        if table not in (*TABLES, ANSWERS):
            known = ", ".join(TABLES)
            raise InputError(f"--system {name}: TABLE {table}: expected one of {known}, or {ANSWERS} for a file")
        systems[name] = System(name, paths, on, table)
    return list(systems.values())
