"""From a copy of a corpus to data directories: headers, checks, counts, sets, files."""

from collections import Counter
from pathlib import Path

from tqdm import tqdm

from c2ser import emotions
from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE, segment_end
from c2ser.corpora import naming
from c2ser.corpora.base import Note, Reading
from c2ser.corpora.counts import SHOWN, check_counts, listing
from c2ser.corpora.headers import read_header
from c2ser.corpora.sets import SPLITS, compose
from c2ser.corpora.writing import all_or_none, write_set
from c2ser.datadir.faults import some
from c2ser.datadir.values import emotion, language
from c2ser.errors import InputError
from c2ser.transcript import spoken

SHORT_SECONDS = 0.3
"""Utterances below this are counted in the summary."""

TIME_TOLERANCE = 1.0
"""Seconds by which a file may differ from its annotated times before it is called suspicious."""


def prepare(module, root, data_dir, wanted_folds=None, allow_missing=0, dev_speakers=1):
    """Read a copy of a corpus and write its data directories under `data_dir`; returns the lines of a summary.

    module: see `c2ser.corpora.load`. Nothing is written unless everything agrees. Raises InputError for whatever the
    module, the checks or the counts find, see `check_counts` and `compose`.
    """
    corpus, reading = module.CORPUS, read_corpus(module, root)
    read_headers(corpus, reading)
    check_utterances(corpus, reading.utterances)
    missing = check_counts(corpus, reading, root, allow_missing)
    check_languages(corpus, reading.utterances, missing)
    raise_doubts(corpus, reading.utterances, allow_missing)
    sets, remarks = compose(corpus, reading.utterances, wanted_folds, dev_speakers)
    transcribed = any(utterance.text is not None for utterance in reading.utterances)
    with all_or_none(data_dir) as staging:
        for name, utterances in sets.items():
            write_set(staging / name, utterances, _notes_of(name, utterances, reading), transcribed)
    if not wanted_folds:
        stale = _stale(data_dir, sets)
        remarks += [f"{path} is left from an earlier run and belongs to other data: remove it" for path in stale]
    return summary(corpus, reading, sets, remarks, missing)


def read_corpus(module, root):
    """What the corpus module finds under `root`. Raises InputError where that is no directory, or holds not even the
    files that the module opens, and for whatever else the module raises."""
    remedy = f"set {module.CORPUS.variable()} in db.sh, or in the environment, to the folder of the corpus"
    if not Path(root).is_dir():
        raise InputError(f"{root}: no such directory; {remedy}")
    with naming(module.__file__):
        try:
            reading = module.read(root)
        except FileNotFoundError as error:
            raise InputError(f"{error.filename}: no such file, and {module.CORPUS.name} needs it; {remedy}") from None
    if not isinstance(reading, Reading):
        raise InputError(f"{module.__file__}: read() returns {type(reading).__name__}; it is to return a Reading")
    return reading


def read_headers(corpus, reading):
    """Fill in seconds and channel from the files' headers; what cannot be opened moves to `reading.missing`, as do segments
    outside their recording, while those that overrun it a little end with it (`c2ser.audio.segment_end`).

    Raises InputError for a number of channels of which the corpus does not say where the speech is.
    """
    kept, headers = [], {}
    for utterance in tqdm(reading.utterances, desc=f"{corpus.name}: headers", unit="file", mininterval=1):
        try:
            if utterance.audio not in headers:
                headers = {utterance.audio: read_header(utterance.audio)}  # segments of a recording stand together
            frames, rate, channels = headers[utterance.audio]
        except InputError as error:
            reason = str(error).removeprefix(f"{utterance.audio}: ")
            reading.missing.append(Note(utterance.audio, reason, utterance.split))
            continue
        utterance.seconds = frames / rate
        if utterance.start is not None:
            end = segment_end(utterance.start, utterance.end, frames / rate)
            if end is None:
                reason = f"{utterance.id}: {utterance.start:g}–{utterance.end:g} s, but it lasts {frames / rate:.4f} s"
                reading.missing.append(Note(utterance.audio, reason, utterance.split))
                continue
            utterance.seconds, utterance.end = end - utterance.start, end
        if channels > 1 and utterance.channel is None:
            if channels not in corpus.channels:
                raise InputError(
                    f"{utterance.audio}: {channels} channels, and {corpus.name} does not say which one carries the "
                    "speech; add it to `channels` of the corpus"
                )
            utterance.channel = corpus.channels[channels]
        kept.append(utterance)
    reading.utterances = kept


def check_utterances(corpus, utterances):
    """Raise InputError for ids, labels or paths that a data directory cannot hold."""
    seen = {}
    for utterance in utterances:
        where = f"{corpus.name}: {utterance.audio}: utterance {utterance.id}"
        other = seen.setdefault(utterance.id.lower(), utterance)
        if other is not utterance:
            raise InputError(f"{where}: its id belongs to {other.audio} too (case is not told apart)")
        ids = (utterance.id, utterance.speaker, utterance.recording_id)
        if any(part.split() != [part] for part in ids):
            raise InputError(f"{where}: an id may not be empty nor hold blanks")
        if utterance.id != utterance.speaker and not utterance.id.startswith(f"{utterance.speaker}-"):
            raise InputError(f"{where}: an id starts with its speaker and a hyphen, here {utterance.speaker}-")
        if wrong := emotion(utterance.emotion):
            raise InputError(f"{where}: {wrong}")
        if utterance.gender not in (None, "m", "f"):
            raise InputError(f"{where}: gender {utterance.gender!r}: expected m or f")
        if utterance.audio != utterance.audio.strip() or set(utterance.audio) & set("\t\r\n"):
            raise InputError(f"{where}: a path with TABs, line ends or outer blanks cannot stand in wav.scp; rename it")
        utterance.audio = str(Path(utterance.audio).absolute())
        utterance.text = None if utterance.text is None else " ".join(utterance.text.split())


def check_languages(corpus, utterances, missing=0):
    """Raise InputError for a code that is none, for speech in a language that `CORPUS.languages` does not name, and,
    unless utterances are `missing`, for a language there that nobody speaks."""
    spoken = {}
    for utterance in utterances:
        spoken.setdefault(utterance.language, []).append(utterance.id)
    for code in (*corpus.languages, *spoken):
        if wrong := language(str(code)):
            raise InputError(f"{corpus.name}: {wrong}")
    for code, names in spoken.items():
        if code not in corpus.languages:
            raise InputError(
                f"{corpus.name}: {len(names)} utterances are in {code!r}, which CORPUS.languages "
                f"({', '.join(corpus.languages)}) does not name: {some(names)}; correct one of the two"
            )
    unspoken = [code for code in corpus.languages if code not in spoken]
    if unspoken and not missing:
        raise InputError(
            f"{corpus.name}: CORPUS.languages names {', '.join(unspoken)}, but no utterance is in it; leave it out"
        )


def raise_doubts(corpus, utterances, allow_missing=0):
    """Say of each utterance what is odd about it. Of a corpus that is `transcribed`, more than `allow_missing` absent
    transcripts raise InputError."""
    untranscribed = [utterance for utterance in utterances if corpus.transcribed and utterance.text is None]
    if len(untranscribed) > allow_missing:
        notes = [Note(utterance.audio, "no transcript") for utterance in untranscribed]
        raise InputError(
            f"{corpus.name}: {len(notes)} utterances without a transcript:\n{listing(notes)}\n"
            f"Fetch the transcript files of the distribution, or go without with --allow_missing {len(notes)}."
        )
    for utterance in utterances:
        doubts = [utterance.doubt] if utterance.doubt else []
        if corpus.transcribed and utterance.text is None:
            doubts.append("no transcript was found")
        if utterance.seconds > corpus.long_seconds:
            doubts.append(f"{utterance.seconds:.1f} s long: probably cut wrongly")
        if utterance.seconds < MIN_SAMPLES / SAMPLE_RATE:
            doubts.append(f"{utterance.seconds * 1000:.4g} ms: shorter than one frame")
        if utterance.announced is not None and abs(utterance.announced - utterance.seconds) > TIME_TOLERANCE:
            doubts.append(f"{utterance.seconds:.2f} s long, but annotated as {utterance.announced:.2f} s")
        utterance.doubt = "; ".join(doubts) or None


def _notes_of(name, utterances, reading):
    """The lists that lie beside a set's tables: `all` lists everything, an official split what belongs to it."""
    chosen = {
        "excluded": [note for note in reading.excluded if name in ("all", note.split)],
        "missing": [note for note in reading.missing if name in ("all", note.split)],
        "suspicious": [Note(utterance.id, utterance.doubt) for utterance in utterances if utterance.doubt],
    }
    return list(chosen.items())


def _stale(data_dir, sets):
    """Folds and splits under `data_dir` that this run did not write."""
    written = {name.partition("/")[0] for name in sets}
    places = [*Path(data_dir).glob("fold[0-9]*"), *(Path(data_dir, split) for split in SPLITS)]
    return sorted(place for place in places if place.is_dir() and place.name not in written)


def summary(corpus, reading, sets, remarks, missing):
    """What was found, left out and written, as lines of text."""
    utterances = reading.utterances
    hours = sum(utterance.seconds for utterance in utterances) / 3600
    speakers = len({utterance.speaker for utterance in utterances})
    total = corpus.total()
    lines = [f"{corpus.title}: {len(utterances)} utterances of {speakers} speakers, {hours:.2f} h"]
    if total is None:
        lines.append("  no counts are published for this corpus: nothing was asserted")
    if missing:
        total = total or len(utterances) + missing
        lines += [f"  {missing} of {total} utterances are missing (listed in all/missing):", listing(reading.missing)]
    if reading.excluded:
        reasons = Counter(note.reason for note in reading.excluded).most_common(SHOWN)
        lines.append(f"  {len(reading.excluded)} left out by rule (listed in all/excluded):")
        lines += [f"    {count} × {reason}" for reason, count in reasons]
    lines += [f"  {remark}" for remark in _said_of_tables(utterances)]
    doubted = sum(utterance.doubt is not None for utterance in utterances)
    if doubted:
        lines.append(f"  {doubted} kept although something is odd about them (listed in all/suspicious)")
    short = sum(utterance.seconds < SHORT_SECONDS for utterance in utterances)
    if short:
        shortest = min(utterance.seconds for utterance in utterances)
        lines.append(f"  {short} are shorter than {SHORT_SECONDS} s; the shortest lasts {shortest:.3f} s")
    lines += [f"  {remark}" for remark in remarks]
    for name, members in sets.items():
        classes = Counter(utterance.emotion for utterance in members)
        counts = " ".join(f"{label} {classes[label]}" for label in sorted(classes))
        lines.append(f"  {name}: {len(members)} ({counts})")
    return lines


def _said_of_tables(utterances):
    """How many utterances have no transcript and no label, who has no gender, and what follows."""
    silent = sum(not spoken(utterance.text or "") for utterance in utterances)
    unlabelled = sum(utterance.emotion == emotions.UNLABELLED for utterance in utterances)
    remarks = []
    if silent == len(utterances):
        remarks.append("no transcripts, and no table text: rationales quote nothing, and the speaking rate is unknown")
    elif silent:
        remarks.append(f"{silent} have no transcript: their rationales quote nothing, their speaking rate is unknown")
    speakers = {utterance.speaker for utterance in utterances}
    if unknown := sorted(speakers - {utterance.speaker for utterance in utterances if utterance.gender}):
        known = f"{len(unknown)} of {len(speakers)} speakers have no gender: {some(unknown)}"
        remarks.append(f"{known}; the pitch of each is measured by the speaker's own")
    if unlabelled:
        remarks.append(f"{unlabelled} have no label (unknown): trained on without one, never scored nor probed")
    return remarks
