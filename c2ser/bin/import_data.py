"""Make a data directory from the data of another tool. Nothing that is read is run: no script, no pickle, no command.

c2ser import-data --format datasets --from downloads/some_corpus --out_dir data/all --columns emotion=label

Recordings stay where they are, but those of datasets and shar, which are written into --out_dir. Whatever is wrong is named
by file and line, and nothing is written then.
"""

import argparse
from pathlib import Path

from c2ser.errors import InputError
from c2ser.formats import FORMATS, load


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", required=True, choices=FORMATS, help="of which tool")
    parser.add_argument("--from", dest="source", type=Path, required=True, help="file or folder to read")
    parser.add_argument("--out_dir", type=Path, required=True, help="data directory to make")
    parser.add_argument("--columns", nargs="*", default=[], metavar="OURS=THEIRS",
                        help="what columns are called there: id, audio, speaker, gender, emotion, language, text, …")  # fmt: skip
    parser.add_argument("--labels", nargs="*", default=[], metavar="THEIRS=OURS", help="what their labels are called here")
    parser.add_argument("--channel", help="of files with several channels that name none: 1, 2, … or mean")
    return parser


def main(argv=None):
    """Import one folder."""
    args = get_parser().parse_args(argv)
    from c2ser.formats.rows import TABLES, write_data_dir

    args.columns, labels = _pairs(args.columns, "--columns"), _pairs(args.labels, "--labels")
    unknown = set(args.columns) - {"id", "audio", "recording", "channel", *TABLES}
    if unknown:
        raise InputError(f"--columns {min(unknown)}=…: known are id, audio, recording, channel, {', '.join(TABLES)}")
    count = write_data_dir(load(args.format).read(args.source, args), args.out_dir, labels, args.channel)
    print(f"{args.out_dir}: {count} utterances from {args.format}")


def _pairs(texts, option):
    pairs = [text.partition("=") for text in texts]
    if not all(one and sign and other for one, sign, other in pairs):
        raise InputError(f"{option} {' '.join(texts)}: expected pairs with = between them")
    return {one: other for one, _, other in pairs}
