"""Phonemes counted from text: one module a language, named by its ISO 639-1 code.

To add a language, add `<code>.py` with `count(text) -> int` beside these and say in its docstring what one phoneme is;
`counter` finds it by its name. A rule must not depend on what is installed: the same text has the same count on every
machine.
"""

import importlib
import importlib.util
import re
import unicodedata


def counter(language):
    """The function text → number of phonemes of an ISO 639-1 code; `count_letters` where it has no module."""
    module = f"{__name__}.{language}"
    if re.fullmatch("[a-z]{2,3}", language) and importlib.util.find_spec(module):
        return importlib.import_module(module).count
    return count_letters


def count_letters(text):
    """Letters of a text: what stands in for phonemes in a language without rules.

    The text is decomposed (NFD), so an accent does not count, and a Hangul syllable counts each of its letters, which
    are phonemes. In scripts that are not alphabetic every character counts one, and so does a digit. Rates from it
    can be compared within one language, not between languages.
    """
    return sum(unicodedata.category(char)[0] in "LN" for char in unicodedata.normalize("NFD", text))
