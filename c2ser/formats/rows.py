"""A data directory as rows, one an utterance, and back: what every foreign format is made of and read into."""

import io
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from c2ser.audio import segment_end, select_channel, to_pcm16
from c2ser.corpora.headers import read_header
from c2ser.datadir import DataDir
from c2ser.datadir.datadir import UTTERANCE_TABLES
from c2ser.datadir.faults import some
from c2ser.datadir.values import CHECKS, MEANT_LANGUAGE
from c2ser.emotions import canonical
from c2ser.errors import InputError
from c2ser.fileio import new_folder
from c2ser.soundfiles import decode

WORDS = {
    "speaker": "utt2spk", "emotion": "utt2emo", "language": "utt2lang", "corpus": "utt2corpus", "text": "text",
    "style": "utt2style", "votes": "utt2votes", "cot_explicit": "cot_explicit", "cot_implicit": "cot_implicit",
}  # fmt: skip
NUMBERS = {"f0": "utt2f0", "loudness": "utt2loudness", "speaking_rate": "utt2rate"}
"""Key of `Row.values` → its table; the second kind are numbers: Hz, LUFS, phonemes / s."""

TABLES = {**WORDS, **NUMBERS, "gender": "spk2gender"}
AUDIO = ("wav.scp", "spk2utt", "utt2dur")
"""Tables that every format holds, or that follow from what it holds."""

PLACES = ("segments", "reco2channel")
GENDERS = {"f": "female", "m": "male", "o": "other", "u": "unknown"}
ALIASES = {
    "speaker": ("speaker_id", "spk", "spk_id"), "gender": ("sex",), "language": ("lang", "locale"),
    "emotion": ("label", "major_emotion"), "text": ("transcription", "transcript", "sentence"), "id": ("utt_id", "name"),
}  # fmt: skip
"""What others often call a column; --columns names what stands in neither."""


@dataclass
class Row:
    """One utterance. audio: a file's path or its bytes; values: key of `TABLES` → str or float; start, end: s, None for a
    whole file; channel: 1-based, "mean" or None; header: samples, Hz, channels of the file; suffix: of `audio` as bytes."""

    id: str | None
    audio: str | bytes
    values: dict = field(default_factory=dict)
    recording: str | None = None
    start: float | None = None
    end: float | None = None
    channel: int | str | None = None
    header: tuple | None = None
    suffix: str = ".wav"

    def sound(self):
        """The bytes and the suffix of a file that holds this utterance alone: those of its own file or, where it is a part
        of one, its channel and samples as 16-bit FLAC at the file's rate."""
        path = Path(self.audio)
        if self.start is None and self.channel is None:
            return path.read_bytes(), path.suffix
        samples, rate = decode(path, path)
        first, last = (0, len(samples)) if self.start is None else (round(self.start * rate), round(self.end * rate))
        stream = io.BytesIO()
        chosen = select_channel(samples[first:last], self.channel, self.audio)
        soundfile.write(stream, to_pcm16(chosen), rate, format="FLAC")
        return stream.getvalue(), ".flac"

    def record(self):
        """Where it lies and all its values as one flat dict; numbers are numbers, gender is a word."""
        gender = {"gender": GENDERS[self.values["gender"]]} if "gender" in self.values else {}
        places = {"recording": self.recording, "channel": self.channel and str(self.channel)}
        return {"id": self.id} | {key: value for key, value in places.items() if value} | self.values | gender


def read_rows(data_dir):
    """The utterances of a data directory as a list of `Row`. A segment that overruns its recording a little ends with it.

    Raises InputError for commands, archives, files that cannot be read, segments outside their recording, several channels
    and none chosen, and numbers that are none.
    """
    scp, channels = data_dir.read("wav.scp"), data_dir.read("reco2channel", optional=True)
    genders = data_dir.read("spk2gender", optional=True)
    words = {key: data_dir.read(table, optional=True) for key, table in WORDS.items()}
    numbers = {key: _numbers(data_dir, table) for key, table in NUMBERS.items()}
    headers = {recording: _header(f"{data_dir.path}/wav.scp: {recording}", entry) for recording, entry in scp.items()}
    segments = data_dir.segments() if data_dir.has("segments") else None
    rows = []
    for utterance, speaker in data_dir.read("utt2spk").items():
        recording, start, end = segments[utterance] if segments else (utterance, None, None)
        if recording not in scp:
            raise InputError(f"{data_dir.path}/wav.scp: no entry for {recording}, which utterance {utterance} needs")
        frames, rate, _ = headers[recording]
        last = segment_end(start, end, frames / rate) if segments else None
        if segments and last is None:
            where = f"{data_dir.path}/segments: {utterance}"
            raise InputError(f"{where}: {start}–{end} s lies outside its {frames / rate:.4f} s recording")
        values = {key: table[utterance] for key, table in (words | numbers).items() if utterance in table}
        values |= {"gender": genders[speaker]} if speaker in genders else {}
        channel = _channel(channels.get(recording), headers[recording][2], utterance)
        place = {"recording": recording if segments else None, "start": start, "end": last, "channel": channel}
        rows.append(Row(utterance, str(Path(scp[recording]).absolute()), values, header=headers[recording], **place))
    return rows


def _header(where, entry):
    if entry.endswith("|") or (not Path(entry).is_file() and entry.rpartition(":")[2].isdigit()):
        raise InputError(f"{where}: {entry}: only files can be handed on; export the directory that stage 1 wrote")
    try:
        return read_header(entry)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _numbers(data_dir, table):
    """A table of numbers as floats, without those that are not finite. Raises InputError for what is no number."""
    try:
        found = {utterance: float(value) for utterance, value in data_dir.read(table, optional=True).items()}
    except ValueError as error:
        raise InputError(f"{data_dir.path}/{table}: {error}; measure it again") from None
    return {utterance: value for utterance, value in found.items() if math.isfinite(value)}


def _channel(choice, channels, utterance):
    if choice == "mean" and channels > 1:
        return choice
    if channels == 1 and choice in (None, "1", "mean"):
        return None
    if choice is None or not choice.isdigit() or not 1 <= int(choice) <= channels:
        raise InputError(
            f"utterance {utterance}: {channels} channels and reco2channel says {choice}; expected 1 to {channels} or mean"
        )
    return int(choice)


def from_record(record, audio, columns, **place):
    """A `Row` of what another format calls things. record: column → value; columns: our name → theirs, where they differ."""
    known = {}
    for key in ("id", "recording", "channel", *TABLES):
        names = (columns[key],) if key in columns else (key, *ALIASES.get(key, ()))
        values = [record[name] for name in names if record.get(name) not in (None, "") and record[name] == record[name]]
        if key == "text" and not values and any(record.get(name) == "" for name in names):
            values = [""]
        if values:
            known[key] = values[0]
    place = {key: known.pop(key) for key in ("recording", "channel") if key in known} | place
    return Row(known.pop("id", None), audio, known, **place)


def write_data_dir(rows, out_dir, labels=None, channel=None):
    """Write (where, `Row`) pairs as a new data directory; sound that comes as bytes lies in its folder `audio`.

    labels: what their labels are called here, beside `c2ser.emotions.ALIASES`; channel: of files with several that name
    none. Durations are measured. Returns the number of utterances. Raises InputError, naming file and line, for sound that
    cannot be read, values that no table may hold, ids that stand twice, and a table that only some would have.
    """
    out_dir, places = Path(out_dir).absolute(), {}
    tables, recordings, known, headers = {}, {}, {}, {}
    with new_folder(out_dir) as staging:
        for where, row in rows:
            try:
                _identify(row)
                if row.id in known:
                    raise InputError(f"utterance {row.id}: its id stands at {known[row.id]} too")
                known[row.id] = where
                if isinstance(row.audio, bytes):
                    (staging / "audio").mkdir(exist_ok=True)
                    path = staging / "audio" / f"{row.id}{row.suffix}"
                    path.write_bytes(row.audio)
                    row.audio, place = str(out_dir / "audio" / path.name), path
                else:
                    place = row.audio = _path(row.audio)
                headers[row.audio] = headers.get(row.audio) or read_header(place)
                places[row.id] = _place(row, headers[row.audio], recordings, channel)
                for key, value in _values(row.values, labels or {}).items():
                    tables.setdefault(TABLES[key], {})[row.values["speaker"] if key == "gender" else row.id] = value
            except InputError as error:
                said = str(error).replace(str(staging), str(out_dir))
                raise InputError(f"{where}: {said}") from None
        if not known:
            raise InputError(f"{out_dir}: no utterances were found to import")
        _write_tables(DataDir(staging), tables, recordings, places, known)
    return len(known)


def _identify(row):
    """Give a row an id that is a file's name, too, and begins with its speaker's."""
    stem = Path(row.audio).stem if isinstance(row.audio, str) else ""
    span = "" if row.start is None else f"-{row.start * 100:07.0f}" + (f"-{row.end * 100:07.0f}" if row.end else "")
    identity = _clean(f"{stem}{span}" if row.id is None else row.id)
    speaker = _clean(row.values.get("speaker", "")) or identity
    row.values["speaker"], row.id = speaker, identity if identity.startswith(speaker) else f"{speaker}-{identity}"
    if not row.id or len(row.id.encode()) > 200:
        raise InputError(f"{row.id[:40]!r}: an id is a word of at most 200 bytes; name the column that has it with --columns id=…")


def _clean(name):
    return re.sub(r"[\s/\x00-\x1f]+", "_", str(name))


def _path(audio):
    """The absolute path of a file that wav.scp can name: what would be a command, or no line of a table, is none."""
    if audio != audio.strip() or set(audio) & set("\t\r\n\0") or audio.endswith("|"):
        raise InputError(f"{audio!r}: a path that wav.scp cannot hold; rename the file")
    return str(Path(audio).absolute())


def _place(row, header, recordings, channel):
    """Recording, start and end (s) of a row, and whether it is a whole file; fills recordings: id → (path, channel)."""
    frames, rate, channels = header
    chosen = None if channels == 1 else row.channel or channel
    if channels > 1 and not chosen:
        raise InputError(f"{row.audio}: {channels} channels; choose one with --channel 1|2|mean")
    if chosen and (wrong := CHECKS["reco2channel"][1](str(chosen))):
        raise InputError(wrong)
    start, end = row.start or 0.0, frames / rate
    if row.end is not None:
        end = segment_end(start, row.end, frames / rate)
        if end is None or not 0 <= start < end:
            raise InputError(f"{row.start}–{row.end} s lies outside {row.audio}, which lasts {frames / rate:.4f} s")
    named = row.start is not None and row.recording
    recording = _clean(named or (row.id if row.start is None else Path(row.audio).stem))
    if not named and recordings.get(recording, (row.audio, chosen)) != (row.audio, chosen):
        recording = f"{_clean(Path(row.audio).parent.name)}-{recording}" + (f"-{chosen}" if chosen else "")
    if recordings.setdefault(recording, (row.audio, chosen)) != (row.audio, chosen):
        raise InputError(f"recording {recording} is {recordings[recording][0]} above and {row.audio} here; rename one")
    return recording, start, end, recording == row.id and start == 0 and abs(end - frames / rate) < 1e-4


def _values(values, labels):
    """What the tables say of a row, checked."""
    found = {}
    for key, value in values.items():
        value = " ".join(str(value).split())
        if key == "emotion":
            value = canonical(labels.get(value, value))
        elif key == "language":
            value = MEANT_LANGUAGE.get(value.lower(), value.lower())
        elif key == "gender":
            value = {"female": "f", "male": "m"}.get(value.lower(), value.lower()[:1])
        elif key in NUMBERS and re.fullmatch("-?inf|nan", value):
            continue
        check = CHECKS.get(TABLES[key])
        if check and (wrong := check[1](value)):
            raise InputError(wrong)
        found[key] = value
    return found


def _write_tables(data, tables, recordings, places, known):
    for key, table in tables.items():
        lacking = [utterance for utterance in known if utterance not in table] if key in UTTERANCE_TABLES else []
        if key in NUMBERS.values() or key == "text":
            table.update(dict.fromkeys(lacking, "" if key == "text" else "nan"))
        elif lacking:
            raise InputError(
                f"{known[lacking[0]]}: {some(lacking)} has nothing for {key}, which others have; give all of them one, or leave "
                "the column out"
            )
    if not all(whole for *_, whole in places.values()):
        tables["segments"] = {key: f"{recording} {start:.10g} {end:.10g}" for key, (recording, start, end, _) in places.items()}
    tables["wav.scp"] = {recording: path for recording, (path, _) in recordings.items()}
    tables["utt2dur"] = {key: f"{end - start:.4f}" for key, (_, start, end, _) in places.items()}
    if chosen := {recording: channel for recording, (_, channel) in recordings.items() if channel}:
        tables["reco2channel"] = chosen
    speakers = tables.pop("utt2spk")
    for table, values in tables.items():
        data.write(table, values)
    data.write_speakers(speakers)


def not_held(data_dir, holds):
    """What of a data directory a format that holds these tables cannot hold, by name: a list of texts."""
    held = {*holds, *AUDIO}
    lost = [table for table in data_dir.tables() if table not in held]
    for table in set(NUMBERS.values()) & held:
        counts = Counter(value for value in data_dir.read(table, optional=True).values() if value.endswith("inf"))
        lost += [f"{count} × {value} of {table}" for value, count in sorted(counts.items())]
    return lost
