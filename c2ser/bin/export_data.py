"""Write a data directory in the format of another tool, and say by name what that cannot hold.

c2ser export-data --format datasets --data_dir data/all --out_dir exp/hub

Recordings are named where they lie, but in datasets and shar, which hold them. Parts of recordings become files of their
own where a format knows files alone. ms-swift and llamafactory get the prompt of one --mode and the answer to it, as
training sees them.
"""

import argparse
from pathlib import Path

from c2ser.cot import templates
from c2ser.cot.prompts import MODES
from c2ser.formats import FORMATS, load


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", required=True, choices=FORMATS, help="of which tool")
    parser.add_argument("--data_dir", required=True, help="data directory whose wav.scp holds files, not archives")
    parser.add_argument("--out_dir", type=Path, required=True, help="folder to make, or an empty one")
    parser.add_argument("--mode", default="implicit", choices=MODES, help="which answers are trained (default: %(default)s)")
    parser.add_argument("--prompt_language", default="en", choices=templates.languages(),
                        help="of the prompt (default: %(default)s)")  # fmt: skip
    return parser


def main(argv=None):
    """Export one data directory."""
    args = get_parser().parse_args(argv)
    from c2ser.datadir import DataDir
    from c2ser.fileio import new_folder
    from c2ser.formats.rows import not_held, read_rows

    module, data_dir = load(args.format), DataDir(args.data_dir)
    rows = read_rows(data_dir)
    lost = not_held(data_dir, module.HOLDS) + (module.lost(rows, args) if hasattr(module, "lost") else [])
    with new_folder(args.out_dir) as folder:
        module.write(rows, folder, args)
    print(f"{args.out_dir}: for {args.format}, of {len(rows)} utterances")
    if lost:
        print(f"{args.format} cannot hold, left out: {', '.join(lost)}")
