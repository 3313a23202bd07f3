"""Writing sets of utterances as data directories, all of them or none."""

import shutil
from contextlib import contextmanager
from pathlib import Path

from c2ser.datadir import DataDir
from c2ser.fileio import beside


def write_set(directory, utterances, notes=(), transcribed=True):
    """Write one data directory: wav.scp, text, utt2spk, spk2utt, utt2emo, utt2lang, utt2dur, and where there is
    anything to say segments, reco2channel, spk2gender, excluded, missing and suspicious.

    notes: (file name, [Note, …]) pairs, written as `name<TAB>reason` lines. transcribed: whether there is a text; an
    utterance without a transcript then has an empty one. Durations are in s.
    """
    data_dir = DataDir(directory)
    Path(directory).mkdir(parents=True)
    data_dir.write("wav.scp", {utterance.recording_id: utterance.audio for utterance in utterances})
    if transcribed:
        data_dir.write("text", {utterance.id: utterance.text or "" for utterance in utterances})
    data_dir.write_speakers({utterance.id: utterance.speaker for utterance in utterances})
    data_dir.write("utt2emo", {utterance.id: utterance.emotion for utterance in utterances})
    data_dir.write("utt2lang", {utterance.id: utterance.language for utterance in utterances})
    data_dir.write("utt2dur", {utterance.id: f"{utterance.seconds:.4f}" for utterance in utterances})
    optional = {
        "segments": {u.id: f"{u.recording_id} {u.start:.4f} {u.end:.4f}" for u in utterances if u.start is not None},
        "reco2channel": {u.recording_id: u.channel for u in utterances if u.channel is not None},
        "spk2gender": {u.speaker: u.gender for u in utterances if u.gender},
    }
    for table, values in optional.items():
        if values:
            data_dir.write(table, values)
    for name, listed in notes:
        if listed:
            lines = (f"{note.name}\t{note.reason}\n" for note in listed)
            Path(directory, name).write_text("".join(lines), encoding="utf-8", newline="\n")


@contextmanager
def all_or_none(data_dir):
    """Give a staging directory inside `data_dir`; what it holds at the end takes the place of what has its names.

    On an error nothing under `data_dir` changes, and a directory made for it goes away again.
    """
    data_dir = Path(data_dir)
    existed = data_dir.is_dir()
    data_dir.mkdir(parents=True, exist_ok=True)
    staging = beside(data_dir / "prepare")
    new, old = staging / "new", staging / "old"
    moved = []
    try:
        new.mkdir(parents=True)
        old.mkdir()
        yield new
        for path in sorted(new.iterdir()):
            target = data_dir / path.name
            if target.exists():
                target.rename(old / path.name)
            moved.append(path.name)
            path.rename(target)
    except BaseException:
        for name in moved:
            if not (new / name).exists():
                shutil.rmtree(data_dir / name)
            if (old / name).exists():
                (old / name).rename(data_dir / name)
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if not existed and not any(data_dir.iterdir()):
            data_dir.rmdir()
