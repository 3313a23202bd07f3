"""What a RESULTS.md says, for a model card: its tables and the command that made them, without paths of the machine."""

import re
from dataclasses import dataclass
from pathlib import Path

from c2ser.encodings import read_text
from c2ser.errors import InputError

TABLES = ("Test sets one by one", "Recall of each class, %")
"""What is taken over besides the first section, the table of all systems."""

LEAKS, MADE = "What training has seen of the test sets", "How it was made"
PATH = re.compile(r"(?<![^\s='\"({\[,])~?/(?:\\.|[^\s'\",;)\]}|`\\])*")
"""An absolute path, with its backslashed blanks, at the beginning of a word or behind an option's equals sign."""


@dataclass(frozen=True)
class Results:
    """What a card takes over, as Markdown. title: of the report; tables: sections of scores; leaks: what training has
    seen of the test sets, or nothing; made: the command and the facts below it."""

    title: str
    tables: str
    leaks: str
    made: str


def read_results(path):
    """Read what belongs on a card out of a RESULTS.md. Raises InputError where it is absent or has no results."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; stage 13 of a recipe writes it")
    title, sections = split(read_text(path))
    first = next(iter(sections), None)
    if MADE not in sections or "|:--|" not in sections[first]:
        raise InputError(f"{path}: not what stage 13 writes: a table first, and “{MADE}”; run stage 13 again")
    tables = [f"## {name}\n\n{sections[name]}" for name in (first, *TABLES) if name in sections]
    texts = "\n\n".join(tables), sections.get(LEAKS, ""), _without_links(sections[MADE])
    return Results(title, *map(shorten_paths, texts))


def scores(markdown):
    """Yield (what the text is titled, system, column → number) of the first table of systems; intervals are left out."""
    title, sections = split(markdown)
    tables = (re.findall(r"^\| System \|.+(?:\n\|.*)+", text, re.MULTILINE) for text in sections.values())
    for lines in (table.splitlines() for found in tables for table in found[:1]):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        if "UA %" in rows[0]:
            for row in rows[2:]:
                numbers = {name: re.match(r"[\d.]+", cell) for name, cell in zip(rows[0][1:], row[1:])}
                yield title, row[0], {name: float(found[0]) for name, found in numbers.items() if found}
            return


def split(markdown):
    """Markdown → its title and section's heading → text. What stands in a fenced block is no heading."""
    title, sections, heading, fenced = "", {}, None, False
    for line in markdown.splitlines():
        fenced ^= line.startswith("```")
        if not fenced and line.startswith("# "):
            title = line[2:].strip()
        elif not fenced and line.startswith("## "):
            heading = line[3:].strip()
            sections[heading] = []
        elif heading is not None:
            sections[heading].append(line)
    return title, {name: "\n".join(lines).strip() for name, lines in sections.items()}


def shorten_paths(text):
    """Text with every absolute path cut to its last part: `/models/medium.pt` → `…/medium.pt`."""

    def last(match):
        parts = [part for part in match.group().split("/") if part not in ("", "~")]
        return f"…/{parts[-1]}" if parts else match.group()

    return PATH.sub(last, text)


def _without_links(text):
    """Links of RESULTS.md lead to files that are not packed: only their texts are kept."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
