"""Measure F0, loudness and speaking rate of every utterance: utt2f0 (Hz), utt2loudness (LUFS), utt2rate (phonemes / s).

utt2articulation holds the rate over the speech alone, without pauses and silence around it (phonemes / s), utt2range the
pitch range (semitones), utt2intonation where the pitch goes, utt2pauses the share of pauses; utt2reliable names the
measures to be trusted. c2ser/prosody/measures.py says how each is defined.

A value that cannot be measured is `nan` (no voiced frame, no transcript) or, for the loudness of silence, `-inf`.
Parallel jobs run this on the parts of a split data directory and join the tables of the parts with cat.
"""

import argparse
import logging
from pathlib import Path

from c2ser.at_work import at_work
from c2ser.audio import read_audio, read_utterances
from c2ser.bin.common import str_to_bool
from c2ser.datadir import DataDir, read_entries, write_table
from c2ser.datadir.faults import some
from c2ser.errors import InputError
from c2ser.prosody import f0, rate
from c2ser.prosody.measures import measure
from c2ser.prosody.style import UNCERTAIN


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_source_options(parser)
    parser.add_argument("--out_dir", required=True, help="where the tables are written")
    return parser


def add_source_options(parser):
    """The options of commands that measure the utterances of a data directory: where the audio is, and how it is measured."""
    parser.add_argument("--data_dir", required=True, help="data directory, or one part of a split one")
    parser.add_argument("--audio_scp", help="scp of dumped 16 kHz mono audio, one entry an utterance; "
                        "without it the data directory's wav.scp (and segments) is read")  # fmt: skip
    parser.add_argument("--f0_method", default="swift", choices=f0.METHODS, help="F0 detector (default: %(default)s)")
    parser.add_argument("--f0_checkpoint", help="weights file fcnf0++.pt, for --f0_method penn alone")
    parser.add_argument("--rate_method", default="rules", choices=rate.METHODS,
                        help="how phonemes are counted (default: %(default)s)")  # fmt: skip
    parser.add_argument("--allow_commands", type=str_to_bool, default=False,
                        help="run wav.scp entries of the form `command |` (default: false)")  # fmt: skip


def main(argv=None):
    """Measure every utterance and write the tables."""
    args = get_parser().parse_args(argv)
    data = DataDir(args.data_dir)
    utterances = data.utterances()
    languages = read_entries(data.path / "utt2lang", utterances, "add the language code")
    texts = data.read("text", optional=True)
    tables, methods = {}, (args.f0_method, args.f0_checkpoint, args.rate_method)
    for utterance, samples in progress(utterance_audio(data, utterances, args), len(utterances)):
        for name, value in measure(samples, texts.get(utterance, ""), languages[utterance], *methods).items():
            tables.setdefault(name, {})[utterance] = value
    for name, table in tables.items():
        write_table(Path(args.out_dir) / name, table)
    _report(tables, args.out_dir)


def utterance_audio(data, utterances, args):
    """(utterance, float32 `(samples,)` at 16 kHz) from the dump or from the data directory itself."""
    if args.audio_scp is None:
        yield from read_utterances(data, utterances, args.allow_commands)
        return
    entries = read_entries(args.audio_scp, utterances, "rerun the stage that dumps the audio")
    for utterance in utterances:
        at_work(utterance)
        try:
            yield utterance, read_audio(entries[utterance], allow_commands=args.allow_commands)
        except InputError as error:
            raise InputError(f"{args.audio_scp}: utterance {utterance}: {error}") from None


def progress(items, total):
    """A progress bar over `total` utterances."""
    from tqdm import tqdm

    return tqdm(items, total=total, desc="prosody", unit="utt", mininterval=5.0)


def _report(tables, out_dir):
    reasons = {"utt2f0": "no voiced frame", "utt2loudness": "silence", "utt2rate": "no transcript to count",
               "utt2articulation": "no transcript to count", "utt2range": "no voiced frame", "utt2pauses": "silence",
               "utt2intonation": "too few voiced frames"}  # fmt: skip
    for name, reason in reasons.items():
        missing = [utterance for utterance, value in tables[name].items() if value in ("nan", "-inf", UNCERTAIN)]
        listed = f": {some(missing)}" if missing else ""
        logging.info("%s/%s: %d utterances, %d without a value (%s)%s", out_dir, name, len(tables[name]), len(missing),
                     reason, listed)  # fmt: skip
