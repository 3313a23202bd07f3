"""CASIA Chinese emotional corpus, the public part (Institute of Automation, Chinese Academy of Sciences).

Four actors read the same 50 sentences in six emotions (none is disgust): 1200 files, 0.64 h; 300 per speaker, 200
per emotion. Acted; the sentences are the same everywhere, so the text carries no label.

Layouts. Two namings go about; both are read, up to two levels below the root:

    casia/<speaker>/<emotion>/<201 … 250>.wav       liuchanhg wangzhe zhaoquanyin ZhaoZuoxiang
      emotion angry fear happy neutral sad surprise
    相同文本300/<speaker>/<emotion>/<201 … 250>.wav   Chang.Liu Zhe.Wang Quanyin.Zhao Zuoxiang.Zhao
      emotion with `normal` for neutral

Speaker ids here are EmoBox's, all lower case. 16 kHz mono. Strays: casia/201.wav and 202.wav lie outside the speakers'
folders and are left out; files that are no audio (_desktop.ini, .lab, .tag, .peak, casia.rar) are not looked at.
Transcript: one text file in GB18030 (相同的文本201--250.txt; the name is often garbled, so any .txt that numbers the
sentences serves), lines such as `201. 就是下雨也去。`; blanks inside are no part of the text.
Licence: for research. Source: http://www.chineseldc.org
"""

import os
import re
from pathlib import Path

from c2ser.corpora.base import FOLDS_DIR, Corpus, Note, Reading, Utterance, uniform
from c2ser.corpora.files import find_root, subdirectories, walk_audio
from c2ser.corpora.transcripts import decode_lines
from c2ser.errors import InputError

SPEAKERS = {
    "liuchanhg": "liuchanhg", "wangzhe": "wangzhe", "zhaoquanyin": "zhaoquanyin", "zhaozuoxiang": "zhaozuoxiang",
    "chang.liu": "liuchanhg", "zhe.wang": "wangzhe", "quanyin.zhao": "zhaoquanyin", "zuoxiang.zhao": "zhaozuoxiang",
}  # fmt: skip
"""Folder name in lower case → speaker."""

EMOTIONS = {
    "angry": "angry", "fear": "fearful", "happy": "happy", "neutral": "neutral", "normal": "neutral",
    "sad": "sad", "surprise": "surprised",
}  # fmt: skip
"""Folder name in lower case → emotion."""

SENTENCES = range(201, 251)
LINE = re.compile(r"\s*(\d{3})[.．、]?\s*(\S.*)")

CORPUS = Corpus(
    name="casia",
    title="CASIA Chinese emotional corpus, public part",
    languages=("zh",),
    licence="for research",
    source="http://www.chineseldc.org",
    expected=uniform(sorted(set(SPEAKERS.values())), sorted(set(EMOTIONS.values())), 50),
    folds=FOLDS_DIR / "casia.tsv",
    transcribed=True,
)


def read(root):
    """Read the folder that holds the speakers' folders, or one above it; see the layouts above.

    Raises InputError where no speaker's folder is found. The transcript lies beside those folders or above them.
    """
    top = Path(root)
    root = find_root(top, _holds_speakers, "speakers' folders (liuchanhg … or Chang.Liu …)")
    reading, found = Reading(), {}
    for path, between, name in walk_audio(root):
        speaker = next((SPEAKERS[part.lower()] for part in between if part.lower() in SPEAKERS), None)
        emotion = EMOTIONS.get(between[-1].lower()) if between else None
        number = name[:-4]
        if speaker is None:
            reading.excluded.append(Note(path, "lies outside the speakers' folders"))
        elif emotion is None or not name.lower().endswith(".wav") or not _is_sentence(number):
            reading.unexpected.append(Note(path, "expected <speaker>/<emotion>/<201 … 250>.wav"))
        elif (speaker, emotion, number) in found:
            reading.unexpected.append(Note(path, f"a second copy of {found[speaker, emotion, number]}"))
        else:
            found[speaker, emotion, number] = path
    sentences = _read_sentences([folder for folder in (root, *root.parents) if folder == top or top in folder.parents])
    for (speaker, emotion, number), path in found.items():
        identity = f"{speaker}-{emotion}-{number}"
        text = sentences.get(number)
        reading.utterances.append(Utterance(identity, speaker, emotion, "zh", path, text))
    for speaker, counts in CORPUS.expected.items():
        for emotion in counts:
            for number in map(str, SENTENCES):
                if (speaker, emotion, number) not in found:
                    reading.missing.append(Note(f"{speaker}/{emotion}/{number}.wav", "no such file"))
    return reading


def _is_sentence(number):
    return number.isascii() and number.isdigit() and int(number) in SENTENCES


def _holds_speakers(directory):
    return any(os.path.basename(path).lower() in SPEAKERS for path in subdirectories(directory))


def _read_sentences(folders):
    """Sentence number → text, from the first .txt in `folders` that numbers sentences; {} where there is none."""
    for folder in folders:
        for path in sorted(folder.glob("*.[tT][xX][tT]")):
            try:
                sentences = dict(decode_lines(path.read_bytes(), ("utf-8-sig", "gb18030"), _parse, path))
            except InputError:
                continue  # another text file, a read-me for instance
            if len(sentences) >= len(SENTENCES) // 2:
                return sentences
    return {}


def _parse(line):
    match = LINE.fullmatch(line)
    if match and _is_sentence(match.group(1)):
        return match.group(1), "".join(match.group(2).split())
    return None
