"""Label audio files: the class, the posterior of each class and, with --mode explicit, the rationale."""

import argparse
import json

from c2ser.bin.common import run


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", nargs="+", help="Files: any rate, wav, flac, ogg and what else libsndfile reads")
    parser.add_argument("--model", required=True, help="Folder with model.yaml, e.g. egs/polish/c2ser1/exp/<tag>")
    parser.add_argument("--mode", default="implicit", choices=("implicit", "explicit"), help="Answer at once, or reason")
    parser.add_argument("--channel", help="Channel of files with several: 1, 2, … or mean; default: only mono is taken")
    parser.add_argument("--batch_size", type=int, default=8, help="Utterances decoded together")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--json", action="store_true", help="One JSON object a line instead of text")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.inference.predictor import Decoding, Predictor

    predictor = Predictor(args.model, args.device, Decoding(batch_size=args.batch_size))
    for path, prediction in zip(args.audio, predictor(args.audio, args.mode, args.channel)):
        if args.json:
            fields = {"audio": path, "label": prediction.label, "posterior": prediction.posterior, "text": prediction.text}
            print(json.dumps(fields, ensure_ascii=False))
            continue
        posterior = "  ".join(f"{label} {value:.3f}" for label, value in prediction.posterior.items())
        print(f"{path}\t{prediction.label}\t{posterior}")
        if args.mode == "explicit":
            print(f"    {prediction.text}")


if __name__ == "__main__":
    run(main)
