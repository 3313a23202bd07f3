"""Write a data directory as lhotse manifests: recordings.jsonl.gz and supervisions.jsonl.gz.

c2ser export-lhotse --data_dir data/all --out_dir exp/lhotse

lhotse itself is not needed. Recordings are the files of wav.scp with all their channels; a supervision names the
channel that carries the speech and holds the emotion, and whatever else is known, under `custom`.
"""

import argparse
import gzip
import io
import json
import math
from pathlib import Path

from c2ser.errors import InputError

CUSTOM_TABLES = {"utt2emo": "emotion", "utt2style": "style"}
"""Table → its name under `custom`."""

CUSTOM_NUMBERS = {"utt2f0": "f0", "utt2loudness": "loudness", "utt2rate": "speaking_rate"}
"""The same for numbers: Hz, LUFS, phonemes / s. What JSON has no number for (nan, -inf) is left out."""


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", required=True, help="data directory whose wav.scp holds files, not archives")
    parser.add_argument("--out_dir", required=True, help="where the two manifests are written")
    return parser


def recordings(data_dir):
    """Yield one lhotse recording (a dict) per entry of wav.scp.

    Raises InputError for commands and archives, which lhotse cannot open, and for files that cannot be read.
    """
    from c2ser.corpora.headers import read_header

    for recording, entry in data_dir.read("wav.scp").items():
        where = f"{data_dir.path}/wav.scp: {recording}"
        if entry.endswith("|") or (not Path(entry).is_file() and entry.rpartition(":")[2].isdigit()):
            raise InputError(f"{where}: {entry}: lhotse opens files only; export the directory that stage 1 wrote")
        try:
            frames, rate, channels = read_header(entry)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        numbers = list(range(channels))
        yield {
            "id": recording,
            "sources": [{"type": "file", "channels": numbers, "source": entry}],
            "sampling_rate": rate,
            "num_samples": frames,
            "duration": frames / rate,
            "channel_ids": numbers,
        }


def supervisions(data_dir, by_id):
    """Yield one lhotse supervision (a dict) per utterance. by_id: recording → its dict from `recordings`.

    A segment that overruns its recording a little ends with it, as everywhere (`c2ser.audio.segment_end`); one outside raises
    InputError.
    """
    from c2ser.audio import segment_end

    tables = {name: data_dir.read(name, optional=True) for name in ("text", "utt2lang", "spk2gender", "reco2channel")}
    custom = {key: data_dir.read(name, optional=True) for name, key in CUSTOM_TABLES.items()}
    custom |= {key: _numbers(data_dir, name) for name, key in CUSTOM_NUMBERS.items()}
    segments = data_dir.segments() if data_dir.has("segments") else None
    for utterance, speaker in data_dir.read("utt2spk").items():
        recording, start, end = segments[utterance] if segments else (utterance, 0.0, None)
        if recording not in by_id:
            raise InputError(f"{data_dir.path}/wav.scp: no entry for {recording}, which utterance {utterance} needs")
        lasts = by_id[recording]["duration"]
        last = segment_end(start, end, lasts) if segments else lasts
        if last is None:
            raise InputError(f"{data_dir.path}/segments: {utterance}: {start}–{end} s lies outside its {lasts:.4f} s recording")
        entry = {
            "id": utterance,
            "recording_id": recording,
            "start": start,
            "duration": round(last - start, 8) if segments else lasts,
            "channel": _channel(tables["reco2channel"].get(recording), by_id[recording], utterance),
            "text": tables["text"].get(utterance),
            "language": tables["utt2lang"].get(utterance),
            "speaker": speaker,
            "gender": {"m": "male", "f": "female"}.get(tables["spk2gender"].get(speaker)),
            "custom": {key: table[utterance] for key, table in custom.items() if utterance in table},
        }
        yield {key: value for key, value in entry.items() if value is not None}


def _numbers(data_dir, name):
    """A table of numbers as floats, without those that are not finite. Raises InputError for what is no number."""
    try:
        found = {utterance: float(value) for utterance, value in data_dir.read(name, optional=True).items()}
    except ValueError as error:
        raise InputError(f"{data_dir.path}/{name}: {error}; measure it again") from None
    return {utterance: value for utterance, value in found.items() if math.isfinite(value)}


def _channel(choice, recording, utterance):
    """reco2channel counts from 1, lhotse from 0; `mean` and a mono file without an entry are all channels there are."""
    numbers = recording["channel_ids"]
    if choice == "mean":
        return numbers
    if choice is None and len(numbers) == 1:
        return 0
    if choice is None or not choice.isdigit() or int(choice) - 1 not in numbers:
        raise InputError(
            f"utterance {utterance}: {len(numbers)} channels and reco2channel says {choice}; expected 1 to "
            f"{len(numbers)} or mean"
        )
    return int(choice) - 1


def write_manifest(path, entries):
    """Write dicts as gzipped JSON lines, the same bytes each time."""
    from c2ser.fileio import atomic_write

    with atomic_write(path, "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as stream:
            for entry in entries:
                stream.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")


def main(argv=None):
    """Export one data directory."""
    args = get_parser().parse_args(argv)
    from c2ser.datadir import DataDir

    data_dir, out_dir = DataDir(args.data_dir), Path(args.out_dir)
    by_id = {entry["id"]: entry for entry in recordings(data_dir)}
    listed = list(supervisions(data_dir, by_id))
    write_manifest(out_dir / "recordings.jsonl.gz", by_id.values())
    write_manifest(out_dir / "supervisions.jsonl.gz", listed)
    print(f"{out_dir}: {len(by_id)} recordings, {len(listed)} supervisions")
