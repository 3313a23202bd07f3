"""Emo-Emilia, the emotional test set of the C2SER paper, chosen from the Emilia corpus of speech in the wild.

1,400 utterances, Mandarin and English, 100 per language and each of seven emotions. For testing only.

Layout; the folder wav may lie beside the list or inside a folder Emo-Emilia:

    Emo-Emilia-ALL.jsonl      {"index": "ZH_B00090_S00350_W000000", "emotion": "angry", "wav": …, "text": …}
    wav/<index>.wav           the index starts with ZH_ or EN_

Labels are the project's seven names. No speakers are named: every utterance is its own speaker here. English texts
start with a blank; 1,378 of the texts are distinct. The set was pre-labelled with emotion2vec, a selection that
favours models of that family: state it beside every result.
Licence: none stated; ask the authors. Source: https://github.com/zxzhao0/C2SER
"""

from c2ser.corpora.base import Corpus, Note, Reading, Utterance, uniform
from c2ser.corpora.files import find_root
from c2ser.emotions import EMOTIONS, canonical
from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.jsonfile import parse_json

LIST = "Emo-Emilia-ALL.jsonl"
LANGUAGES = {"ZH": "zh", "EN": "en"}

CORPUS = Corpus(
    name="emo_emilia",
    title="Emo-Emilia",
    languages=("zh", "en"),
    licence="none stated",
    source="https://github.com/zxzhao0/C2SER",
    expected=uniform(("zh", "en"), EMOTIONS, 100),
    counted_by="language",
)


def read(root):
    """Read the folder that holds the list, or one above it. Raises InputError, with the line, for a malformed list."""
    root = find_root(root, lambda path: (path / LIST).is_file(), LIST)
    places = [root / "wav", root / "Emo-Emilia" / "wav", root.parent / "wav"]
    folder = next((place for place in places if place.is_dir()), places[0])
    files = {path.name: path for path in sorted(folder.glob("*.wav"))} if folder.is_dir() else {}
    reading, seen = Reading(), set()
    for number, line in enumerate(read_text(root / LIST).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{root / LIST}:{number}"
        index, emotion, text = _parse(line, where)
        if index in seen:
            raise InputError(f"{where}: {index}: a second line")
        seen.add(index)
        if f"{index}.wav" not in files:
            reading.missing.append(Note(str(folder / f"{index}.wav"), "a line without a file", "test"))
            continue
        path = str(files.pop(f"{index}.wav"))
        language = LANGUAGES[index[:2]]
        reading.utterances.append(Utterance(index, index, emotion, language, path, text, split="test"))
    for path in files.values():
        reading.excluded.append(Note(str(path), f"no line in {LIST}", "test"))
    return reading


def _parse(line, where):
    try:
        entry = parse_json(line)
        index, emotion, text = entry["index"], canonical(entry["emotion"]), entry["text"].strip()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: expected an object with index, emotion, wav and text ({error})") from None
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if index[:3] not in ("ZH_", "EN_"):
        raise InputError(f"{where}: {index}: an index starts with ZH_ or EN_")
    return index, emotion, text
