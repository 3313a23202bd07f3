"""Mending a data directory: form, order, and the utterances that every table shares."""

import unicodedata
from pathlib import Path
from typing import NamedTuple

from c2ser.datadir.datadir import PARTIAL_TABLES, UTTERANCE_TABLES, invert
from c2ser.datadir.faults import report
from c2ser.datadir.replace import BACKUP, replace_tables
from c2ser.datadir.scan import MENDABLE, Row, Scan, scan_tables
from c2ser.datadir.validate import content_faults
from c2ser.errors import InputError
from c2ser.fileio import atomic_write

REMOVED = "removed_utterances"


class Mended(NamedTuple):
    """What `fix` did.

    kept: number of utterances left; removed: id → why it was left out (utterances, recordings, speakers);
    changed: names of the tables that were written.
    """

    kept: int
    removed: dict[str, str]
    changed: list[str]


def fix(path, *, spk_sort=True, emotions=None):
    """Mend a data directory in place and return what was done; a sound directory is left as it is.

    Mended are byte order marks, Windows line ends, blanks, blank lines, a missing last newline, order, identical
    duplicates, ids that are not NFC, utterances that some table lacks, and spk2utt; no utterance goes for want of a
    label (`datadir.PARTIAL_TABLES`). The files as they were lie in
    `.backup/` afterwards, with the ids that were left out in `.backup/removed_utterances`. Raises InputError, having
    changed nothing, where a fault remains that only a person can mend: conflicting duplicates, wrong labels, wrong
    numbers, text that is not UTF-8. Options: see `find_faults`.
    """
    path = Path(path)
    found = scan_tables(path)
    if "utt2spk" not in found:
        raise InputError(f"{path}/utt2spk: no such file; the other tables are mended against it")
    sound = {table: _mend_form(table, scan) for table, scan in found.items() if table != "spk2utt"}
    sound, removed = _intersect(sound)
    faults = [fault for scan in sound.values() for fault in scan.faults]
    faults += content_faults(sound, spk_sort=spk_sort, emotions=emotions)
    if faults:
        raise InputError(f"{path}: faults that only a person can mend; nothing was changed:\n{report(faults)}")
    tables = {table: {row.key: row.value for row in scan.rows} for table, scan in sound.items()}
    tables["spk2utt"] = invert(tables["utt2spk"])
    changed = [table for table in tables if _differs(tables[table], found.get(table))]
    if changed:
        replace_tables(path, {table: tables[table] or None for table in changed}, backup=True)
        with atomic_write(path / BACKUP / REMOVED) as stream:
            stream.writelines(f"{key} {why}\n" for key, why in removed.items())
    return Mended(len(tables["utt2spk"]), removed, changed)


def _mend_form(table, scan):
    """The same rows with sound ids, sorted, each once; of its faults those that stay."""
    rows = {}
    for row in scan.rows:
        key = unicodedata.normalize("NFC", row.key)
        rows.setdefault(key, Row(row.line, key, _mend_value(table, row.value)))
    faults = [fault for fault in scan.faults if fault.kind not in MENDABLE]
    return Scan(scan.path, [rows[key] for key in sorted(rows)], faults)


def _mend_value(table, value):
    """Ids that stand in a value get the same Unicode form as those in front."""
    if value and table == "utt2spk":
        return unicodedata.normalize("NFC", value)
    if value and table == "segments":
        recording, blank, times = value.partition(" ")
        return unicodedata.normalize("NFC", recording) + blank + times
    return value


def _intersect(scans):
    """Keep the utterances that every table holds, then the recordings and speakers that these use.

    Returns the tables and, for each id left out, why.
    """
    segments = scans["segments"].by_key if "segments" in scans else None
    recordings = set(scans["wav.scp"].by_key) if "wav.scp" in scans else None
    holders = {table: set(scans[table].by_key) for table in (*UTTERANCE_TABLES, "segments") if table in scans}
    if recordings is not None:
        holders["wav.scp"] = recordings
        if segments is not None:
            holders["wav.scp"] = {key for key, row in segments.items() if _recording(row) in recordings}
    everything = set().union(*(keys for table, keys in holders.items() if table != "wav.scp" or segments is None))
    kept, removed = set.intersection(*holders.values()), {}
    if not kept:
        counts = ", ".join(f"{len(keys)} in {table}" for table, keys in holders.items())
        where = scans["utt2spk"].path.parent
        raise InputError(f"{where}: no utterance is in every table ({counts}); nothing was changed")
    for key in sorted(everything - kept):
        absent = [table for table, keys in holders.items() if key not in keys]
        removed[key] = f"not in {', '.join(absent)}"
    used = kept if segments is None else {_recording(segments[key]) for key in kept}
    speakers = {row.value for key, row in scans["utt2spk"].by_key.items() if key in kept}
    for table, scan in scans.items():
        wanted = {"spk2gender": speakers, "wav.scp": used, "reco2channel": used}.get(table, kept)
        for row in scan.rows:
            if row.key not in wanted:
                removed.setdefault(row.key, f"in {table}, but used by no utterance")
        rows = [row for row in scan.rows if row.key in wanted]
        if table in PARTIAL_TABLES and scan.rows and not rows:
            raise InputError(f"{scan.path}: none of its {len(scan.rows)} ids is an utterance; nothing was changed")
        scans[table] = Scan(scan.path, rows, scan.faults)
    return scans, removed


def _recording(row):
    return (row.value or "").partition(" ")[0]


def _differs(table, scan):
    """Whether writing `table` would change the file that was scanned."""
    return scan is None or bool(scan.faults) or table != {row.key: row.value for row in scan.rows}
