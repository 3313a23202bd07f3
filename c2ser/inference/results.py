"""The folder that a decoding, a probe or a baseline leaves."""

from c2ser.datadir import write_table
from c2ser.fileio import atomic_write
from c2ser.jsonfile import write_json

TABLES = (
    "utt2pred", "utt2scored", "utt2constrained", "posteriors", "answers", "utt2left_out", "utt2asked", "asked_words",
)  # fmt: skip
"""utt2pred: the class or `<invalid>`; utt2scored: the most probable class, where utt2pred comes from a text;
utt2constrained: the class that generation under a grammar of the answers gave; posteriors: probabilities in the order
of `labels`; answers: what was generated; utt2left_out: the probability that lay on classes that are not asked for;
utt2asked: levels answered to questions of style, as `speed=low lively=high`; asked_words: the words answered."""


def write_results(out, labels, tables, account, excluded=None):
    """Write one system's results on a set.

    out: folder; labels: classes of the posteriors; tables: name out of `TABLES` → utterance → value, where the value of
    `posteriors` is a sequence of numbers; account: content of decode.json; excluded: utterance → why it was not judged.
    A table that an earlier run left there and this one does not make is removed.
    """
    unknown = set(tables) - set(TABLES)
    if unknown:
        raise ValueError(f"unknown tables: {', '.join(sorted(unknown))}")
    for name in TABLES:
        if name in tables:
            write_table(out / name, _rows(tables[name]) if name == "posteriors" else tables[name])
        else:
            (out / name).unlink(missing_ok=True)
    _write_lines(out / "labels", labels if "posteriors" in tables else None)
    reasons = None if excluded is None else [f"{utterance}\t{reason}" for utterance, reason in sorted(excluded.items())]
    _write_lines(out / "excluded", reasons)
    write_json(out / "decode.json", account)


def most_probable(labels, posteriors):
    """Utterance → the class of its largest probability, the first of equal ones."""
    return {utterance: labels[list(row).index(max(row))] for utterance, row in posteriors.items()}


def _rows(posteriors):
    return {utterance: " ".join(f"{value:.6g}" for value in row) for utterance, row in posteriors.items()}


def _write_lines(path, lines):
    """Write lines, or remove what an earlier run left."""
    if lines is None:
        path.unlink(missing_ok=True)
        return
    with atomic_write(path) as stream:
        stream.writelines(f"{line}\n" for line in lines)
