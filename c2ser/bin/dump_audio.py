"""One job of the audio dump: what a data directory names → 16 kHz mono 16-bit audio in an archive. Stage 2.

c2ser dump-audio --data_dir data/all/split4/1 --out_dir dump/all --job 1
"""

import argparse
import logging
from pathlib import Path

from c2ser.bin.common import str_to_bool


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", required=True, help="data directory of this job, a part of a split one")
    parser.add_argument("--out_dir", required=True, help="gets audio.JOB.ark, audio.JOB.scp and utt2num_samples.JOB")
    parser.add_argument("--job", default="1", help="this job's number, which ends the names of its files")
    parser.add_argument(
        "--allow_commands", type=str_to_bool, default=False, help="run wav.scp entries that are commands (true, false)"
    )
    parser.add_argument(
        "--skip_bad", type=str_to_bool, default=False,
        help="leave out audio that cannot be read, listed in excluded.JOB, instead of stopping (true, false)",
    )  # fmt: skip
    return parser


def read_all(data_dir, utterances, allow_commands, bad):
    """Yield (utterance, samples) of `utterances`; with a dict `bad`, faulty ones go there with their reason.

    samples: float32 `(samples,)` at 16 kHz. With `bad` None the first faulty one raises InputError, naming it.
    """
    from c2ser.audio import read_utterances
    from c2ser.errors import InputError

    done = 0
    while done < len(utterances):
        try:
            for utterance, samples in read_utterances(data_dir, utterances[done:], allow_commands):
                yield utterance, samples
                done += 1
        except InputError as error:
            if bad is None:
                raise
            bad[utterances[done]] = str(error)
            done += 1


def main(argv=None):
    """Dump one job. What it writes depends on each utterance alone, not on how the directory was split."""
    args = get_parser().parse_args(argv)
    from tqdm import tqdm

    from c2ser.ark import ArkWriter
    from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE, to_pcm16
    from c2ser.datadir import DataDir, write_table
    from c2ser.errors import InputError

    data_dir, out_dir = DataDir(args.data_dir), Path(args.out_dir)
    utterances, lengths = data_dir.utterances(), {}
    bad = {} if args.skip_bad else None
    excluded = out_dir / f"excluded.{args.job}"
    for table in data_dir.tables():
        data_dir.read(table)  # a malformed table is no fault of an utterance: stop here, whatever --skip_bad says
    with ArkWriter(out_dir / f"audio.{args.job}.ark", out_dir / f"audio.{args.job}.scp") as writer:
        source = read_all(data_dir, utterances, args.allow_commands, bad)
        for utterance, samples in tqdm(source, total=len(utterances), unit="utt", mininterval=1):
            writer[utterance] = SAMPLE_RATE, to_pcm16(samples)
            lengths[utterance] = len(samples)
        if not lengths:
            first = next(iter(bad.values()))
            raise InputError(f"{args.data_dir}: none of its {len(utterances)} utterances could be read; first: {first}")
    write_table(out_dir / f"utt2num_samples.{args.job}", lengths)
    excluded.unlink(missing_ok=True)
    if bad:
        write_table(excluded, bad)
        logging.warning("%d of %d utterances cannot be read: see %s", len(bad), len(utterances), excluded)
    short = sum(length < MIN_SAMPLES for length in lengths.values())
    if short:
        logging.info("%d utterances are shorter than one frame (25 ms); they are dumped as they are", short)
    logging.info("%d utterances, %.3f h", len(lengths), sum(lengths.values()) / SAMPLE_RATE / 3600)
