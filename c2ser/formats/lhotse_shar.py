"""lhotse's Shar: cuts as JSON lines, and beside them their sound in tar files in the same order. Written by lhotse itself."""

import copy
import json
import tarfile
from pathlib import Path

from c2ser.errors import InputError
from c2ser.formats import need
from c2ser.formats.lhotse_manifests import cuts, entries, of_cut, row_of
from c2ser.formats.reading import find, json_lines, reading
from c2ser.formats.rows import TABLES

HOLDS = tuple(TABLES.values())


def write(rows, folder, options):
    """Write cuts.000000.jsonl.gz, recording.000000.tar, …; the sound as 16-bit FLAC at its rate."""
    lhotse = need("lhotse")
    listed = map(copy.deepcopy, cuts(*entries(rows)))  # lhotse empties what it is given
    made = lhotse.CutSet.from_cuts(map(lhotse.serialization.deserialize_item, listed))
    made.to_shar(folder, fields={"recording": "flac"}, shard_size=1000)


def read(path, options):
    """Yield (where, `Row`) with the bytes of the sound. Members of the tar files are read, never unpacked by their names."""
    for file in find(path, "cuts.*.jsonl*"):
        archive = file.with_name("recording" + file.name.removeprefix("cuts").partition(".jsonl")[0] + ".tar")
        if not archive.is_file():
            raise InputError(f"{file}: its sound, {archive.name}, is not beside it")
        with reading(archive), tarfile.open(archive) as packed:
            sounds = _sounds(packed, archive)
            for where, cut in json_lines(file):
                suffix, data, recording = next(sounds, (None,) * 3)
                if data is None or not of_the_same(cut, recording):
                    raise InputError(f"{where}: {archive.name} does not hold its sound in its place; write both again")
                for _, one, _ in of_cut({**cut, "recording": recording}, where):
                    row = row_of({**one, "channel": 0}, recording, data, 0.0, options.columns)
                    row.suffix, row.channel = suffix, "mean" if cut["type"] == "MultiCut" else None
                    row.recording = None
                    if abs(row.end - row.start - recording["duration"]) < 1e-4:
                        row.start = row.end = None
                    yield where, row


def of_the_same(cut, recording):
    """Whether a recording that was packed is that of a cut."""
    return isinstance(recording, dict) and cut.get("recording", recording).get("id", recording["id"]) == recording["id"]


def _sounds(packed, archive):
    """Yield (suffix, bytes, recording) of each pair of members."""
    while sound := packed.next():
        manifest = packed.next()
        if manifest is None or not all(one.isreg() and not one.issparse() for one in (sound, manifest)):
            raise InputError(f"{archive}: {sound.name}: expected pairs of a sound and a JSON file")
        data, text = (packed.extractfile(one).read() for one in (sound, manifest))
        yield Path(sound.name).suffix, data, json.loads(text) if manifest.name.endswith(".json") else None
