"""What every corpus module is made of: the utterance, the description of a corpus, and what reading a copy yields.

A corpus module holds two names: `CORPUS`, a `Corpus`, and `read(root) -> Reading`. It knows the layout and nothing
else; headers, counts, folds and files are the business of `c2ser.corpora.prepare`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

from c2ser.encodings import read_text
from c2ser.errors import InputError

FOLDS_DIR = Path(__file__).with_name("folds")


@dataclass(slots=True)
class Utterance:
    """One labelled utterance as the distribution describes it.

    id starts with `<speaker>-` (or is the speaker, where a corpus names none). emotion is one of
    `c2ser.emotions`, `unknown` where an utterance has no label; language is an ISO 639-1 code. audio is the file;
    recording, start and end (s) are given where several utterances share it. text is what is said, None where no
    transcript is there. channel (1-based, or "mean"; None for mono) and seconds are filled in from the file's header.
    split is the official one: train, dev or test; None where the field uses folds. announced is the duration in s that
    the annotation gives, where it does. doubt says what is odd about an utterance that is kept all the same.
    """

    id: str
    speaker: str
    emotion: str
    language: str
    audio: str
    text: str | None = None
    gender: str | None = None
    channel: int | str | None = None
    start: float | int | None = None
    end: float | int | None = None
    split: str | None = None
    recording: str | None = None
    seconds: float | int | None = None
    announced: float | int | None = None
    doubt: str | None = None

    def __post_init__(self):
        """Raise TypeError for a field of another type, such as a Path, there where the module makes it."""
        for one in fields(self):
            if not isinstance(value := getattr(self, one.name), one.type):
                raise TypeError(f"utterance {self.id}: {one.name}={value!r} is of type {type(value).__name__}")

    @property
    def recording_id(self):
        """The key of wav.scp."""
        return self.recording or self.id


class Note(NamedTuple):
    """A file or utterance that does not become part of the data, why, and the official split it belongs to, if any."""

    name: str
    reason: str
    split: str | None = None


@dataclass
class Reading:
    """What a copy of a corpus holds.

    excluded: left out by a rule of the corpus (strays, clips known to be broken). missing: should be there and is
    not. unexpected: audio where none should be, or under a wrong label; it always stops the preparation.
    """

    utterances: list[Utterance] = field(default_factory=list)
    excluded: list[Note] = field(default_factory=list)
    missing: list[Note] = field(default_factory=list)
    unexpected: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Corpus:
    """A corpus as published.

    expected: part → emotion → number of utterances, where a part is a speaker, a split or a language, whichever
    attribute of `Utterance` `counted_by` names; empty: nothing is asserted. folds: path of a table (see `read_folds`)
    or None. channels: number of channels in a file → the one that carries the speech; mono needs no entry.
    transcribed: every utterance has a transcript as published, so that one without counts as missing.
    long_seconds: utterances beyond it are kept and listed as suspicious.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    licence: str
    source: str
    expected: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    counted_by: str = "speaker"
    folds: str | Path | None = None
    channels: Mapping[int, int | str] = field(default_factory=dict)
    transcribed: bool = False
    long_seconds: float = 30.0

    def __post_init__(self):
        """Raise InputError for languages that are one string, and counts that are not by part and emotion."""
        if isinstance(self.languages, str):
            raise InputError(f"{self.name}: languages={self.languages!r} is a string; write ({self.languages!r},)")
        if not all(isinstance(counts, Mapping) for counts in self.expected.values()):
            raise InputError(
                f"{self.name}: expected holds {self.counted_by} → emotion → number, here {dict(self.expected)}; where "
                "only totals are published, write {}"
            )

    def read_folds(self):
        """Fold number → test speakers, in the table's order; {} where the corpus has no folds."""
        return read_folds(self.folds) if self.folds else {}

    def variable(self):
        """The variable of db.sh that names the corpus' folder, as setup.sh calls it."""
        return self.name.upper()

    def total(self):
        """The published number of utterances, or None where nothing is asserted."""
        return sum(sum(counts.values()) for counts in self.expected.values()) or None


def read_folds(path):
    """Read a fold table: lines `fold<TAB>test speakers`, `#` starts a comment.

    Returns {fold: (speaker, …)}. Raises InputError, naming the line, for a malformed line, a fold given twice, or a
    speaker who is tested in two folds.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; a fold table has lines `fold<TAB>test speakers`")
    folds, tested = {}, set()
    for number, line in enumerate(read_text(path).splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        fold, _, speakers = line.partition("\t")
        speakers = tuple(speakers.split())
        wrong = None
        if not fold.isdigit() or not speakers:
            wrong = "expected `fold<TAB>test speakers`: a number, a TAB, and speakers with blanks between them"
        elif int(fold) in folds:
            wrong = f"fold {fold} stands above already; write its speakers into one line"
        elif again := sorted(tested.intersection(speakers)):
            wrong = f"{', '.join(again)}: tested in a fold above already; every speaker is tested in one"
        if wrong:
            raise InputError(f"{path}:{number}: {wrong}")
        folds[int(fold)] = speakers
        tested.update(speakers)
    return folds


def uniform(parts, emotions, count):
    """The expected counts of a balanced corpus: the same number in every cell."""
    return {part: dict.fromkeys(emotions, count) for part in parts}
