"""The lines of a file of answers, in whichever encoding it was written."""

import unicodedata
from pathlib import Path
from typing import NamedTuple

from c2ser.corpora.transcripts import lines_of, repair_c1
from c2ser.encodings import detect, read_bytes
from c2ser.errors import InputError

FORM = "expected lines `utterance<TAB or blank>answer`"


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
    data = read_bytes(path)
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
