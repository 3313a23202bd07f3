"""The lines of a file of answers, in whichever encoding it was written."""

import codecs
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

from c2ser.corpora.transcripts import lines_of, repair_c1
from c2ser.errors import InputError

FORM = "expected lines `utterance<TAB or blank>answer`"
BROKEN = "\ufffd"
"""Stands for bytes that the file's encoding does not know."""


class Line(NamedTuple):
    """A line of a file of answers; `answer` may be empty."""

    number: int
    utterance: str
    answer: str


def read_answer_lines(path):
    """Read `utterance<TAB or blank>answer` lines, blank lines left out.

    Returns the encoding's name (see `detect`) and a list of `Line`. Utterance ids are in composed Unicode (NFC), as in
    data directories; bytes that the encoding does not know are `BROKEN`, and latin-1 has the characters of cp1252.
    Raises InputError where there is no such file or it holds no line.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; {FORM}")
    data = path.read_bytes()
    encoding = detect(data)
    text = data.decode(encoding, "replace")
    if encoding == "latin-1":
        text = repair_c1(text)
    lines = []
    for number, line in enumerate(lines_of(text), 1):
        fields = line.split(None, 1)
        if fields:
            answer = fields[1].strip() if len(fields) > 1 else ""
            lines.append(Line(number, unicodedata.normalize("NFC", fields[0]), answer))
    if not lines:
        raise InputError(f"{path}: holds no answers; {FORM}")
    return encoding, lines


def detect(data):
    """The encoding of a file of answers, by its bytes alone, as Python names it.

    A byte order mark tells UTF-8 and UTF-16. Without one, UTF-16 is told by zero bytes, as the ids are ASCII for the
    most part, and UTF-8 by holding no fewer characters of several bytes than broken ones, which others hardly ever do.
    What is left is GB18030, whose Chinese characters are two bytes above 127 each and stand together, or latin-1, whose
    letters with accents stand alone. The words are not asked: GB18030 takes two letters of `n’t` for one Chinese
    character, and an emotion that was denied would then look like a good answer.
    """
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in data:
        return "utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"
    text = data.decode("utf-8", "replace")
    broken = text.count(BROKEN)
    if not broken or sum(sign > "\x7f" for sign in text) >= 2 * broken:  # the broken ones are among them
        return "utf-8"
    runs = re.findall(rb"[\x80-\xff]+", data)
    alone = sum(len(run) == 1 for run in runs)
    return "latin-1" if 2 * alone >= len(runs) else "gb18030"
