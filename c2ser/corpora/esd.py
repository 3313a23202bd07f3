"""ESD, the emotional speech dataset (Zhou, Sisman, Liu and Li, ICASSP 2021).

Ten Mandarin (0001–0010) and ten English speakers (0011–0020) read 350 sentences in five emotions: 35,000 files, 29 h;
1750 per speaker. Acted; a speaker reads the same sentences in every emotion.

Layouts; both go about and give the same data:

    Emotion Speech Dataset/<speaker>/<Emotion>/<speaker>_<number>.wav
    Emotion Speech Dataset/<speaker>/<Emotion>/{train,evaluation,test}/<speaker>_<number>.wav
    Emotion Speech Dataset/<speaker>/<speaker>.txt
      Emotion Angry Happy Neutral Sad Surprise; number 000001 … 001750

The number tells the emotion: 1–350 neutral, 351–700 angry, 701–1050 happy, 1051–1400 sad, 1401–1750 surprised; a file
whose folder says otherwise is refused. The inner split shares its speakers between train and test; it is not used.
Transcript lines are `0011_000351<TAB>text<TAB>Angry`, with 中立 生气 快乐 伤心 惊喜 for Mandarin speakers. About
fifteen lines have blanks for TABs. Encodings differ: GB2312 (0001 0002 0004 0005 0009), UTF-16 (0003 0006 0007 0008
0010 0012 0013 0014 0018 0019), UTF-8 (0011 0015 0020), latin-1 (0016 0017); copies were converted now and then, so
each is tried on each file, and the labels tell which one is right.
Licence: for research, on request. Source: https://github.com/HLTSingapore/Emotional-Speech-Data
"""

import re

from c2ser.corpora.base import FOLDS_DIR, Corpus, Note, Reading, Utterance, uniform
from c2ser.corpora.files import find_root, walk_audio
from c2ser.corpora.transcripts import decode_lines, repair_c1

SPEAKERS = tuple(f"{number:04}" for number in range(1, 21))
FEMALE = {"0001", "0002", "0003", "0007", "0009", "0015", "0016", "0017", "0018", "0019"}
EMOTIONS = ("neutral", "angry", "happy", "sad", "surprised")
"""In the order of the numbers, 350 each."""

FOLDERS = {"neutral": "neutral", "angry": "angry", "happy": "happy", "sad": "sad", "surprise": "surprised"}
LABELS = {**FOLDERS, "中立": "neutral", "生气": "angry", "快乐": "happy", "伤心": "sad", "惊喜": "surprised"}
PER_EMOTION = 350
NAME = re.compile(r"(\d{4})_(\d{6})\.wav", re.IGNORECASE)
LINE = re.compile(r"\s*(\d{4}_\d{6})\s+(\S.*?)\s*")

CORPUS = Corpus(
    name="esd",
    title="ESD",
    languages=("zh", "en"),
    licence="for research, on request",
    source="https://github.com/HLTSingapore/Emotional-Speech-Data",
    expected=uniform(SPEAKERS, EMOTIONS, PER_EMOTION),
    folds=FOLDS_DIR / "esd.tsv",
    transcribed=True,
)


def language_of(speaker):
    """The language of a speaker: Mandarin up to 0010, English from 0011."""
    return "zh" if speaker <= "0010" else "en"


def emotion_of(number):
    """The emotion that an utterance number, 1 to 1750, stands for; None outside that range."""
    return EMOTIONS[(number - 1) // PER_EMOTION] if 1 <= number <= PER_EMOTION * len(EMOTIONS) else None


def read(root):
    """Read `Emotion Speech Dataset/` or a folder above it. Raises InputError where no speaker's folder is found."""
    root = find_root(root, _holds_speakers, "speakers' folders 0001 … 0020 with folders such as 0011/Angry")
    reading = Reading()
    for speaker in SPEAKERS:
        folder = root / speaker
        found = _read_audio(folder, speaker, reading) if folder.is_dir() else {}
        texts = read_transcript(folder / f"{speaker}.txt", speaker) if found else {}
        for number, path in sorted(found.items()):
            text, doubt = texts.get(number, (None, None))
            reading.utterances.append(
                Utterance(
                    id=f"{speaker}-{number:06}",
                    speaker=speaker,
                    emotion=emotion_of(number),
                    language=language_of(speaker),
                    audio=path,
                    text=text,
                    gender="f" if speaker in FEMALE else "m",
                    doubt=doubt,
                )
            )
        for number in range(1, PER_EMOTION * len(EMOTIONS) + 1):
            if number not in found:
                reading.missing.append(Note(f"{speaker}_{number:06}.wav", "no such file"))
    return reading


def _holds_speakers(directory):
    folders = (directory / speaker / emotion for speaker in SPEAKERS for emotion in ("Angry", "Neutral", "Happy"))
    return any(folder.is_dir() for folder in folders)


def _read_audio(folder, speaker, reading):
    """Number → path of a speaker's files; what does not belong goes to `reading.unexpected`."""
    found = {}
    for path, between, name in walk_audio(folder):
        match = NAME.fullmatch(name)
        number = int(match.group(2)) if match else 0
        emotion = emotion_of(number)
        if not match or match.group(1) != speaker or emotion is None or not 1 <= len(between) <= 2:
            reading.unexpected.append(Note(path, f"no name of the corpus for a file of speaker {speaker}"))
        elif FOLDERS.get(between[0].lower()) != emotion:
            reading.unexpected.append(Note(path, f"its number says {emotion}, its folder {between[0]}"))
        elif number in found:
            reading.unexpected.append(Note(path, f"a second copy of {found[number]}"))
        else:
            found[number] = path
    return found


def read_transcript(path, speaker):
    """Number → (text, doubt or None) of a speaker's transcript; {} where the file is absent.

    Raises InputError where no encoding makes sense of it.
    """
    if not path.is_file():
        return {}
    data = path.read_bytes()
    eight_bit = "gb18030" if language_of(speaker) == "zh" else "latin-1"
    encodings = ["utf-8-sig", "utf-16-le", "utf-16-be", eight_bit]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    lines = decode_lines(data, encodings, lambda line: _parse(line, speaker), path, sure=lambda line: line[2] is None)
    return {number: (text, doubt) for number, text, doubt in lines}


def _parse(line, speaker):
    """(number, text, doubt) of a transcript line, or None for a line that is not this speaker's."""
    match = LINE.fullmatch(repair_c1(line))
    if not match or not match.group(1).startswith(f"{speaker}_"):
        return None
    number = int(match.group(1)[5:])
    text, _, label = re.sub(r"\s+", " ", match.group(2)).rpartition(" ")
    labelled = LABELS.get(label.lower())
    if labelled is None:
        text, doubt = f"{text} {label}".strip(), "its transcript line carries no label"
    elif labelled != emotion_of(number):
        doubt = f"its transcript labels it {labelled}"
    else:
        doubt = None
    return number, text, doubt
