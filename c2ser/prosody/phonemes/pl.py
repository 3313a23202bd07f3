"""Polish: phonemes counted from the spelling, which nearly determines them.

Conventions: ch cz dz dź dż rz sz are one phoneme each; an i before a vowel only softens c, dz, n, s, z, k and g
(`nie` ɲ-ɛ, 2) and is a glide after other consonants (`pies` p-j-ɛ-s, 4); ą and ę are a vowel and a nasal consonant
before a stop or an affricate (`ręka` r-ɛ-ŋ-k-a, 5) and one vowel elsewhere; a double letter is two. Misread, each by
one phoneme: the few words where rz or dz is two sounds (`marznąć`, `odzew`).
"""

from c2ser.prosody.phonemes.text import apply_rules, compile_rules, split_words

DIGITS = ("zero", "jeden", "dwa", "trzy", "cztery", "pięć", "sześć", "siedem", "osiem", "dziewięć")

RULES = compile_rules((
    ("dzi(?=[aąeęioóuy])|[cnszkg]i(?=[aąeęioóuy])", 1),
    ("ch|cz|dz|dź|dż|rz|sz", 1),
    ("[ąę](?=ch)", 1),  # ch is a fricative
    ("[ąę](?=[bcćdgkpt])", 2),
    ("x", 2),
))  # fmt: skip
"""Tried in this order at each place of a word; a letter that none takes is one phoneme."""


def count(text):
    """Number of phonemes in Polish text."""
    return sum(apply_rules(word, RULES) for word in split_words(text, DIGITS))
