"""The Kaldi data directory as an object."""

from pathlib import Path

from c2ser.datadir.tables import read_table, write_table
from c2ser.emotions import UNLABELLED
from c2ser.errors import InputError

UTTERANCE_TABLES = (
    "text", "utt2spk", "utt2lang", "utt2corpus", "utt2dur", "utt2num_samples", "utt2f0", "utt2loudness", "utt2rate",
    "utt2articulation", "utt2range", "utt2intonation", "utt2pauses", "utt2reliable", "utt2style",
)  # fmt: skip
"""Tables keyed by utterance. wav.scp is keyed by recording, which is the utterance where there is no segments file."""

COT_TABLES = ("cot_explicit", "cot_implicit")
PARTIAL_TABLES = ("utt2emo", "utt2votes", *COT_TABLES)
"""Tables keyed by utterance that need not speak of all of them: where they say nothing, nothing is known."""

RECORDING_TABLES = ("wav.scp", "reco2channel")
SPEAKER_TABLES = ("spk2utt", "spk2gender")
KNOWN_TABLES = (*RECORDING_TABLES, "segments", *UTTERANCE_TABLES, *PARTIAL_TABLES, *SPEAKER_TABLES)
TEXT_TABLES = ("text", *COT_TABLES)
"""Tables whose values may be empty and are free text."""


class DataDir:
    """One data/<set> directory. Tables are read when asked for and written whole.

    Every table is a dict utterance (recording, speaker) → value. Beside Kaldi's own files the project adds utt2emo
    (class), utt2lang (ISO 639-1), utt2corpus (where several corpora are joined), utt2style (`speed=… pitch=… volume=…`) and
    what it is cut from, such as utt2f0 (Hz), utt2loudness (LUFS) and utt2rate (phonemes / s) (c2ser extract-prosody),
    cot_explicit, cot_implicit, utt2votes (annotators' votes, `angry:2 sad:1`), and reco2channel: which channel of a
    recording carries the speech (1-based, or `mean`); a recording without an entry must be mono.
    """

    def __init__(self, path):
        self.path = Path(path)

    def __repr__(self):
        return f"DataDir({str(self.path)!r})"

    def has(self, table):
        """Whether the directory holds that table."""
        return (self.path / table).is_file()

    def read(self, table, optional=False):
        """Read a table. `optional` gives {} for an absent one; otherwise a missing or malformed file is InputError."""
        if optional and not self.has(table):
            return {}
        return read_table(self.path / table, empty_ok=table in TEXT_TABLES)

    def write(self, table, values):
        """Write a table whole, sorted; see `write_table`."""
        write_table(self.path / table, values)

    def tables(self):
        """Names of the known tables that the directory holds."""
        return [table for table in KNOWN_TABLES if self.has(table)]

    def utterances(self):
        """The utterance ids, in order: the keys of utt2spk. Raises InputError where the directory has none."""
        ids = list(self.read("utt2spk"))
        if not ids:
            raise InputError(f"{self.path}/utt2spk: no utterances")
        return ids

    def labels(self, optional=False):
        """Utterance → class of those that have one: the one rule of what is unlabelled.

        An utterance that utt2emo does not name, or calls `unknown`, has no label. It stays in the data, is counted and
        may be trained on as far as no label is needed; it is never scored, nor used to fit or choose a probe. For
        `optional` see `read`.
        """
        return {key: label for key, label in self.read("utt2emo", optional).items() if label != UNLABELLED}

    def unlabelled(self):
        """The utterances without a label (see `labels`), in order."""
        labels = self.labels(optional=True)
        return [utterance for utterance in self.utterances() if utterance not in labels]

    def segments(self):
        """Utterance → (recording, start in s, end in s). Raises InputError for a malformed line."""
        parsed = {}
        for number, (utterance, value) in enumerate(self.read("segments").items(), 1):
            try:
                recording, start, end = value.split()
                parsed[utterance] = (recording, float(start), float(end))
            except ValueError:
                raise InputError(
                    f"{self.path}/segments:{number}: {utterance}: expected `utterance recording start end`"
                ) from None
        return parsed

    def write_speakers(self, utt2spk):
        """Write utt2spk and the spk2utt that follows from it."""
        self.write("utt2spk", utt2spk)
        self.write("spk2utt", invert(utt2spk))


def invert(utt2spk):
    """utt2spk → spk2utt: speaker → utterances in byte order, joined by blanks."""
    spk2utt = {}
    for utterance in sorted(utt2spk, key=str.encode):
        spk2utt.setdefault(utt2spk[utterance], []).append(utterance)
    return {speaker: " ".join(utterances) for speaker, utterances in spk2utt.items()}
