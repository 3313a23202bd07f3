"""Checking a data directory. Nothing here changes a file."""

from pathlib import Path

from c2ser.datadir.agreement import agreement_faults
from c2ser.datadir.faults import Fault, report
from c2ser.datadir.scan import scan_tables
from c2ser.datadir.values import CHECKS, emotion
from c2ser.errors import InputError

REQUIRED = ("wav.scp", "text", "utt2spk", "spk2utt", "utt2emo")
"""Tables that a finished data directory has. Everything else is checked where it is there."""


def validate(path, **options):
    """Raise InputError, listing every fault of a data directory, unless it has none. Options: see `find_faults`."""
    faults = find_faults(path, **options)
    if faults:
        raise InputError(f"{path} is not a valid data directory:\n{report(faults)}")


def find_faults(path, *, require=REQUIRED, spk_sort=True, emotions=None, check_audio=False, allow_commands=False):
    """Every fault of a data directory as a list of Fault, in the order: form, values, agreement, audio.

    require: tables that must be there. spk_sort: utterance ids must start with their speaker's id, as Kaldi's sorting
    wants it. emotions: the labels that utt2emo may hold; None for all that c2ser.emotions knows. check_audio: decode
    every recording, and run the commands of wav.scp if `allow_commands`.
    """
    path = Path(path)
    if not path.is_dir():
        return [Fault("no-directory", str(path), None, "no such directory; make it with stage 1 of the recipe")]
    found = [
        Fault("no-table", str(path / table), None, f"no such file; {_remedy(table)}")
        for table in require
        if not (path / table).is_file()
    ]
    scans = scan_tables(path)
    for scan in scans.values():
        found += scan.faults
    found += content_faults(scans, spk_sort=spk_sort, emotions=emotions)
    if check_audio:
        from c2ser.datadir.recordings import audio_faults

        found += audio_faults(scans, allow_commands)
    return found


def content_faults(scans, *, spk_sort=True, emotions=None):
    """Faults of values and between tables, given as name → Scan; the form of the tables is not looked at."""
    found = []
    for table, (kind, check) in CHECKS.items():
        if table not in scans:
            continue
        for row in scans[table].rows:
            if row.value is None:
                continue
            wrong = emotion(row.value, emotions) if table == "utt2emo" else check(row.value)
            if wrong:
                found.append(Fault(kind, str(scans[table].path), row.line, f"{row.key}: {wrong}"))
    return found + agreement_faults(scans, spk_sort)


def _remedy(table):
    return "utils/fix_data_dir.sh writes it from utt2spk" if table == "spk2utt" else "stage 1 of the recipe writes it"
