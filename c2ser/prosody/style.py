"""Style labels: speed, pitch, volume and other measures of an utterance as low, medium or high.

The paper cuts each measure at its mean ± 1 standard deviation and does not say over whom; here the population is an
option (`POPULATIONS`), and its statistics come from training utterances alone.
"""

import math
from dataclasses import asdict, dataclass
from statistics import median

from c2ser.datadir.values import STYLE as STATES
from c2ser.errors import InputError
from c2ser.jsonfile import write_json

MEASURES = {
    "speed": "utt2rate", "pitch": "utt2f0", "volume": "utt2loudness", "range": "utt2range",
    "intonation": "utt2intonation", "articulation": "utt2articulation", "pauses": "utt2pauses",
}  # fmt: skip
"""The style measures, in the order in which they are written and told, and the table each is cut from; the levels of
each are in `STATES`. c2ser.prosody.measures defines them."""

PAPER = ("speed", "pitch", "volume")
"""The paper's measures, which serve where none are chosen."""

LEVELS = ("low", "medium", "high")

UNKNOWN = "unknown"
"""The level of a value that could not be measured (NaN). Rationales leave that measure out."""

UNCERTAIN = "uncertain"
"""The intonation of too few voiced frames, in utt2intonation; its level is `UNKNOWN`."""

POPULATIONS = ("auto", "corpus", "language", "speaker", "gender")
"""Over whom mean and deviation are taken. auto: over the training utterances of one corpus and language, whose phonemes
are counted alike; for pitch and its range, of one gender, too, and where that is not known the pitch is taken over the
speaker's own: a level that told women from men would say nothing of how they speak. corpus: over the whole training
directory, or over a corpus where several are joined; the others: over its utterances of one language, speaker or gender."""

RELATIVE_PITCH = "pitch over the speaker's median, semitones"
"""The statistics by which `auto` cuts the pitch of who has no group with statistics."""

MIN_SPEAKER_SIZE = 3
"""Measured utterances that a speaker's median needs."""

MIN_GROUP_SIZE = 10
"""Groups with fewer measured training utterances have no statistics of their own."""


@dataclass(frozen=True)
class Moments:
    """Mean and (population) standard deviation of `count` finite values, in their unit; None where count is 0."""

    mean: float | None
    std: float | None
    count: int

    @classmethod
    def of(cls, values):
        """Moments of an iterable of floats, NaN and infinite ones left out."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return cls(None, None, 0)
        mean = math.fsum(finite) / len(finite)
        return cls(mean, math.sqrt(math.fsum((value - mean) ** 2 for value in finite) / len(finite)), len(finite))


@dataclass(frozen=True)
class StyleStatistics:
    """What one measure is cut by: moments of each group of the population, and of everybody.

    `overall` serves every group that has none of its own: one not seen in training (a test speaker with the population
    `speaker`), one of fewer than the minimum of utterances, and an utterance whose group is not known.
    """

    overall: Moments
    groups: dict[str, Moments]

    @classmethod
    def fit(cls, values, groups, min_group_size=MIN_GROUP_SIZE):
        """Statistics of training utterances.

        values: utterance → float; NaN and infinite values are left out. groups: utterance → group; an utterance that is
        not in it counts only towards `overall`.
        """
        members = {}
        for utterance, value in values.items():
            if utterance in groups:
                members.setdefault(groups[utterance], []).append(value)
        moments = {group: Moments.of(members[group]) for group in sorted(members)}
        large = {group: moment for group, moment in moments.items() if moment.count >= max(1, min_group_size)}
        return cls(Moments.of(values.values()), large)

    def level(self, value, group=None):
        """Level of a value: "low" under mean − std, "high" over mean + std, "medium" between, the borders included.

        -inf, the loudness of silence, is "low". NaN is `UNKNOWN`, and so is everything where training measured nothing.
        """
        moments = self.groups.get(group, self.overall)
        if math.isnan(value) or not moments.count:
            return UNKNOWN
        reach = moments.std + 1e-9  # rounding must not push a value off the border
        if value < moments.mean - reach:
            return "low"
        return "high" if value > moments.mean + reach else "medium"


def value_of(measure, written, trusted):
    """What a level is cut from: the float that is written of a measure, or the intonation's word.

    trusted: the value of utt2reliable; of a measure that it does not name, NaN (`UNCERTAIN`). Raises ValueError.
    """
    if measure == "intonation":
        if written not in (*STATES[measure], UNCERTAIN):
            raise ValueError(written)
        return written if measure in trusted.split() else UNCERTAIN
    return float(written) if measure in trusted.split() else math.nan


def save_statistics(path, statistics, population, **further):
    """Write {measure: StyleStatistics}, the population's name and further entries as JSON, whole or not at all."""
    document = {"population": population, "measures": {name: asdict(value) for name, value in statistics.items()}}
    write_json(path, document | further)


def relative_pitch(values, speakers):
    """Utterance → semitones over the median of its speaker's utterances; NaN where that rests on too few.

    values: utterance → F0 in Hz, or NaN; speakers: utterance → speaker.
    """
    members = {}
    for utterance, value in values.items():
        if math.isfinite(value) and value > 0:
            members.setdefault(speakers[utterance], []).append(value)
    medians = {speaker: median(found) for speaker, found in members.items() if len(found) >= MIN_SPEAKER_SIZE}
    return {
        utterance: 12 * math.log2(value / medians[speakers[utterance]])
        if math.isfinite(value) and value > 0 and speakers[utterance] in medians
        else math.nan
        for utterance, value in values.items()
    }


def population_groups(data_dir, population, measure="speed"):
    """Utterance → group of a data directory for one of `POPULATIONS`; utterances of no known group are not in it.

    measure: of `MEASURES`; `auto` takes the pitch by gender. `corpus` is utt2corpus where several corpora are joined; one corpus has no groups: everybody falls under the overall
    statistics. The gender `u` (unknown) is no group. Raises
    InputError for an unknown population, or where the table that it needs (utt2lang, utt2spk, spk2gender) is not
    there.
    """
    if population not in POPULATIONS:
        raise InputError(f"unknown population {population!r}; known are {', '.join(POPULATIONS)}")
    if population == "auto":
        return _auto_groups(data_dir, measure)
    if population == "corpus":
        return data_dir.read("utt2corpus", optional=True)
    if population == "language":
        return data_dir.read("utt2lang")
    speakers = data_dir.read("utt2spk")
    if population == "speaker":
        return speakers
    genders = {speaker: gender for speaker, gender in data_dir.read("spk2gender").items() if gender != "u"}
    return {utterance: genders[speaker] for utterance, speaker in speakers.items() if speaker in genders}


def _auto_groups(data_dir, measure):
    """Utterance → "corpus language", or "corpus language gender" for pitch and its range, of what is known; f and m are
    genders."""
    tables = [data_dir.read(name, optional=True) for name in ("utt2corpus", "utt2lang")]
    speakers, genders = data_dir.read("utt2spk"), data_dir.read("spk2gender", optional=True)
    groups = {}
    for utterance, speaker in speakers.items():
        parts = [table[utterance] for table in tables if utterance in table]
        if measure in ("pitch", "range") and genders.get(speaker) in ("f", "m"):
            parts.append(genders[speaker])
        elif measure == "pitch":
            continue
        if parts:
            groups[utterance] = " ".join(parts)
    return groups


def format_style(levels):
    """{measure: level} → the value of a utt2style line: `speed=low pitch=high volume=medium`."""
    return " ".join(f"{measure}={levels[measure]}" for measure in MEASURES if measure in levels)


def parse_style(value, where="utt2style", measures=None):
    """The value of a utt2style line → {measure: level}, in the order of `MEASURES`.

    measures: those that it must have, an iterable; None: any, but one at least. Raises InputError, naming `where`, for
    others, for a measure that is repeated or unknown, and for an unknown level.
    """
    pairs = [part.partition("=")[::2] for part in value.split()]
    levels = dict(pairs)
    wanted = set(measures or levels)
    if not pairs or len(pairs) != len(levels) or not set(levels) <= set(MEASURES) or set(levels) != wanted:
        raise InputError(f"{where}: {value!r}: expected `speed=… pitch=… volume=…`; rerun c2ser make-style")
    for measure, level in levels.items():
        if level not in (*STATES[measure], UNKNOWN):
            raise InputError(f"{where}: {measure}={level}: expected one of {', '.join((*STATES[measure], UNKNOWN))}")
    return {measure: levels[measure] for measure in MEASURES if measure in levels}
