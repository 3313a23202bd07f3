"""M3ED, the multimodal, multi-scene and multi-label emotional dialogue database (Zhao et al., ACL 2022).

Dialogues from 56 Chinese television series, official splits by series: 38 for training, 7 for validation, 11 for
test; 17,420/2,819/4,198 utterances, seven emotions. Durations 0.007–12.5 s; 104 clips are shorter than 0.3 s.

Layout; the three parts may lie side by side or one level deeper:

    annotation.json      {series: {dialogue: {"SpeakerInfo": {"A": {"Name", "Age", "Gender", …}, "B": …},
                          "Dialog": {utterance: {"StartTime": "HH:MM:SS:FF", "EndTime", "Text", "Speaker": "A",
                          "EmoAnnotation": {…, "final_mul_emo", "final_main_emo"}}}}}}
    modality_speech/<A|B>_<series>_<dialogue>_<utterance>.wav           16 kHz mono
    splitInfo/movie_list_{train,val,test}.txt                           one series a line, no newline at the end

The label is final_main_emo. Keys are whole (`anjia`, `anjia_1`, `anjia_1_1`) or bare numbers. A speaker is a name
within a series, mostly in Chinese, so ids hold UTF-8. Times count frames after the last colon; a file that is more
than a second longer or shorter than they say is kept and listed as suspicious. EmoBox holds 24,437 of the paper's
24,449 utterances: rows whose file is absent or holds no sound are left out, and the counts then have to agree.
Licence: none stated; ask the authors. Source: https://github.com/AIM3-RUC/RUCM3ED
"""

import os
import re
from pathlib import Path

from c2ser.corpora.base import Corpus, Note, Reading, Utterance
from c2ser.corpora.files import SpeakerIds, find_root
from c2ser.emotions import canonical
from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.jsonfile import parse_json

LISTS = {"train": "movie_list_train.txt", "dev": "movie_list_val.txt", "test": "movie_list_test.txt"}
GENDERS = {"male": "m", "female": "f", "m": "m", "f": "f", "男": "m", "女": "f"}
FRAMES_PER_SECOND = 25
"""Chinese television's; a wrong guess moves a time by a fraction of a second, within the tolerance of `prepare`."""

CORPUS = Corpus(
    name="m3ed",
    title="M3ED",
    languages=("zh",),
    licence="none stated",
    source="https://github.com/AIM3-RUC/RUCM3ED",
    expected={
        "train": dict(angry=3814, disgusted=1145, fearful=280, happy=1625, neutral=7126, sad=2734, surprised=696),
        "dev": dict(angry=681, disgusted=134, fearful=50, happy=303, neutral=1042, sad=489, surprised=120),
        "test": dict(angry=736, disgusted=218, fearful=65, happy=358, neutral=1853, sad=734, surprised=234),
    },
    counted_by="split",
)


def read(root):
    """Read the folder that holds annotation.json, or one above it.

    Raises InputError for an absent part, JSON or fields that are not as above, and a series in no split or in two.
    """
    root = find_root(root, lambda path: (path / "annotation.json").is_file(), "annotation.json")
    splits = read_splits(_part(root, "splitInfo"))
    speech = _part(root, "modality_speech")
    files = {name[:-4]: name for name in os.listdir(speech) if name.endswith(".wav") and not name.startswith("._")}
    reading, speakers = Reading(), SpeakerIds()
    for series, dialogue, key, row, people in _rows(root / "annotation.json"):
        identity = "_".join(_whole(_whole(series, dialogue), key).split())
        where = f"{root}/annotation.json: {identity}"
        if series not in splits:
            raise InputError(f"{where}: series {series} stands in no list of splitInfo")
        try:
            stem, person = f"{row['Speaker']}_{identity}", people[row["Speaker"]]
            emotion, text = row["EmoAnnotation"]["final_main_emo"], row["Text"]
            speaker = speakers[f"{series}_{person['Name'].strip()}"]
            emotion = canonical(emotion)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{where}: a field is absent or of another kind: {error}") from None
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if stem not in files:
            reading.missing.append(Note(f"{stem}.wav", "a row without a file", splits[series]))
            continue
        reading.utterances.append(
            Utterance(
                id=f"{speaker}-{identity}",
                speaker=speaker,
                emotion=emotion,
                language="zh",
                audio=str(speech / files.pop(stem)),
                text=text,
                gender=GENDERS.get(str(person.get("Gender", "")).strip().lower()),
                split=splits[series],
                announced=_announced(row),
            )
        )
    for name in sorted(files.values()):
        reading.excluded.append(Note(str(speech / name), "no row in annotation.json"))
    return reading


def read_splits(folder):
    """Series → split, from the three lists. Raises InputError for an absent list and a series that stands in two."""
    splits = {}
    for split, name in LISTS.items():
        path = Path(folder, name)
        if not path.is_file():
            raise InputError(f"{path}: no such file; it belongs to the distribution")
        for series in read_text(path).split():
            if splits.setdefault(series, split) != split:
                raise InputError(f"{path}: {series} stands in the list of {splits[series]} too")
    return splits


def seconds_of(time):
    """`HH:MM:SS:FF` → seconds. Raises ValueError for anything else."""
    hours, minutes, seconds, frames = (int(part) for part in re.split("[:：]", time.strip()))
    return hours * 3600 + minutes * 60 + seconds + frames / FRAMES_PER_SECOND


def _announced(row):
    """The duration in s that the annotated times give; 0 where they make no sense."""
    try:
        return max(seconds_of(row["EndTime"]) - seconds_of(row["StartTime"]), 0.0)
    except (KeyError, ValueError, AttributeError):
        return 0.0


def _part(root, name):
    """The folder of that name beside annotation.json, one level deeper, or beside the folder that holds it."""
    places = [root / name, *sorted(root.glob(f"*/{name}")), root.parent / name]
    for place in places:
        if place.is_dir():
            return place
    raise InputError(f"{root}: holds no {name}/; it belongs to the distribution")


def _whole(parent, key):
    """A key with what it stands under in front, unless it is there already: (`anjia_1`, `2`) → `anjia_1_2`."""
    return key if key.startswith(f"{parent}_") else f"{parent}_{key}"


def _rows(path):
    """Yield (series, dialogue, utterance, its entry, SpeakerInfo) of annotation.json in the order of the file."""
    try:
        annotation = parse_json(read_text(path))
    except ValueError as error:
        raise InputError(f"{path}: not JSON in UTF-8 ({error}); fetch it again") from None
    try:
        for series, dialogues in annotation.items():
            for dialogue, entry in dialogues.items():
                for key, row in entry["Dialog"].items():
                    yield series, dialogue, key, row, entry["SpeakerInfo"]
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not laid out as series, dialogue, Dialog and SpeakerInfo ({error})") from None
