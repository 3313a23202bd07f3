"""Text as it comes from other programs: which encoding it is in, and one line that says so where UTF-8 is wanted."""

import codecs
import re

from c2ser.errors import InputError

BROKEN = "\ufffd"
"""Stands for bytes that an encoding does not know."""

LINE, BLOCK, WHOLE = 1 << 26, 1 << 12, 1 << 30
"""Bytes: of the longest line of a table, of what is looked at for holes, of the largest text that is read as a whole."""

DAMAGED = "damaged, or never written; write it again"

MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
"""Byte order marks; that of UTF-32 begins as that of UTF-16 does."""


def detect(data):
    """The encoding of a text, such as a file of answers, by its bytes alone, as Python names it.

    A byte order mark tells UTF-8, UTF-16 and UTF-32. Without one, UTF-16 and UTF-32 are told by zero bytes, as ids are
    ASCII for the most part, and UTF-8 by holding no fewer characters of several bytes than broken ones, which others
    hardly ever do. What is left is GB18030, whose Chinese characters are two bytes above 127 each and stand together, or
    latin-1, whose letters with accents stand alone. The words are not asked: GB18030 takes two letters of `n’t` for one
    Chinese character, and an emotion that was denied would then look like a good answer.
    """
    for mark, name in MARKS:
        if data.startswith(mark):
            return name
    if b"\0\n" in data or b"\n\0" in data or 4 * data.count(0) > len(data):  # and not one stray byte in UTF-8
        wide = "32" if 2 * data.count(0) > len(data) else "16"
        return f"utf-{wide}-le" if data[1::2].count(0) >= data[::2].count(0) else f"utf-{wide}-be"
    text = data.decode("utf-8", "replace")
    broken = text.count(BROKEN)
    if not broken or sum(sign > "\x7f" for sign in text) >= 2 * broken:  # the broken ones are among them
        return "utf-8"
    runs = re.findall(rb"[\x80-\xff]+", data)
    alone = sum(len(run) == 1 for run in runs)
    return "latin-1" if 2 * alone >= len(runs) else "gb18030"


def fault(path):
    """What a file that is not UTF-8 seems to be, and what to do: the end of a message."""
    with open(path, "rb") as stream:
        begin = stream.read(LINE)
    if 10 * begin.count(0) > 9 * len(begin):
        return f"zero bytes for the most part: {DAMAGED}"
    found = detect(begin)
    if found in ("utf-8", "utf-8-sig"):
        return "not UTF-8: a broken character, or a zero byte; write the text anew"
    name, seems = found.upper(), found.upper()
    if found == "latin-1":
        name, seems = "CP1252", "CP1252, or CP1250 where it is Polish"
    elif found.startswith("utf"):
        name = name.replace("-LE", "LE").replace("-BE", "BE")
    return f"not UTF-8; it seems to be {seems}: iconv -f {name} -t UTF-8 {path} > NEW converts it"


def read_bytes(path):
    """The bytes of a text that is read whole. Raises InputError for one beyond `WHOLE` bytes, and for a file with a hole
    at its beginning or end, which holds zero bytes however long it is, as one does that a crash left."""
    with open(path, "rb") as stream:
        size = stream.seek(0, 2)
        for place in (0, max(0, size - BLOCK)) if size else ():
            stream.seek(place)
            if not stream.read(BLOCK).strip(b"\0"):
                raise InputError(f"{path}: zero bytes where its text should be: {DAMAGED}")
        if size > WHOLE:
            raise InputError(f"{path}: {size} bytes, more than the {WHOLE} of a text that is read as a whole; split it")
        stream.seek(0)
        return stream.read()


def first_line(data):
    """The number of the first line that is not UTF-8; 1 where that is told by zero bytes."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return 1 + data.count(b"\n", 0, error.start)
    return 1


def read_text(path):
    """The text of a UTF-8 file without its byte order mark. Raises InputError where there is no such file, or it is in
    another encoding, naming that."""
    try:
        data = read_bytes(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise InputError(f"{path}: no such file") from None
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"{path}: {fault(path)}")
    return text
