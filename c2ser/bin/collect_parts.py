"""Join what parallel jobs wrote, table by table, and check that every utterance of the data directory has its entry.

The parts PART_DIR/NAME.* (dump) or PART_DIR/*/NAME (prosody) of each table become OUT_DIR/NAME.
"""

import argparse
from pathlib import Path

from c2ser.datadir import DataDir, read_table, write_table
from c2ser.encodings import read_text
from c2ser.errors import InputError


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="Whose utterances must all be there")
    parser.add_argument("--excluded", type=Path, nargs="*", default=[], help="Lists of utterances left out by rule")
    parser.add_argument(
        "--table", action="append", nargs=2, required=True, metavar=("PATTERN", "OUT"),
        help="Parts, a pattern of paths, and the table to write (repeatable)",
    )  # fmt: skip
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    wanted = set(DataDir(args.data_dir).utterances())
    for path in args.excluded:
        wanted -= {line.split()[0] for line in read_text(path).splitlines() if line.strip()}
    for pattern, out in args.table:
        parts = sorted(Path().glob(pattern) if not pattern.startswith("/") else Path("/").glob(pattern[1:]))
        if not parts:
            raise InputError(f"{pattern}: no such files; the jobs have written nothing, see their logs")
        table = {}
        for part in parts:
            entries = read_table(part)
            twice = table.keys() & entries.keys()
            if twice:
                raise InputError(f"{part}: {min(twice)} stands in another part too; remove the parts of an earlier run")
            table.update(entries)
        lacking, strangers = wanted - table.keys(), table.keys() - wanted
        if lacking or strangers:
            raise InputError(
                f"{pattern}: {len(lacking)} utterances of {args.data_dir} have no entry ({', '.join(sorted(lacking)[:5])}), "
                f"{len(strangers)} are not of it; rerun the stage with --force true"
            )
        write_table(out, table)
