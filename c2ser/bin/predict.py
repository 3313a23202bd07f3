"""Label audio files: the class, the posterior of each class and, with --mode explicit, the rationale."""

import argparse
import logging
import sys
from pathlib import Path

from c2ser.bin.common import add_audio, audio_files, limit_caches
from c2ser.errors import InputError
from c2ser.inference.decoding import DTYPES, PRIORS
from c2ser.rows import row_writer

INCOMPLETE = 3
"""Exit status where some files were left out and others answered."""


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_audio(parser)
    add_system(parser)
    parser.add_argument(
        "--skip_bad", action="store_true",
        help="Leave out files that cannot be read, say which and how many, and end with status 3",
    )  # fmt: skip
    return parser


def add_system(parser):
    """Add which system answers and how: what `load` reads."""
    parser.add_argument("--model", required=True, help="Folder with model.yaml: exp/<tag> of a recipe")
    parser.add_argument(
        "--mode", default="implicit", choices=("implicit", "explicit"), help="Answer at once, or reason"
    )
    parser.add_argument(
        "--labels", type=label_words,
        help="Classes to choose among, any words, such as \"angry neutral frustrated\", with commas where one is of several"
        " words; default: those of training, beside which a model finds words that it never gave unlikely",
    )  # fmt: skip
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


def label_words(text):
    """Words parted by blanks or, where there are any, by commas → the list of labels."""
    return [" ".join(word.split()) for word in (text.split(",") if "," in text else text.split())]


def load(args):
    """The Predictor of `add_system`'s options, and the speaker that --enrol gives, or None."""
    limit_caches()
    from c2ser.inference.calibration import Calibration
    from c2ser.inference.predictor import Decoding, Predictor

    decoding = Decoding(batch_size=args.batch_size, dtype=args.dtype, prior=args.prior)
    calibration = Calibration.read(args.calibration) if args.calibration else None
    predictor = Predictor(
        args.model, args.device, decoding, calibration, labels=args.labels, ensemble=args.ensemble_prompts,
        voice={"gender": args.gender},
    )  # fmt: skip
    predictor.question(args.mode, args.ensemble_prompts)
    if args.enrol and not predictor.by_speaker(args.mode):
        raise InputError(f"--enrol: {args.model} is not normalised by speaker; leave it out")
    return predictor, predictor.enrol(args.enrol, args.mode, args.channel) if args.enrol else None


def main(argv=None):
    """Load, answer, print; returns the exit status."""
    args = get_parser().parse_args(argv)
    files, bad, left_out = audio_files(args), {}, 0
    predictor, speaker = load(args)
    if predictor.by_speaker(args.mode) and not args.enrol:
        told = "%s is normalised by speaker: without --enrol, training speakers' means stand for this one's"
        logging.warning(told, args.model)
    from tqdm import tqdm

    write = row_writer(args.format, predictor.labels, files, ("text", "sound"), sys.stdout)
    quiet = True if sys.stdout.isatty() else None  # there rows show how far it is; None: where nobody would see it
    answers = predictor.each(files, args.mode, args.channel, speaker, bad if args.skip_bad else None)
    for path, answer in tqdm(zip(files, answers), total=len(files), unit="file", disable=quiet):
        if answer is None:
            left_out += 1
            logging.warning("left out: %s", bad[path])
            continue
        told = {name: getattr(answer, name) for name in ("label", "posterior", "text", "sound")}
        write({"audio": path, **told}, answer.text if args.mode == "explicit" else "")
    if left_out == len(files):
        raise InputError(f"none of {left_out} files could be read")
    if left_out:
        logging.warning("%d of %d files were left out", left_out, len(files))
    return INCOMPLETE if left_out else 0
