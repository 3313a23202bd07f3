"""Collect what a training reads for one set: tables filtered to its utterances, and the shapes that batches are made by.

Writes wav.scp, label (class index, −1 for unlabelled), language (und: undetermined) where utt2lang is there, corpus where
utt2corpus is, and, where given, explicit, implicit, style, transcript, emotion.scp, speaker_frames.scp and
speaker_emotion.scp, all over the same utterances, and speech_shape. Utterances that are too short or too long, or lack a
text, are left out of training and development sets, counted and listed in `excluded`; test sets never come through here.
"""

import argparse
import logging
from pathlib import Path

from c2ser.audio import SAMPLE_RATE
from c2ser.bin.common import str_to_bool
from c2ser.datadir import DataDir, read_table, write_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.fileio import atomic_write
from c2ser.transcript import spoken


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="The set")
    parser.add_argument("--audio_scp", type=Path, required=True, help="Dumped audio, dump/all/wav.scp")
    parser.add_argument("--num_samples", type=Path, required=True, help="Table utt2num_samples of the dumped audio")
    parser.add_argument("--emotion_scp", type=Path, help="Emotion2Vec-S features")
    parser.add_argument("--speaker_means", type=Path, help="Folder of c2ser speaker-means")
    parser.add_argument("--texts", type=str_to_bool, default=False, help="Whether cot_explicit and cot_implicit are read")
    parser.add_argument(
        "--transcripts", choices=("wanted", "needed"), default="wanted",
        help="needed: the model reads them instead of hearing; an utterance without one is left out",
    )  # fmt: skip
    parser.add_argument(
        "--silver", type=str_to_bool, default=False,
        help="Take labels of utt2emo.silver where utt2emo has none; never for a development set",
    )  # fmt: skip
    parser.add_argument("--min_seconds", type=float, default=0.1, help="Shorter utterances are left out")
    parser.add_argument("--max_seconds", type=float, default=29.0, help="Longer utterances are left out")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder to write")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    data = DataDir(args.data_dir)
    tables = {"wav.scp": read_table(args.audio_scp)}
    if args.emotion_scp:
        tables["emotion.scp"] = read_table(args.emotion_scp)
    for name in ("frames", "emotion") if args.speaker_means else ():
        if (args.speaker_means / f"{name}.scp").is_file():
            tables[f"speaker_{name}.scp"] = read_table(args.speaker_means / f"{name}.scp")
    if args.texts:
        tables |= {"explicit": data.read("cot_explicit"), "implicit": data.read("cot_implicit")}
        tables |= {"style": data.read("utt2style")} if data.has("utt2style") else {}
    if args.transcripts == "needed":
        if not data.has("text"):
            raise InputError(f"{data.path}: the corpus has no transcripts (text), so --text_only has nothing to read")
        tables["transcript"] = {utterance: spoken(text) for utterance, text in data.read("text").items()}
    emotions, samples = read_labels(data, args.silver), read_table(args.num_samples)
    languages = data.read("utt2lang", optional=True)
    kept, excluded = [], {}
    for utterance in data.utterances():
        seconds = int(samples.get(utterance, 0)) / SAMPLE_RATE
        lacking = [name for name, table in tables.items() if not table.get(utterance)]
        if lacking:
            excluded[utterance] = f"no entry in {', '.join(lacking)}"
        elif not args.min_seconds <= seconds <= args.max_seconds:
            excluded[utterance] = f"{seconds:.10g} s: outside {args.min_seconds}–{args.max_seconds} s"
        else:
            kept.append(utterance)
    if not kept:
        raise InputError(f"{data.path}: no utterance is left to train on; see the limits --min_seconds, --max_seconds")
    logging.info("%s: %d utterances, %d left out", data.path, len(kept), len(excluded))
    args.out_dir.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(args.out_dir / name, {utterance: table[utterance] for utterance in kept})
    if args.texts and args.transcripts == "wanted" and data.has("text"):
        transcripts = data.read("text")
        write_table(args.out_dir / "transcript", {utterance: transcripts.get(utterance, "") for utterance in kept})
    classes = {emotion: index for index, emotion in enumerate(EMOTIONS)}
    write_table(args.out_dir / "label", {utterance: classes.get(emotions.get(utterance), -1) for utterance in kept})
    if languages:
        write_table(args.out_dir / "language", {utterance: languages.get(utterance, "und") for utterance in kept})
    corpora = data.read("utt2corpus", optional=True)
    if corpora:
        write_table(args.out_dir / "corpus", {utterance: corpora[utterance] for utterance in kept})
    write_table(args.out_dir / "speech_shape", {utterance: samples[utterance] for utterance in kept})
    with atomic_write(args.out_dir / "excluded") as stream:
        stream.writelines(f"{utterance}\t{reason}\n" for utterance, reason in excluded.items())


def read_labels(data, silver):
    """Utterance → class, gold and, where wanted, silver (`c2ser make-silver`); gold labels always win, and how many of each
    there are is logged. Raises InputError where silver labels are wanted and not there."""
    gold = data.labels(optional=True)
    if not silver:
        return gold
    if not data.has("utt2emo.silver"):
        raise InputError(f"{data.path}/utt2emo.silver: no such file; make it with c2ser make-silver, or leave --silver out")
    ours = set(data.utterances())
    added = {
        utterance: label
        for utterance, label in data.read("utt2emo.silver").items()
        if utterance in ours and utterance not in gold
    }
    for emotion in EMOTIONS:
        logging.info(
            "%s: %s: %d gold labels, %d silver", data.path, emotion,
            sum(label == emotion for label in gold.values()), sum(label == emotion for label in added.values()),
        )  # fmt: skip
    return {**gold, **added}
