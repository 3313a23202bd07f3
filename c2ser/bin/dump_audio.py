"""One job of the audio dump: what a data directory names → 16 kHz mono 16-bit audio in archives. Stage 2.

c2ser dump-audio --data_dir data/all/split4/1 --out_dir dump/all --job 1

Archives are shards, audio.JOB.0001.ark, …, of about --shard_mb; audio.JOB.scp is the index of them all. The same command
run again makes what is not there yet: shards are kept whose sound files have the sizes and times that they had, unless the
tables are others now.
"""

import argparse
import logging
import os
from itertools import chain, count, islice
from pathlib import Path

from c2ser.bin.common import str_to_bool


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", required=True, help="data directory of this job, a part of a split one")
    parser.add_argument("--out_dir", required=True, help="gets audio.JOB.*.ark, audio.JOB.scp and utt2num_samples.JOB")
    parser.add_argument("--job", default="1", help="this job's number, in the names of its files")
    parser.add_argument(
        "--allow_commands", type=str_to_bool, default=False, help="run wav.scp entries that are commands (true, false)"
    )
    parser.add_argument(
        "--skip_bad", type=str_to_bool, default=False,
        help="leave out audio that cannot be read, listed in excluded.JOB, instead of stopping (true, false)",
    )  # fmt: skip
    parser.add_argument(
        "--shard_mb", type=float, default=1000.0,
        help="megabytes after which an archive is closed and the next begun (default: %(default)s)",
    )  # fmt: skip
    return parser


def main(argv=None):
    """Dump one job. What it writes depends on each utterance alone, not on how the directory was split."""
    args = get_parser().parse_args(argv)
    from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE
    from c2ser.datadir import DataDir, read_table, write_table
    from c2ser.errors import InputError
    from c2ser.journal import Journal

    data_dir, out_dir = DataDir(args.data_dir), Path(args.out_dir)
    if not args.shard_mb > 0:
        raise InputError(f"--shard_mb {args.shard_mb:g}: expected a number above 0")
    for table in data_dir.tables():
        data_dir.read(table)  # a malformed table is no fault of an utterance: stop here, whatever --skip_bad says
    bad = {}
    with Journal(out_dir / f"audio.{args.job}.shards", inputs_of(data_dir)) as journal:
        sound = sound_files(data_dir)
        shards = {number: entry for number, entry in journal.done.items() if is_whole(args, entry, sound)}
        dump(args, data_dir, sound, journal, shards, bad)
    lengths = {utterance: length for entry in shards.values() for utterance, length in entry["lengths"].items()}
    if not lengths:
        first = next(iter(bad.values()))
        raise InputError(f"{args.data_dir}: none of its {len(bad)} utterances could be read; first: {first}")
    index = {}
    for number in shards:
        index |= read_table(shard(args, number, "index"))
    write_table(out_dir / f"audio.{args.job}.scp", index)
    write_table(out_dir / f"utt2num_samples.{args.job}", lengths)
    for kind in ("ark", "index"):  # of an earlier run of more shards
        for path in set(out_dir.glob(f"audio.{args.job}.*.{kind}")) - {shard(args, number, kind) for number in shards}:
            path.unlink()
    excluded = out_dir / f"excluded.{args.job}"
    excluded.unlink(missing_ok=True)
    if bad:
        write_table(excluded, {utterance: " ".join(reason.split()) for utterance, reason in bad.items()})
        logging.warning("%d of %d utterances cannot be read: see %s", len(bad), len(bad) + len(lengths), excluded)
    short = sum(length < MIN_SAMPLES for length in lengths.values())
    if short:
        logging.info("%d utterances are shorter than one frame (25 ms); they are dumped as they are", short)
    hours = sum(lengths.values()) / SAMPLE_RATE / 3600
    logging.info("%d utterances, %.3f h, %d shards", len(lengths), hours, len(shards))


def dump(args, data_dir, sound, journal, shards, bad):
    """Write what `shards`, number → entry of the journal, do not hold yet, and enter it there.

    sound: see `sound_files`; bad: a dict that gets faulty utterances and why. Without --skip_bad the first of them raises
    InputError.
    """
    from tqdm import tqdm

    from c2ser.ark import ArkWriter
    from c2ser.audio import SAMPLE_RATE, read_utterances, to_pcm16

    utterances, done = data_dir.utterances(), set()
    for entry in shards.values():
        done.update(entry["lengths"])
        if args.skip_bad:
            done.update(entry["bad"])
            bad.update(entry["bad"])
    rest = [utterance for utterance in utterances if utterance not in done]
    source = read_utterances(data_dir, rest, args.allow_commands, bad if args.skip_bad else None)
    source = iter(tqdm(source, total=len(utterances), initial=len(done), unit="utt", mininterval=1))
    told = len(bad)
    for first in source:
        number, lengths, held = next(number for number in count(1) if number not in shards), {}, 0
        with ArkWriter(shard(args, number, "ark"), shard(args, number, "index")) as writer:
            for utterance, samples in chain([first], source):
                writer[utterance], lengths[utterance] = (SAMPLE_RATE, to_pcm16(samples)), len(samples)
                held += 2 * len(samples)
                if held >= args.shard_mb * 1e6:
                    break
        entry = {"key": number, "lengths": lengths, "bad": dict(islice(bad.items(), told, None))}
        entry |= {"bytes": shard(args, number, "ark").stat().st_size, "sound": state(entry, sound)}
        journal.add(entry)
        shards[number], told = entry, len(bad)


def shard(args, number, kind):
    """The archive of that number, from 1, or its index."""
    return Path(args.out_dir) / f"audio.{args.job}.{number:04d}.{kind}"


def is_whole(args, entry, sound):
    """Whether a shard of the journal is still there, and what it was made of the same."""
    ark, index = shard(args, entry["key"], "ark"), shard(args, entry["key"], "index")
    there = index.is_file() and ark.is_file() and ark.stat().st_size == entry["bytes"]
    return there and state(entry, sound) == entry["sound"]


def inputs_of(data_dir):
    """The tables that decide the shards, by their content."""
    from c2ser.fileio import sha256

    names = [name for name in ("wav.scp", "segments", "reco2channel", "utt2spk") if data_dir.has(name)]
    return {name: sha256(data_dir.path / name) for name in names}


def sound_files(data_dir):
    """Utterance → its entry of wav.scp."""
    entries = data_dir.read("wav.scp")
    if not data_dir.has("segments"):
        return entries
    return {utterance: entries.get(recording) for utterance, (recording, _, _) in data_dir.segments().items()}


def state(entry, sound):
    """A digest of sizes and times of the sound files of a shard; what a command gives is not looked at."""
    from c2ser.journal import digest

    found = []
    for path in dict.fromkeys(sound.get(utterance) for part in ("lengths", "bad") for utterance in entry[part]):
        status = os.stat(path) if path and os.path.exists(path) else None
        found.append(status and (status.st_size, status.st_mtime_ns))
    return digest(found)
