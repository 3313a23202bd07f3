"""Decoding the text files of corpora, whose encodings are not always what they should be."""

import re

from c2ser.errors import InputError

_CP1252 = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}


def repair_c1(text):
    """Turn C1 control characters back into what cp1252 means by those bytes: U+0092 → ’.

    Such text was cp1252 and was decoded as latin-1. Bytes that cp1252 leaves undefined are removed; nothing else
    changes, so that clean text stays as it is.
    """
    return text.translate(_CP1252)


def lines_of(text):
    """The lines of a text, split at LF, CR LF and CR only: str.splitlines also splits at U+0085 and U+2028."""
    return re.split(r"\r\n|\r|\n", text)


def decode_lines(data, encodings, parse, name, sure=lambda value: True):
    """Decode bytes with whichever of `encodings` makes most lines understood; ties go to the earlier one.

    parse(line) returns a value, or None for a line that makes no sense. sure(value) says whether the line proves that
    the encoding is right, by a word known beforehand for instance. Returns the values of the lines that make sense.
    Raises InputError, naming the file, where no encoding is proved by at least half of the lines.
    """
    best, values = 0.0, []
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        lines = [line for line in lines_of(text.lstrip("\ufeff")) if line.strip()]
        parsed = [value for line in lines if (value := parse(line)) is not None]
        share = sum(map(sure, parsed)) / max(len(lines), 1)
        if share > best:
            best, values = share, parsed
    if best < 0.5:
        raise InputError(f"{name}: none of the encodings {', '.join(encodings)} makes sense of it; fetch it again")
    return values
