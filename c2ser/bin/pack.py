"""Stage 14: copy a trained system into one folder that `Predictor` loads on a machine without the recipe."""

import argparse
import shutil
import tempfile
from pathlib import Path

from c2ser.bin.common import run


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Folder with model.yaml")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder to make; an earlier one is replaced")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.inference.bundle import Bundle

    bundle = Bundle.read(args.model)
    args.out_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.out_dir.parent, prefix=".pack-") as folder:
        packed = Path(folder) / "packed"
        packed.mkdir()
        copy_into(packed, bundle)
        bundle.write(packed)
        shutil.rmtree(args.out_dir, ignore_errors=True)
        packed.rename(args.out_dir)


def copy_into(folder, bundle):
    """Copy every part of a bundle into a folder and point the bundle there."""
    bundle.llm = Path(shutil.copytree(bundle.llm, folder / "llm"))
    if bundle.whisper:
        bundle.whisper = Path(shutil.copy(bundle.whisper, folder / "whisper.pt"))
    sections = {"emotion2vec_s": bundle.emotion, **bundle.modes}
    for name, section in sections.items():
        if section:
            (folder / name).mkdir()
            section["config"] = Path(shutil.copy(section["config"], folder / name / "config.yaml"))
            section["checkpoint"] = Path(shutil.copy(section["checkpoint"], folder / name / "model.pth"))


if __name__ == "__main__":
    run(main)
