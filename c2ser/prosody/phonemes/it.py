"""Italian: phonemes counted from the spelling, which nearly determines them.

Conventions: a double consonant is one long phoneme; an affricate is one; every i that is heard counts, as a vowel or
as a glide (`più` p-j-u, 3). Not heard, and not counted: h; the i that only softens c, g, sc or belongs to gli (`ciao`
tʃ-a-o, `figlio` f-i-ʎ-o). Misread, each by one phoneme: words whose softening i carries the stress but no accent mark
(`farmacia`, `bugia`) and the few with a hard gl (`glicine`).
"""

from c2ser.prosody.phonemes.text import apply_rules, compile_rules, split_words

DIGITS = ("zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove")

RULES = compile_rules((
    ("cq", 1),  # acqua: a long k, then the u of qu
    ("sci(?=[aeouàèéòóù])|sc(?=[eièéì])", 1),
    ("c{1,2}h|g{1,2}h", 1),
    ("(?:c{1,2}|g{1,2})i(?=[aeouàèéòóù])", 1),
    ("gli(?=[aeouàèéòóù])|gl(?=i)", 1),
    ("gn", 1),
    ("h", 0),
    ("x", 2),
    (r"([bcdfgjklmnpqrstvwz])\1", 1),
))  # fmt: skip
"""Tried in this order at each place of a word; a letter that none takes is one phoneme."""


def count(text):
    """Number of phonemes in Italian text."""
    return sum(apply_rules(word, RULES) for word in split_words(text, DIGITS))
