"""Stage 14: pack a trained system into one folder that `Predictor` loads on a machine without the recipe.

The folder holds safetensors instead of pickles, the options of the models, the tokenizer and language model, and a
model card, README.md, with the tables of RESULTS.md. No path of this machine stands in it.
"""

import argparse
from pathlib import Path

from c2ser.errors import InputError
from c2ser.fileio import atomic_folder


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Folder with model.yaml")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder to make; an earlier packed one is replaced")
    parser.add_argument("--results", type=Path, help="RESULTS.md for the card (default: that in --model, if there)")
    parser.add_argument("--corpus", nargs="*", default=[], help="What it was trained on: names or modules of corpora")
    parser.add_argument("--leaks", help="What it may have heard of its test sets")
    parser.add_argument("--note", action="append", default=[], help="A remark under the results (repeatable)")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.inference.bundle import Bundle
    from c2ser.packing.card import write_card
    from c2ser.packing.parts import copy_parts

    bundle = Bundle.read(args.model)
    check_place(args.out_dir, args.model, bundle)
    known = account(args, bundle.name)
    with atomic_folder(args.out_dir) as packed:
        copied = copy_parts(bundle, packed)
        copied.write(packed)
        write_card(copied, packed, known)


def check_place(out, model, bundle):
    """Raise InputError where replacing `out` would remove anything but an earlier packed system."""
    from c2ser.inference.bundle import MANIFEST

    if not out.exists():
        return
    sections = [section for section in (bundle.emotion, *bundle.modes.values()) if section]
    parts = [model, bundle.llm, bundle.whisper, *(section["checkpoint"] for section in sections)]
    inside = [part for part in parts if part and Path(part).resolve().is_relative_to(out.resolve())]
    if inside:
        raise InputError(f"--out_dir {out}: would replace {inside[0]}, which is to be packed; choose another folder")
    if not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST).is_file()):
        raise InputError(f"--out_dir {out}: is there and is no packed system; remove it or choose another folder")


def account(args, name):
    """What the card says besides the parts. name: of the system, where its results have no title."""
    from c2ser import corpora
    from c2ser.packing.card import LEAKS, Account
    from c2ser.packing.results import read_results

    results = args.results
    if results is None and (args.model / "RESULTS.md").is_file():
        results = args.model / "RESULTS.md"
    return Account(
        title=name, results=read_results(results) if results else None,
        corpora=[corpora.load(name).CORPUS for name in args.corpus], leaks=args.leaks or LEAKS, notes=args.note,
        imported=(args.model / "import.json").is_file(),
    )  # fmt: skip
