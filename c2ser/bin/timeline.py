"""Label a long recording over time: windows of it, where a voice is, or the turns of an RTTM file; with a picture.

It is read piece by piece, twice, so that hours fit into memory: first to find its length and where to listen, then to
answer. What only FFmpeg reads (mp4, m4a, …) is decoded as a whole: convert hours of that to flac before.
"""

import argparse
import logging
from collections import deque

import numpy as np

from c2ser.bin.predict import add_system, load
from c2ser.errors import InputError


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", help="The recording")
    parser.add_argument(
        "--out", nargs="+", required=True, metavar="FILE",
        help="What to write, by suffix: .json (all there is), .rttm, .ctm, .TextGrid (Praat), .eaf (ELAN), .vtt, .png, .svg,"
        " .pdf",
    )  # fmt: skip
    add_system(parser)
    parser.add_argument(
        "--segments", default="windows", choices=("windows", "voice"),
        help="windows of fixed length, whose posteriors are averaged where they overlap, or stretches of voice, found by"
        " silero-vad (pip install silero-vad onnxruntime) (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--rttm", help="Who speaks when: its turns instead, a tier for each speaker")
    parser.add_argument("--window", type=float, default=4.0, help="Seconds of a window (default: %(default)s)")
    parser.add_argument("--hop", type=float, default=2.0, help="Seconds from one window to the next (default: %(default)s)")
    parser.add_argument(
        "--longest", type=float, default=10.0,
        help="Longer stretches of voice, or turns, are cut into equal parts; in seconds (default: %(default)s)",
    )  # fmt: skip
    return parser


def main(argv=None):
    """Listen, answer, write."""
    args = get_parser().parse_args(argv)
    from tqdm import tqdm

    from c2ser.audio import audio_blocks
    from c2ser.timeline import formats
    from c2ser.timeline.timeline import Survey, Timeline, answer, enrol, merged
    from c2ser.timeline.turns import pieces, read_rttm, speech_turns, windows

    if not (0.025 <= args.hop <= args.window and args.longest >= 0.025):
        raise InputError("--hop is at least 0.025 s and at most --window, --longest at least 0.025 s")
    for path in args.out:
        formats.check(path)
    turns, survey = read_rttm(args.rttm) if args.rttm else None, Survey()
    heard = survey.blocks(tqdm(audio_blocks(args.audio, args.channel), desc="listening", unit="block", disable=None))
    if args.segments == "voice" and not turns:
        turns = speech_turns(heard)
    deque(heard, maxlen=0)  # to the end
    fixed = turns is None
    turns = windows(survey.seconds, args.window, args.hop) if fixed else turns
    turns = pieces(turns, survey.seconds, args.window if fixed else args.longest, args.rttm or args.audio)
    predictor, speaker = load(args)
    speakers = {turn.speaker: speaker for turn in turns} if speaker else {}
    if predictor.by_speaker(args.mode) and not speaker:
        speakers = enrol(predictor, args.audio, turns, args.mode, args.channel) if args.rttm else {}
        if len(speakers) < len({turn.speaker for turn in turns}):
            logging.warning("%s is normalised by speaker: training speakers' means stand for those of whom neither --enrol"
                            " nor --rttm gives enough recordings", args.model)  # fmt: skip
    with tqdm(total=len(turns), desc="answering", unit="segment", disable=None) as bar:
        segments = answer(predictor, args.audio, turns, args.mode, args.channel, speakers, bar.update)
    segments = merged(segments) if fixed else segments
    peaks = np.concatenate(survey.peaks)
    timeline = Timeline(args.audio, predictor.bundle.name, predictor.labels, survey.seconds, segments, peaks)
    for path in args.out:
        formats.write(timeline, path)
    logging.info("%s: %.1f s, %d segments", args.audio, survey.seconds, len(segments))
