"""The words of `label_words.yaml`, as tables and patterns: names of emotions, what denies one, what marks an answer."""

import re
from pathlib import Path

import yaml

EAST_ASIAN = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Range of characters for a pattern: scripts in which words are found inside others, not between word boundaries."""

LETTER = rf"[^\W_{EAST_ASIAN}]"

_TABLES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
_ENDINGS = _TABLES["endings"]


def _entries(table):
    return {
        language: {label: words.format_map(_ENDINGS).casefold() for label, words in classes.items()}
        for language, classes in _TABLES[table].items()
    }


NAMES = _entries("names")
"""Language code → class → its words, parted by blanks. The further classes have names in English and Chinese."""

NEARBY = _entries("nearby")
"""Language code → class → words used only where a text holds no name; a word that names another class is not."""


def forms(entry):
    """The words that an entry of `NAMES` or `NEARBY` stands for: "trist(e|i) ira" → {"triste", "tristi", "ira"}."""
    found = set()
    for word in entry.split():
        stem, _, endings = word.partition("(")
        found.update(stem + ending for ending in endings.removesuffix(")").split("|"))
    return found


def names_of(table):
    """The names of the lists of a table."""
    return list(_TABLES[table])


def phrases(table, name):
    """A pattern, as text, of the whole words and phrases that `name` lists in `table`; the longest is tried first."""
    signs = {r"\ ": r"\s+", "_": f"{LETTER}+", r"\*": f"{LETTER}*"}
    found = sorted((phrase.strip() for phrase in _TABLES[table][name].casefold().split(";")), key=len, reverse=True)
    words = re.sub(r"\\ |_|\\\*", lambda sign: signs[sign[0]], "|".join(map(re.escape, found)))
    return rf"(?<!{LETTER})(?:{words})(?!{LETTER})"


def pattern(table, name):
    """A pattern, as text: the alternatives that `name` lists in `table`."""
    return "(?:" + re.sub(r"\|\s+", "|", _TABLES[table][name]) + ")"
