"""Making data directories from data directories: subset, combine, copy, split."""

import random
from itertools import chain
from pathlib import Path

from c2ser.datadir.datadir import COT_TABLES, KNOWN_TABLES, UTTERANCE_TABLES, DataDir, invert
from c2ser.datadir.faults import some
from c2ser.datadir.replace import replace_all
from c2ser.datadir.tables import read_lines
from c2ser.datadir.validate import validate
from c2ser.errors import InputError
from c2ser.fileio import atomic_folder


def subset(source, destination, *, utt_list=None, spk_list=None, first=None, per_class=None, seed=0):
    """Write a directory with some utterances of `source`, chosen in exactly one of these ways.

    utt_list, spk_list: a file with one id at the start of each line; first: so many from the top, in byte order;
    per_class: so many of each class, drawn with `seed`, each class independently of the others and utterances without
    a label (`DataDir.labels`) never. Raises InputError for an id that is not there and for more utterances than there
    are.
    """
    tables = load(source)
    utt2spk = tables["utt2spk"]
    if utt_list is not None:
        chosen = _read_list(utt_list, utt2spk, f"{source}/utt2spk")
    elif spk_list is not None:
        speakers = _read_list(spk_list, set(utt2spk.values()), f"{source}/utt2spk")
        chosen = {utterance for utterance, speaker in utt2spk.items() if speaker in speakers}
    elif first is not None:
        if not 1 <= first <= len(utt2spk):
            raise InputError(f"{source} holds {len(utt2spk)} utterances; the first {first} cannot be taken")
        chosen = set(list(utt2spk)[:first])
    elif per_class is not None:
        chosen = _draw(source, per_class, seed)
    else:
        raise InputError("say what to take: --utt_list, --spk_list, --first or --per_class")
    _write(destination, restrict(tables, chosen), source)


def combine(destination, sources):
    """Write one directory with the utterances of all `sources`.

    An utterance that two of them hold is an InputError, and so are a recording or a speaker of whom they say different
    things. Where only some have segments, the others' utterances become segments from 0 to their utt2dur; where only
    some have text, those of the others have no words. Returns the tables that were left out, because not every source
    has them: table → sources without it.
    """
    loaded = {str(source): load(source) for source in sources}
    if len(loaded) < len(sources):
        raise InputError("a directory is named twice among those to combine")
    combined, partial = join(loaded)
    _write(destination, combined, *sources)
    return partial


def join(loaded):
    """The tables of several directories, given as source → tables, made those of one.

    Returns (tables, those left out: table → sources without it); there is no spk2utt, which follows from utt2spk. What
    `combine` refuses is refused here.
    """
    if any("segments" in tables for tables in loaded.values()):
        loaded = {
            source: tables if "segments" in tables else {**tables, "segments": _whole_recordings(source, tables)}
            for source, tables in loaded.items()
        }
    if any("text" in tables for tables in loaded.values()):
        loaded = {source: {"text": dict.fromkeys(tables["utt2spk"], ""), **tables} for source, tables in loaded.items()}
    partial = {}
    for table in ("wav.scp", *UTTERANCE_TABLES, *COT_TABLES):
        without = [source for source, tables in loaded.items() if table not in tables]
        if without and len(without) < len(loaded):
            partial[table] = without
    combined = {}
    for source, tables in loaded.items():
        for table in tables:
            if table not in partial and table != "spk2utt":
                _merge(combined.setdefault(table, {}), tables[table], table, source, loaded)
    return combined, partial


def copy(source, destination, *, utt_prefix="", utt_suffix="", spk_prefix="", spk_suffix="", spk_sort=True):
    """Write a copy of a directory, with something put before or after every utterance id or speaker id.

    Recordings are renamed with their utterance where there are no segments. Raises InputError where an utterance's id
    would no longer start with its speaker's, unless `spk_sort` is false.
    """
    tables = load(source)
    utterance = {key: f"{utt_prefix}{key}{utt_suffix}" for key in tables["utt2spk"]}
    speaker = {key: f"{spk_prefix}{key}{spk_suffix}" for key in tables["utt2spk"].values()}
    if any(character.isspace() for character in utt_prefix + utt_suffix + spk_prefix + spk_suffix):
        raise InputError("ids hold no blanks: neither may a prefix or suffix")
    copied = {}
    for table, values in tables.items():
        if table in ("wav.scp", "reco2channel") and "segments" in tables:
            copied[table] = values
        elif table == "spk2gender":
            copied[table] = {speaker[key]: value for key, value in values.items()}
        elif table != "spk2utt":
            copied[table] = {utterance[key]: value for key, value in values.items()}
    copied["utt2spk"] = {utterance[key]: speaker[value] for key, value in tables["utt2spk"].items()}
    for key, value in copied["utt2spk"].items():
        if spk_sort and not key.startswith(value):
            raise InputError(
                f"{source}: utterance {key} would not start with its speaker's id {value}; "
                "give utterances and speakers the same prefix"
            )
    _write(destination, copied, source)


def split(source, parts, per_utt=False):
    """Split a directory into `parts` of about equal size: `<source>/split<parts>/1 …`, as Kaldi names them.

    Size is duration where utt2num_samples or utt2dur tell it: no part lasts longer than the mean and the longest speaker
    (utterance) together; elsewhere it is the number of utterances. A speaker is never divided, unless `per_utt`, which
    writes to `<source>/split<parts>utt/`, and keeps the order: its parts joined are the whole tables again. An earlier
    split is replaced when the new one is complete. Returns the parts' paths. Raises InputError for more parts than
    speakers (utterances).
    """
    tables = load(source)
    utterances = sorted(tables["utt2spk"])
    if per_utt:
        groups = [[utterance] for utterance in utterances]
    else:
        groups = [speaker.split() for speaker in invert(tables["utt2spk"]).values()]
    if not 1 <= parts <= len(groups):
        what = "utterances" if per_utt else "speakers; --per-utt divides speakers, too"
        raise InputError(f"{source}: cannot be split into {parts} parts: it has {len(groups)} {what}")
    target = Path(source) / f"split{parts}{'utt' if per_utt else ''}"
    with atomic_folder(target) as made:
        for number, part in enumerate(_cut(groups, parts, _lengths(tables)), 1):
            _write(made / str(number), restrict(tables, part), source)
    return [target / str(number) for number in range(1, parts + 1)]


def load(path, require=("utt2spk",), spk_sort=False):
    """All known tables of a directory: name → dict. Raises InputError unless it is valid; see `find_faults`."""
    validate(path, require=require, spk_sort=spk_sort)
    data_dir = DataDir(path)
    return {table: data_dir.read(table) for table in data_dir.tables()}


def restrict(tables, utterances):
    """The same tables with these utterances only, and the recordings and speakers that they use.

    reco2channel, spk2gender and `PARTIAL_TABLES`, which need not know everything, are absent where they would be empty.
    It takes as long as there are utterances in `utterances`, not in the tables.
    """
    utt2spk = tables["utt2spk"]
    recordings = {tables["segments"][key].split()[0] for key in utterances} if "segments" in tables else utterances
    speakers = {utt2spk[key] for key in utterances}
    wanted = {"wav.scp": recordings, "reco2channel": recordings, "spk2gender": speakers}
    restricted = {
        table: {key: values[key] for key in wanted.get(table, utterances) if key in values}
        for table, values in tables.items()
        if table != "spk2utt"
    }
    return {table: values for table, values in restricted.items() if values}


def unknown_files(path):
    """Names of files in a directory that are no table known here: operations do not carry them over."""
    path = Path(path)
    names = (entry.name for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    return sorted(set(names) - set(KNOWN_TABLES))


def _write(destination, tables, *sources):
    destination = Path(destination)
    if destination.resolve() in [Path(source).resolve() for source in sources]:
        raise InputError(f"{destination} is both source and destination; name another destination")
    replace_all(destination, {**tables, "spk2utt": invert(tables["utt2spk"])})


def _read_list(path, known, where):
    chosen = set()
    for number, line in read_lines(path):
        name = line.split()[0] if line.strip() else ""
        if name not in known:
            raise InputError(f"{path}:{number}: {name or 'a blank line'} is not in {where}; correct the list")
        chosen.add(name)
    if not chosen:
        raise InputError(f"{path}: the list is empty")
    return chosen


def _draw(source, per_class, seed):
    labels, classes = DataDir(source).labels(optional=True), {}
    if not labels:
        raise InputError(f"{source}/utt2emo: no utterance has a label; without classes choose with --first")
    for utterance in sorted(labels):
        classes.setdefault(labels[utterance], []).append(utterance)
    chosen = set()
    for label, utterances in classes.items():
        if not 1 <= per_class <= len(utterances):
            raise InputError(f"{source}: class {label} has {len(utterances)} utterances; {per_class} cannot be drawn")
        chosen.update(random.Random(f"{seed} {label}").sample(utterances, per_class))
    return chosen


def _whole_recordings(source, tables):
    if "utt2dur" not in tables:
        raise InputError(f"{source}: has neither segments, which another directory has, nor utt2dur to make them from")
    return {utterance: f"{utterance} 0 {seconds}" for utterance, seconds in tables["utt2dur"].items()}


def _merge(merged, values, table, source, sources):
    shared = [key for key in values if key in merged]
    if table in UTTERANCE_TABLES or table == "segments":
        if shared:
            raise InputError(
                f"{source}/{table}: {len(shared)} utterances are in another of {', '.join(sources)}, too: "
                f"{some(shared)}; rename them with utils/copy_data_dir.sh --utt-prefix"
            )
    for key in shared:
        if merged[key] != values[key]:
            raise InputError(
                f"{source}/{table}: {key} is {values[key]!r} here and {merged[key]!r} in another directory; "
                "correct one, or rename with utils/copy_data_dir.sh"
            )
    merged.update(values)


def _lengths(tables):
    """Utterance → how long it lasts, in samples or s; None where no table tells."""
    known = tables.get("utt2num_samples") or tables.get("utt2dur")
    return known and {utterance: float(value) for utterance, value in known.items()}


def _cut(groups, parts, lengths=None):
    """Cut a list of groups into `parts` runs, each cut where what was taken so far comes nearest to an equal share:
    of utterances, or of their `lengths`, utterance → number."""
    sizes = [sum(lengths[utterance] for utterance in group) if lengths else len(group) for group in groups]
    total, ends = sum(sizes), []
    taken = start = 0
    for number in range(1, parts):
        share = total * number / parts
        taken, start = taken + sizes[start], start + 1
        last = len(groups) - (parts - number)
        while start < last and abs(taken + sizes[start] - share) < abs(taken - share):
            taken, start = taken + sizes[start], start + 1
        ends.append(start)
    bounds = [0, *ends, len(groups)]
    return [list(chain.from_iterable(groups[first:last])) for first, last in zip(bounds, bounds[1:])]
