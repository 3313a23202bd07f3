"""Compare systems on the same test sets: one table with intervals, paired tests against a reference, and marks.

The sets (folds) are pooled. Beside the Markdown table --out, a .json of the same name holds every number, and
.answers.tsv every answer; with --answers the page is made from such a file alone, without decodings or data.
"""

import argparse
from dataclasses import replace

from c2ser.bin.common import add_bootstrap_options, page_path
from c2ser.errors import InputError
from c2ser.evaluation.answer_table import AnswerTable, read_answer_table, write_answer_table
from c2ser.evaluation.compare import compare_systems, read_published
from c2ser.evaluation.comparison_table import comparison_markdown, comparison_rows
from c2ser.evaluation.named import named_lists
from c2ser.evaluation.predictions import TABLES, read_set
from c2ser.evaluation.results import format_table
from c2ser.fileio import atomic_write
from c2ser.jsonfile import write_json


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", metavar="NAME=DIR1,DIR2,…",
                        help="a row and the system's answers to each test set, in the order of --data_dir")  # fmt: skip
    parser.add_argument("--data_dir", nargs="+", help="test sets: directories with utt2emo and utt2spk")
    parser.add_argument("--answers", help="instead of these two: a file of answers that this command or the report wrote")
    parser.add_argument("--reference",
                        help="name of the system that the others are tested against; of --answers, the file's by default")  # fmt: skip
    parser.add_argument("--pred", nargs="*", default=[], metavar="NAME=TABLE",
                        help="which predictions count if not utt2pred, such as NAME=utt2scored")  # fmt: skip
    parser.add_argument("--out", required=True, help="the table to write, .md")
    parser.add_argument("--caption", help="text above the table, such as what training data it leaks")
    parser.add_argument("--published", help="rows of published results: a file of `name<TAB>UA in %%<TAB>source` lines")
    add_bootstrap_options(parser)
    return parser


def main(argv=None):
    """Read, compare, write the table and its numbers, print the table."""
    args = get_parser().parse_args(argv)
    out = page_path(args)
    table = _again(args) if args.answers else _read(args)
    comparison = compare_systems(table.systems, table.reference, table.tables, args.draws, args.seed, args.unit)
    caption, published = table.caption, table.published
    if not args.answers:
        write_answer_table(out.with_suffix(".answers.tsv"), table)
    write_json(out.with_suffix(".json"), {"caption": caption, **comparison, "published": published})
    with atomic_write(out) as stream:
        stream.write(comparison_markdown(comparison, caption, published))
    print(format_table(comparison_rows(comparison, published)))


def _read(args):
    """The `AnswerTable` of --systems and --data_dir."""
    absent = [option for option in ("systems", "data_dir", "reference") if not getattr(args, option)]
    if absent:
        raise InputError(f"--{', --'.join(absent)}: absent; or give --answers")
    folders, tables = named_lists(args.systems, "--systems"), _tables(named_lists(args.pred, "--pred"))
    unknown = sorted(set(tables) - set(folders))
    if unknown:
        raise InputError(f"--pred: {', '.join(unknown)}: not one of the systems {', '.join(folders)}")
    for name, given in folders.items():
        if len(given) != len(args.data_dir):
            raise InputError(
                f"--systems {name}: {len(given)} folders for {len(args.data_dir)} --data_dir; give one for each set"
            )
    systems = {
        name: [read_set(data, folder, tables.get(name, "utt2pred")) for data, folder in zip(args.data_dir, given)]
        for name, given in folders.items()
    }
    published = read_published(args.published) if args.published else []
    return AnswerTable(systems, tables, args.reference, args.caption or "", published)


def _again(args):
    """The `AnswerTable` of --answers, with what is given beside it in place of what it says."""
    given = [option for option in ("systems", "data_dir", "pred") if getattr(args, option)]
    if given:
        raise InputError(f"--{given[0]}: --answers holds the answers already; give one of the two")
    table = read_answer_table(args.answers)
    changed = {key: getattr(args, key) for key in ("reference", "caption") if getattr(args, key) is not None}
    if args.published:
        changed["published"] = read_published(args.published)
    return replace(table, **changed)


def _tables(named):
    """{name: [table]} → {name: table}, each a table of predictions."""
    for name, given in named.items():
        if len(given) > 1 or given[0] not in TABLES:
            raise InputError(f"--pred {name}={','.join(given)}: expected one of {', '.join(TABLES)}")
    return {name: given[0] for name, given in named.items()}
