"""Stage 11's end: write the model.yaml by which `Predictor` finds the parts of a trained system."""

import argparse
from collections import Counter
from pathlib import Path

from c2ser.datadir import DataDir
from c2ser.datadir.faults import some
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train_dir", type=Path, required=True, help="Data directory trained on, for the classes")
    parser.add_argument("--llm", type=Path, required=True, help="Language model folder")
    parser.add_argument("--whisper", type=Path, help="Whisper file or folder; none where the system has no Whisper")
    parser.add_argument("--emotion_config", type=Path, help="config.yaml of Emotion2Vec-S; none where there is none")
    parser.add_argument("--emotion_checkpoint", type=Path, help="Weights of Emotion2Vec-S")
    parser.add_argument("--utterance_mode", default="extra_tokens", help="Its utterance features")
    parser.add_argument("--language", default="en", help="Of the answers; auto: those of utt2lang that there are answers in")
    parser.add_argument(
        "--mode", action="append", nargs=3, required=True, metavar=("MODE", "CONFIG", "CHECKPOINT"),
        help="explicit or implicit, with its config.yaml and weights (repeatable)",
    )  # fmt: skip
    parser.add_argument("--style", type=Path, help="What make-style wrote as --stats, for a system told the style")
    parser.add_argument("--name", default="", help="What the system is called (default: as its folder)")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder that gets model.yaml")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    from c2ser.inference.bundle import Bundle

    data = DataDir(args.train_dir)
    seen = set(data.labels().values())
    emotion = None
    if args.emotion_config:
        emotion = {
            "config": args.emotion_config, "checkpoint": args.emotion_checkpoint, "utterance_mode": args.utterance_mode
        }  # fmt: skip
    modes = {mode: {"config": config, "checkpoint": checkpoint} for mode, config, checkpoint in args.mode}
    labels = [label for label in EMOTIONS if label in seen]
    args.out_dir.mkdir(parents=True, exist_ok=True)
    languages = answer_languages(data, args.language)
    Bundle(labels, languages, args.llm, args.whisper, emotion, modes, args.name, args.style).write(args.out_dir)


def answer_languages(data, language):
    """The languages of the answers that stage 4 wrote for a training set, the most frequent first.

    language: as make_cot was given it. Raises InputError where `auto` has no utt2lang, or no answers, to go by.
    """
    if language != "auto":
        return [language]
    spoken, answered = data.read("utt2lang"), data.read("cot_implicit")
    lacking = sorted(answered.keys() - spoken.keys())
    if lacking or not answered:
        what = f"no entry for {some(lacking)}" if lacking else "there are no answers in cot_implicit"
        raise InputError(f"{data.path}/utt2lang: {what}; rerun stage 4")
    return [code for code, _ in Counter(spoken[utterance] for utterance in answered).most_common()]
