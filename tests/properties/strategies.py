"""What the tests of properties draw: ids, values, tables, data directories."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st

from c2ser.datadir.datadir import DataDir, invert
from c2ser.emotions import EMOTIONS

FEWER = settings(max_examples=-(-settings.default.max_examples // 3))
"""For properties that take long: a third of the examples of others, also where more are tried."""

_SIGNS = st.characters(exclude_categories=("Cc", "Cs", "Z", "Cn", "Co"), exclude_characters="\ufeff\ufffd")
IDS = st.text(_SIGNS, min_size=1, max_size=6)
"""Ids of any letters, marks and signs: no blanks, no control characters."""

NAMES = st.text(st.sampled_from("ab0_-.é李\U00020000"), min_size=1, max_size=3)
"""Ids that are alike, so that one is the beginning of another."""

LINES = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r\0"), max_size=12)
"""Text on one line, with whatever else Unicode has."""

WORDS = st.text(st.sampled_from("ab0 é李,.'"), max_size=8).map(lambda text: " ".join(text.split()))

_VALUES = {
    "text": WORDS,
    "utt2lang": st.sampled_from(("en", "zh", "yue")),
    "utt2corpus": st.sampled_from(("casia", "esd")),
    "utt2dur": st.sampled_from(("1.00", "0.5", "12.3456")),
    "utt2f0": st.sampled_from(("nan", "0", "210.55")),
    "utt2loudness": st.sampled_from(("-inf", "nan", "-23.1")),
    "utt2rate": st.sampled_from(("nan", "0.000", "8.25")),
    "utt2style": st.sampled_from(("speed=low pitch=medium volume=high", "speed=unknown pitch=low volume=low")),
}
"""Tables that speak of every utterance, and values they may have."""
_PARTIAL = {
    "utt2emo": st.sampled_from((*EMOTIONS, "unknown")),
    "utt2votes": st.sampled_from(("angry:1", "angry:2 sad:0.5")),
    "cot_explicit": WORDS,
}


@contextmanager
def folder():
    """A folder of its own for one example."""
    with tempfile.TemporaryDirectory(prefix="property-") as path:
        yield Path(path)


@st.composite
def tables(draw, prefix="", most=6):
    """The tables of a sound data directory, name → dict, with or without segments; ids start with `prefix`."""
    speakers = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    utt2spk = {}
    for speaker in speakers:
        for name in draw(st.lists(NAMES, min_size=1, max_size=most // len(speakers), unique=True)):
            utt2spk[f"{prefix}{speaker}-{name}"] = f"{prefix}{speaker}"
    utt2spk = dict(sorted(utt2spk.items(), key=lambda item: item[0].encode()))
    made = {"utt2spk": utt2spk}
    for table, values in _VALUES.items():
        if draw(st.booleans()):
            made[table] = {key: draw(values) for key in utt2spk}
    for table, values in _PARTIAL.items():
        chosen = draw(st.sets(st.sampled_from(list(utt2spk))))
        if chosen:
            made[table] = {key: draw(values) for key in utt2spk if key in chosen}
    recordings = list(utt2spk)
    if draw(st.booleans()):
        recordings = sorted({f"{prefix}rec{len(key) % 3}" for key in utt2spk})
        made["segments"] = {
            key: f"{prefix}rec{len(key) % 3} {number}.0 {number}.5" for number, key in enumerate(utt2spk)
        }
    made["wav.scp"] = {key: f"/a b/{key}.wav" for key in recordings}
    marked = draw(st.sets(st.sampled_from(recordings)))
    if marked:
        made["reco2channel"] = {key: draw(st.sampled_from(("1", "2", "mean"))) for key in recordings if key in marked}
    known = draw(st.sets(st.sampled_from(sorted(set(utt2spk.values())))))
    if known:
        made["spk2gender"] = {key: draw(st.sampled_from("fmou")) for key in known}
    return made


def write(path, made):
    """Write such tables, with their spk2utt."""
    for table, values in {**made, "spk2utt": invert(made["utt2spk"])}.items():
        DataDir(path).write(table, values)
    return path


def read(path):
    """All tables of a directory, name → dict."""
    return {table: DataDir(path).read(table) for table in DataDir(path).tables()}
