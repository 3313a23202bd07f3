"""Label audio files: the class, the posterior of each class and, with --mode explicit, the rationale."""

import argparse
import json
import logging
from pathlib import Path

from c2ser.bin.common import add_audio, audio_files, limit_caches
from c2ser.errors import InputError
from c2ser.inference.decoding import DTYPES, PRIORS


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_audio(parser)
    parser.add_argument("--model", required=True, help="Folder with model.yaml: exp/<tag> of a recipe")
    parser.add_argument(
        "--mode", default="implicit", choices=("implicit", "explicit"), help="Answer at once, or reason"
    )
    parser.add_argument("--channel", help="Channel of files with several: 1, 2, … or mean; default: only mono is taken")
    parser.add_argument(
        "--enrol", nargs="+", default=[], metavar="FILE",
        help="Recordings of the same speaker in several moods, for a system that is normalised by speaker; no labels are read",
    )  # fmt: skip
    parser.add_argument("--ensemble_prompts", type=int, default=0,
                        help="Ask so many paraphrases, too: the mean posterior (default: %(default)s)")  # fmt: skip
    parser.add_argument("--gender", choices=("f", "m"), help="The speaker's, for a system told the measured style")
    parser.add_argument("--batch_size", type=int, default=8, help="Utterances decoded together")
    parser.add_argument("--calibration", type=Path, help="What c2ser calibrate fitted, to correct the posteriors")
    parser.add_argument("--prior", default="none", choices=PRIORS, help="Which prior of the calibration to divide by")
    parser.add_argument("--dtype", default="float32", choices=DTYPES, help="Precision of the language model")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--json", action="store_true", help="One JSON object a line instead of text")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    files = audio_files(args)
    limit_caches()
    from c2ser.inference.calibration import Calibration
    from c2ser.inference.predictor import Decoding, Predictor

    decoding = Decoding(batch_size=args.batch_size, dtype=args.dtype, prior=args.prior)
    calibration = Calibration.read(args.calibration) if args.calibration else None
    predictor = Predictor(
        args.model, args.device, decoding, calibration, ensemble=args.ensemble_prompts, voice={"gender": args.gender}
    )
    predictor.question(args.mode, args.ensemble_prompts)
    if args.enrol and not predictor.by_speaker(args.mode):
        raise InputError(f"--enrol: {args.model} is not normalised by speaker; leave it out")
    if predictor.by_speaker(args.mode) and not args.enrol:
        logging.warning("%s is normalised by speaker: without --enrol, training speakers' means stand for this one's", args.model)
    speaker = predictor.enrol(args.enrol, args.mode, args.channel) if args.enrol else None
    for path, prediction in zip(files, predictor.each(files, args.mode, args.channel, speaker)):
        if args.json:
            fields = {name: getattr(prediction, name) for name in ("label", "posterior", "text", "sound")}
            print(json.dumps({"audio": path, **fields}, ensure_ascii=False), flush=True)
            continue
        posterior = "  ".join(f"{label} {value:.3f}" for label, value in prediction.posterior.items())
        print(f"{path}\t{prediction.label}\t{posterior}")
        if args.mode == "explicit":
            print(f"    {prediction.text}")
