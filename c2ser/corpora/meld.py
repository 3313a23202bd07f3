"""MELD, the multimodal EmotionLines dataset (Poria et al., ACL 2019): scenes of a television series, in English.

13,708 labelled rows, official splits 9989/1109/2610, seven emotions; 48 % of test is neutral.

Layout (MELD.Raw.tar.gz with the three archives inside unpacked; the csv files may lie at the top or with the clips):

    MELD.Raw/{train,dev,test}_sent_emo.csv
    MELD.Raw/train/train_splits/dia<D>_utt<U>.mp4       also train_splits/ or train/
    MELD.Raw/dev_splits_complete/dia<D>_utt<U>.mp4      also dev/dev_splits_complete/ or dev/
    MELD.Raw/output_repeated_splits_test/…              also test/output_repeated_splits_test/ or test/

Ids start anew in every split, so ours carry the split. Clips are read as mp4, or as wav or flac made from them.
Sound: AAC 48 kHz; in the 12,109 clips with 5.1 channels the speech is on channel 3 (front centre), in the 1,597
stereo ones on channel 1, as EmoBox takes it. The csv files in the archive hold cp1252 punctuation as C1 controls
(U+0092 for ’), which is repaired; the newer ones of the repository are clean and stay as they are.
Left out by rule: train dia125_utt3 (corrupt) and dev dia110_utt7 (absent), hence 9988/1108/2610 as in EmoBox; clips
without a row, among them all final_videos_test*. Kept and listed as suspicious: what is longer than 30 s, because
it was cut wrongly (test dia38_utt4 305 s and dia220_utt0 235 s, train dia309_utt0 41 s).
Licence: the repository is under GPL-3.0; the clips are excerpts of a television series.
Source: https://affective-meld.github.io
"""

import csv
import io
import os
import re
from pathlib import Path

from c2ser.corpora.base import Corpus, Note, Reading, Utterance
from c2ser.corpora.files import SpeakerIds, find_root
from c2ser.corpora.transcripts import repair_c1
from c2ser.emotions import canonical
from c2ser.encodings import read_text
from c2ser.errors import InputError

CLIP_FOLDERS = {
    "train": ("train/train_splits", "train_splits", "train"),
    "dev": ("dev/dev_splits_complete", "dev_splits_complete", "dev"),
    "test": ("test/output_repeated_splits_test", "output_repeated_splits_test", "test"),
}
BROKEN = {
    ("train", "dia125_utt3"): "the published clip is corrupt",
    ("dev", "dia110_utt7"): "the published archive holds no such clip",
}
SUFFIXES = (".mp4", ".wav", ".flac")
"""Kinds of clips, the published one first: where a clip is there twice the earlier kind is taken."""

COLUMNS = {"Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID"}

CORPUS = Corpus(
    name="meld",
    title="MELD",
    languages=("en",),
    licence="GPL-3.0 (repository)",
    source="https://affective-meld.github.io",
    expected={
        "train": dict(angry=1109, disgusted=271, fearful=268, happy=1743, neutral=4709, sad=683, surprised=1205),
        "dev": dict(angry=153, disgusted=22, fearful=40, happy=163, neutral=469, sad=111, surprised=150),
        "test": dict(angry=345, disgusted=68, fearful=50, happy=402, neutral=1256, sad=208, surprised=281),
    },
    counted_by="split",
    channels={2: 1, 6: 3},
)


def read(root):
    """Read MELD.Raw/ or a folder above it. Raises InputError for an absent or malformed csv file."""
    root = find_root(root, lambda path: _find_csv(path, "test"), "test_sent_emo.csv with train/, dev/ and test/")
    reading, speakers = Reading(), SpeakerIds()
    for split, folders in CLIP_FOLDERS.items():
        clips = _scan(root, folders, split, reading)
        rows = _read_csv(_find_csv(root, split) or root / f"{split}_sent_emo.csv")
        for clip, row, where in rows:
            if (split, clip) in BROKEN:
                clips.pop(clip, None)
                reading.excluded.append(Note(f"{split}/{clip}", BROKEN[split, clip], split))
            elif clip not in clips:
                reading.missing.append(Note(f"{split}/{clip}", "a row without a clip", split))
            else:
                reading.utterances.append(_utterance(split, clip, row, clips.pop(clip), speakers, where))
        for path in clips.values():
            reading.excluded.append(Note(path, f"no row in {split}_sent_emo.csv", split))
    return reading


def _utterance(split, clip, row, path, speakers, where):
    speaker = speakers[repair_c1(row["Speaker"])]
    try:
        emotion = canonical(row["Emotion"])
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    text = repair_c1(row["Utterance"])
    return Utterance(f"{speaker}-{split}_{clip}", speaker, emotion, "en", path, text, split=split)


def _find_csv(root, split):
    """The path of a split's csv file, at the top or beside its clips; None where there is none."""
    name = f"{split}_sent_emo.csv"
    places = (root, *(root / folder for folder in CLIP_FOLDERS[split]))
    return next((place / name for place in places if (place / name).is_file()), None)


def _read_csv(path):
    """A list of (clip name, row, `file:row`), in order. Raises InputError for what a csv of MELD cannot hold."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; it belongs to the distribution")
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    if not COLUMNS <= set(reader.fieldnames or ()):
        raise InputError(f"{path}:1: expected the columns {', '.join(sorted(COLUMNS))}")
    rows, seen = [], set()
    for row in reader:
        where = f"{path}:{reader.line_num}"
        try:
            clip = f"dia{int(row['Dialogue_ID'])}_utt{int(row['Utterance_ID'])}"
        except (TypeError, ValueError):
            raise InputError(f"{where}: Dialogue_ID and Utterance_ID are not numbers") from None
        if clip in seen or not (row["Speaker"] or "").strip():
            raise InputError(f"{where}: {clip}: " + ("a second row" if clip in seen else "no speaker"))
        seen.add(clip)
        rows.append((clip, row, where))
    return rows


def _scan(root, folders, split, reading):
    """Clip name → path in the first of `folders` that holds any; what is no clip goes to `reading.excluded`."""
    for folder in folders:
        folder = Path(root, folder)
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
        clips = {}
        for suffix in reversed(SUFFIXES):
            clips.update({name[: -len(suffix)]: str(folder / name) for name in names if name.endswith(suffix)})
        if not clips:
            continue
        for name in [name for name in clips if not re.fullmatch(r"dia\d+_utt\d+", name)]:
            if not name.startswith("._"):
                reason = "a further copy of a test clip" if name.startswith("final_videos_test") else "no clip's name"
                reading.excluded.append(Note(clips[name], f"{reason}; it has no row", split))
            del clips[name]
        return clips
    return {}
