"""What the letter-to-phoneme rules of all languages share: finding words, reading digits, matching rules."""

import re
import unicodedata

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*['’]?|\d")
"""A run of letters with the apostrophes inside or after it, or one digit."""


def split_words(text, digit_names):
    """Text → its words in lower case, NFC, apostrophes as `'`; every digit becomes the word for it.

    digit_names: ten words, for 0 to 9. Digits are read one by one ("21" → "two one"): the count is near that of
    the number read out, and needs no grammar. Punctuation and symbols are dropped.
    """
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    return [digit_names[int(word)] if word.isdecimal() else word for word in _WORD.findall(text)]


def compile_rules(table):
    """`(pattern, phonemes)` pairs → compiled rules for `apply_rules`. Patterns may look behind and ahead."""
    return tuple((re.compile(pattern), phonemes) for pattern, phonemes in table)


def apply_rules(word, rules):
    """Phonemes of a word: from left to right the first rule that matches takes its letters and adds its phonemes.

    A character that no rule matches is one phoneme where it is a letter and none elsewhere (an apostrophe).
    """
    position, phonemes = 0, 0
    while position < len(word):
        for pattern, count in rules:
            match = pattern.match(word, position)
            if match and match.end() > position:
                position, phonemes = match.end(), phonemes + count
                break
        else:
            phonemes += word[position].isalpha()
            position += 1
    return phonemes
