"""Write RESULTS.md and report.html of an experiment from its score files, and print the results table."""

import argparse
import json
import logging
from pathlib import Path

from c2ser.bin.common import run
from c2ser.errors import InputError
from c2ser.evaluation.report import build, render_html, render_markdown
from c2ser.evaluation.results import format_table
from c2ser.fileio import atomic_write


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--exp_dir", required=True, help="the experiment: both files are written here")
    parser.add_argument("--title", required=True, help="title of the report")
    parser.add_argument("--command", required=True, help="the command that reproduces the experiment, shown as it is")
    parser.add_argument(
        "--scores", action="append", required=True, metavar="NAME=PATH", help="a row and its score file; repeatable"
    )
    parser.add_argument("--config", action="append", default=[], help="a configuration file to list; repeatable")
    parser.add_argument("--note", action="append", default=[], help="a remark under the results; repeatable")
    parser.add_argument(
        "--picture", action="append", default=[], metavar="HEADING=PATH", help="a picture to show, .png; repeatable"
    )
    parser.add_argument("--stability", help="what c2ser stability wrote, to show its tables")
    return parser


def main(argv=None):
    """Build the report, write both files, print the table."""
    args = get_parser().parse_args(argv)
    folder = Path(args.exp_dir)
    scores, pictures = named_paths(args.scores, "--scores"), named_paths(args.picture, "--picture")
    tables = stability_tables(args.stability) if args.stability else {}
    report = build(args.title, args.command, scores, args.config, args.note, pictures, tables)
    texts = {"RESULTS.md": render_markdown(report, folder), "report.html": render_html(report, folder)}
    for name, text in texts.items():
        with atomic_write(folder / name) as stream:
            stream.write(text)
        logging.info("wrote %s", folder / name)
    print(format_table(report.sections[0].rows))


def stability_tables(path):
    """The tables of a file of `c2ser stability`, heading → rows. Raises InputError where it is none."""
    from c2ser.evaluation.stability_tables import tables

    try:
        return tables(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError) as error:
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


if __name__ == "__main__":
    run(main)
