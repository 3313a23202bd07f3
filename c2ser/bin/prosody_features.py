"""Prosodic features for the probe: statistics of pitch, loudness and timing, one vector an utterance in feats.scp.

`names` says what the numbers are (c2ser.prosody.functionals documents them). NaN stands for what cannot be measured,
such as the F0 of a whisper; the probe fills it in. Parallel jobs run this on the parts of a split data directory, each
with an --out_dir of its own; c2ser collect-parts joins their feats.scp.
"""

import argparse
import logging
from pathlib import Path

from c2ser.ark import ArkWriter
from c2ser.bin.extract_prosody import add_source_options, progress, utterance_audio
from c2ser.datadir import DataDir, read_entries
from c2ser.datadir.faults import some
from c2ser.fileio import atomic_write


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_source_options(parser)
    parser.add_argument("--out_dir", required=True, help="where feats.ark, feats.scp and names are written")
    return parser


def main(argv=None):
    """Measure every utterance and write the vectors."""
    args = get_parser().parse_args(argv)
    import numpy as np

    from c2ser.prosody.functionals import NAMES, functionals

    data, out_dir = DataDir(args.data_dir), Path(args.out_dir)
    utterances = data.utterances()
    languages = read_entries(data.path / "utt2lang", utterances, "add the language code")
    texts = data.read("text", optional=True)
    missing = {name: [] for name in NAMES}
    with ArkWriter(out_dir / "feats.ark", out_dir / "feats.scp") as writer:
        for utterance, samples in progress(utterance_audio(data, utterances, args), len(utterances)):
            text, methods = texts.get(utterance, ""), (args.f0_method, args.f0_checkpoint, args.rate_method)
            vector = functionals(samples, text, languages[utterance], *methods)
            writer[utterance] = vector
            for column in np.flatnonzero(np.isnan(vector)):
                missing[NAMES[column]].append(utterance)
    with atomic_write(out_dir / "names") as stream:
        stream.writelines(f"{name}\n" for name in NAMES)
    logging.info("%s: %d utterances, %d numbers each", out_dir, len(utterances), len(NAMES))
    for name in ("f0_mean", "loudness", "phonemes_per_s"):
        if missing[name]:
            logging.info("%s: no %s for %d utterances: %s", out_dir, name, len(missing[name]), some(missing[name]))
