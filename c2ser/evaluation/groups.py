"""Parts of a test set that are scored by themselves: its corpora, where several are joined, and its languages."""

from dataclasses import replace

from c2ser.datadir import DataDir

GROUPINGS = {"corpus": "utt2corpus", "language": "utt2lang"}
"""Name of a grouping → the table of a data directory that holds each utterance's group."""
UNKNOWN = "unknown"
"""The group of an utterance that its table does not speak of, where some test set has that table."""


def read_groups(data_dir, utterances):
    """Name of each grouping whose table the directory has → the group of each of `utterances`, in their order."""
    data = DataDir(data_dir)
    tables = {name: data.read(table) for name, table in GROUPINGS.items() if data.has(table)}
    return {name: [table.get(utterance, UNKNOWN) for utterance in utterances] for name, table in tables.items()}


def split(sets, grouping):
    """Split test sets by one grouping.

    Args:
        sets: `PredictedSet`s; one without the table is all `UNKNOWN`.
        grouping: a name of `GROUPINGS`.
    Returns:
        Group → the parts of sets that belong to it, sets without any left out; {} with fewer than two groups.
    """
    columns = [one.groups.get(grouping, [UNKNOWN] * len(one)) for one in sets]
    names = sorted({name for column in columns for name in column})
    if len(names) < 2:
        return {}
    parts = {name: [] for name in names}
    for one, column in zip(sets, columns):
        for name in names:
            rows = [row for row, own in enumerate(column) if own == name]
            if rows:
                parts[name].append(take(one, rows))
    return parts


def take(one, rows):
    """The utterances of a `PredictedSet` with the given numbers, in that order."""
    lists = {name: [getattr(one, name)[row] for row in rows]
             for name in ("utterances", "reference", "predicted", "speakers")}  # fmt: skip
    arrays = {name: None if getattr(one, name) is None else getattr(one, name)[rows]
              for name in ("confidence", "posteriors")}  # fmt: skip
    groups = {name: [column[row] for row in rows] for name, column in one.groups.items()}
    return replace(one, **lists, **arrays, groups=groups)
