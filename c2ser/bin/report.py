"""Write RESULTS.md and report.html of an experiment from its score files, and print the leaderboard.

Beside them answers.tsv holds each row's answers: `c2ser compare --answers` makes tests and intervals from it alone.

report.html needs no other file and no network. Made with --audio_scp or --rationales it shows the hardest errors with
their recordings, transcripts and rationales: keep such a page to yourself where the corpus's licence does not allow to
publish them. RESULTS.md never holds any of it. Its last part, from "Date, speed and memory" on, is what differs when
the same is run again from the same seed.
"""

import argparse
import logging
from pathlib import Path

from c2ser.errors import InputError
from c2ser.evaluation.answer_table import AnswerTable, write_answer_table
from c2ser.evaluation.hardest import COUNT, hardest, with_clips, with_texts
from c2ser.evaluation.predictions import TABLES, read_set
from c2ser.evaluation.report import LEADERBOARD, build
from c2ser.evaluation.report_files import render_html, render_markdown
from c2ser.evaluation.results import format_table, read_score
from c2ser.fileio import atomic_write
from c2ser.jsonfile import read_json


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exp_dir", required=True, help="the experiment: both files are written here")
    parser.add_argument("--title", required=True, help="title of the report")
    parser.add_argument("--command", required=True, help="the command that reproduces the experiment, shown as it is")
    parser.add_argument(
        "--scores", action="append", required=True, metavar="NAME=PATH", help="a row and its score file; repeatable"
    )
    parser.add_argument("--config", action="append", default=[], help="a configuration file to list; repeatable")
    parser.add_argument("--note", action="append", default=[], help="a remark under the results; repeatable")
    parser.add_argument("--leak", action="append", default=[],
                        help="what training may have seen of the test sets; repeatable")  # fmt: skip
    parser.add_argument("--picture", action="append", default=[], metavar="HEADING=PATH",
                        help="a picture to show, .png; `Heading: caption` puts several under one; repeatable")  # fmt: skip
    parser.add_argument("--stability", help="what c2ser stability wrote, to show its tables")
    parser.add_argument("--hardest", metavar="NAME",
                        help="the row, with posteriors, whose surest errors are listed")  # fmt: skip
    parser.add_argument("--hardest_count", type=int, default=COUNT,
                        help="how many of them, at most 10 (default: %(default)s)")  # fmt: skip
    parser.add_argument("--rationales", nargs="+", metavar="DIR",
                        help="explicit decodings of that row's test sets, in order: shows their answers")  # fmt: skip
    parser.add_argument("--audio_scp", help="the dumped audio: puts recordings of those errors into report.html")
    return parser


def main(argv=None):
    """Build the report, write both files, print the table."""
    args = get_parser().parse_args(argv)
    folder = Path(args.exp_dir)
    scores, pictures = named_paths(args.scores, "--scores"), named_paths(args.picture, "--picture")
    tables = stability_tables(args.stability) if args.stability else {}
    errors = hardest_errors(args, scores)
    report = build(
        args.title, args.command, scores, args.config, args.note, pictures, tables, args.leak, errors, args.hardest
    )
    texts = {"RESULTS.md": render_markdown(report, folder), "report.html": render_html(report, folder)}
    for name, text in texts.items():
        with atomic_write(folder / name) as stream:
            stream.write(text)
        logging.info("wrote %s", folder / name)
    write_answers(folder / "answers.tsv", scores)
    print(format_table(next(section.rows for section in report.sections if section.heading == LEADERBOARD)))


def write_answers(path, scores):
    """Write the answers that the rows were scored by (scores: name → score file), the first row as the reference; rows
    of files of answers, which are text, are left out and named in the log."""
    found = {name: read_score(score) for name, score in scores.items()}
    texts = [name for name, score in found.items() if score["table"] not in TABLES]
    if texts:
        logging.warning("%s: without %s, scored from files of answers", path, ", ".join(texts))
    systems = {
        name: [read_set(one["data_dir"], one["decode_dir"], score["table"]) for one in score["sets"]]
        for name, score in found.items()
        if name not in texts
    }
    if systems:
        tables = {name: found[name]["table"] for name in systems}
        write_answer_table(path, AnswerTable(systems, tables, next(iter(systems))))


def hardest_errors(args, scores):
    """What --hardest asks for, with what --rationales and --audio_scp add; [] without it. scores: name → path."""
    if args.hardest is None:
        absent = [option for option in ("rationales", "audio_scp") if getattr(args, option)]
        if absent:
            raise InputError(f"--{absent[0]}: is for the errors of a row; name it with --hardest")
        return []
    if args.hardest not in scores:
        raise InputError(f"--hardest {args.hardest}: not one of the rows {', '.join(scores)}")
    score = read_score(scores[args.hardest])
    if score["table"] not in TABLES:
        raise InputError(f"--hardest {args.hardest}: was scored from {score['table']}, which have no posteriors")
    data_dirs = [one["data_dir"] for one in score["sets"]]
    if args.rationales and len(args.rationales) != len(data_dirs):
        raise InputError(
            f"{len(args.rationales)} --rationales for {len(data_dirs)} test sets of {args.hardest}; give one for each"
        )
    sets = [read_set(one["data_dir"], one["decode_dir"], score["table"]) for one in score["sets"]]
    errors = hardest(sets, args.hardest_count)
    if args.rationales or args.audio_scp:
        errors = with_texts(errors, dict(zip(data_dirs, args.rationales or [])))
    return with_clips(errors, args.audio_scp) if args.audio_scp else errors


def stability_tables(path):
    """The tables of a file of `c2ser stability`, heading → rows. Raises InputError where it is none."""
    from c2ser.evaluation.stability_tables import tables

    content = read_json(path, "c2ser stability writes it")
    try:
        return tables(content)
    except (TypeError, KeyError) as error:
        raise InputError(f"--stability {path}: not a file of c2ser stability ({error!r})") from None


def named_paths(values, option):
    """["name=path", …] → {name: path}. Raises InputError for a value without both, and for a name given twice."""
    named = {}
    for value in values:
        name, _, path = value.partition("=")
        if not name.strip() or not path:
            raise InputError(f"{option} {value!r}: expected name=path")
        if name.strip() in named:
            raise InputError(f"{option}: {name.strip()!r} is given twice")
        named[name.strip()] = path
    return named
