"""Mandarin: initials and finals of the syllables, by pypinyin.

A syllable is its final and, where it has one, its initial: 他 t-a is 2, 爱 ai is 1, 五 wu is 1 (the spelled w and y are no
initials), 床 ch-uang is 2. A final counts once however many sounds it glides through, as in the inventories of
Mandarin speech recognition. Latin words inside the text are counted by the English rules, digits are read one by one.
"""

import re
import unicodedata

from c2ser.prosody.phonemes import en

DIGITS = "零一二三四五六七八九"

_LATIN = re.compile(r"[A-Za-z][A-Za-z'’]*")


def count(text):
    """Number of initials and finals in Chinese text."""
    from pypinyin import Style, pinyin

    text = unicodedata.normalize("NFKC", text)
    latin = sum(en.count(word) for word in _LATIN.findall(text))
    text = "".join(DIGITS[int(char)] if char.isdecimal() else char for char in _LATIN.sub(" ", text))
    text = "".join(char for char in text if char.isalpha())
    initials = pinyin(text, style=Style.INITIALS, errors=list)
    finals = pinyin(text, style=Style.FINALS, errors=list)
    return latin + sum(
        1 if initial == char else bool(initial) + bool(final)  # pypinyin gives a character it cannot read as it is
        for char, (initial,), (final,) in zip(text, initials, finals)
    )
