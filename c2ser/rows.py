"""Answers as rows, written one by one as they are made: a table to read, JSON lines, CSV or TSV."""

import csv
import json
import unicodedata

FORMATS = ("table", "json", "csv", "tsv")
"""table: columns, a rationale below its row; json: one object a line; csv, tsv: a head, then a line a row."""


def row_writer(form, labels, names, more, stream):
    """A function that writes one answer to a text stream and flushes it; a head is written at once.

    form: one of `FORMATS`; labels: the classes, in the order of their columns; names: of all that will be answered, for
    the width of a table's first column; more: what an answer has beside "audio", "label" and "posterior" (class →
    probability), which a table leaves out. The function takes an answer, a dict of these, and the rationale, which a table
    alone shows.
    """
    if form == "json":
        return lambda answer, rationale="": print(json.dumps(answer, ensure_ascii=False), file=stream, flush=True)
    if form != "table":
        dialect = {"csv": "excel", "tsv": "excel-tab"}[form]
        return _separated(csv.writer(stream, dialect, lineterminator="\n"), labels, more, stream)
    widths = [max(map(width, (*names, "audio"))), max(map(width, (*labels, "label")))]
    widths += [max(width(label), 5) for label in labels]

    def line(*cells):
        filled = [cell + " " * (room - width(cell)) for cell, room in zip(cells, widths)]
        print("  ".join(filled).rstrip(), file=stream, flush=True)

    def add(answer, rationale=""):
        line(answer["audio"], answer["label"], *(f"{answer['posterior'][label]:.3f}" for label in labels))
        if rationale:
            print(f"    {rationale}", file=stream, flush=True)

    line("audio", "label", *labels)
    return add


def _separated(writer, labels, more, stream):
    def add(answer, rationale=""):
        writer.writerow([*(answer[name] for name in fields), *(answer["posterior"][label] for label in labels)])
        stream.flush()

    fields = ["audio", "label", *more]
    writer.writerow([*fields, *(f"p_{label}" for label in labels)])
    return add


def width(text):
    """Columns that a terminal needs for a text: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
