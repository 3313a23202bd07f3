"""Convert a checkpoint of the emotion2vec family: emotion2vec, emotion2vec+, Emotion2Vec-S, data2vec 2.0 for audio.

Nothing that is in the file is executed. The result is a folder: in our layout (config.yaml, model.pth) it is what a
recipe takes with --e2v_s; in FunASR's it is what funasr.AutoModel(model=folder) takes. What is left out or assumed is
printed and, in our layout, kept in config.yaml.
"""

import argparse
from pathlib import Path

from c2ser.bin.common import str_to_bool
from c2ser.checkpoints.names import LAYOUTS, TARGETS


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True,
                        help="Checkpoint, or folder with model.pt (FunASR's) or model.pth (ours)")  # fmt: skip
    parser.add_argument("--layout", default="auto", choices=("auto", *LAYOUTS),
                        help="Of --from: c2ser, ours; funasr, emotion2vec and emotion2vec+; fairseq, Emotion2Vec-S and "
                        "emotion2vec; data2vec2, data2vec 2.0 for audio; auto, by what is in it")  # fmt: skip
    parser.add_argument("--config", type=Path,
                        help="YAML configuration of --from; default: config.yaml beside it, else in it")  # fmt: skip
    parser.add_argument("--to", type=Path, required=True, help="Folder to make")
    parser.add_argument("--to_layout", default="c2ser", choices=TARGETS, help="Layout of --to")
    parser.add_argument("--allow_unknown", type=str_to_bool, default=False,
                        help="true | false: leave out weights of unknown names instead of stopping")  # fmt: skip
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.checkpoints.layouts import find_file, load
    from c2ser.checkpoints.writing import write
    from c2ser.fileio import sha256

    backbone = load(args.source, args.layout, args.config, args.allow_unknown)
    file = find_file(args.source)
    record = {"from": file.name, "sha256": sha256(file), "layout": backbone.layout, "notes": backbone.notes}
    write(backbone, args.to, args.to_layout, record)
    numbers = sum(weight.numel() for weight in backbone.weights.values())
    print(f"{file}: {backbone.layout}, {len(backbone.weights)} weights of {numbers:,} numbers")
    print(f"{args.to}: {args.to_layout}")
    for note in backbone.notes:
        print(f"  {note}")
