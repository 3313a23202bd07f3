"""RESULTS.md and report.html of an experiment: the same content, made from score files alone."""

import base64
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

from c2ser.errors import InputError
from c2ser.evaluation import results
from c2ser.evaluation.environment import environment, git_revision

PNG = b"\x89PNG\r\n\x1a\n"
INTERVALS = (
    "Square brackets hold 95 % intervals: percentile bootstrap over the units named under “Further scores”, and "
    "Student's t over the test sets for their mean. A bootstrap over fewer than about ten speakers is too narrow; "
    "where test sets are speakers, the interval of their mean is then the safer one. An invalid answer (no label, or "
    "several) counts as wrong. UA is the mean recall, macro-F1 the mean F1, over the classes of the test set."
)


@dataclass(frozen=True)
class Section:
    """A heading with a table (rows of strings, the header first) or a picture's path, and a remark."""

    heading: str
    rows: tuple = ()
    picture: Path | None = None
    remark: str = ""


@dataclass(frozen=True)
class Report:
    """What both files show. `facts` are (name, value) pairs, `configs` and pictures are paths of existing files."""

    title: str
    facts: list
    command: str
    configs: list
    notes: list
    sections: list


def build(title, command, score_files, configs=(), notes=(), pictures=None, tables=None):
    """Collect a report.

    Args:
        title, command: of the experiment; the command is what reproduces it.
        score_files: row name → path of a score file, whose confusion matrix lies beside it.
        configs: paths of the configuration files that it used.
        notes: remarks shown under the results, such as what a model may have seen of the test sets.
        pictures: heading → path of a picture, shown after the confusion matrices.
        tables: heading → rows of strings, the header first, shown after those of the scores.
    Raises:
        InputError: where there are no scores, or a file is absent or not what it should be.
    """
    if not score_files:
        raise InputError("no score files: give at least one --scores name=path")
    scores = {name: results.read_score(path) for name, path in score_files.items()}
    own = (
        ("Results", results.score_rows(scores), INTERVALS),
        ("Test sets one by one", results.fold_rows(scores), ""),
        ("Recall of each class, %", results.recall_rows(scores), ""),
        ("Further scores", results.detail_rows(scores), ""),
        ("Cost of decoding", results.cost_rows(scores), ""),
    )
    sections = [Section(heading, tuple(rows), None, remark) for heading, rows, remark in own if rows]
    sections += [Section(heading, tuple(map(tuple, rows))) for heading, rows in (tables or {}).items()]
    shown = {f"Confusion matrix: {name}": Path(path).with_suffix(".png") for name, path in score_files.items()}
    shown |= {heading: Path(path) for heading, path in (pictures or {}).items()}
    sections += [Section(heading, picture=_check_picture(path)) for heading, path in shown.items()]
    facts = [("Date", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"), ("Revision", git_revision()), *environment()]
    for config in configs:
        if not Path(config).is_file():
            raise InputError(f"--config {config}: no such file")
    return Report(title, facts, command, [Path(config) for config in configs], list(notes), sections)


def render_markdown(report, folder):
    """The report as Markdown; pictures and configurations are linked relative to `folder`, where it will lie."""
    lines = [f"# {results.markdown_text(report.title)}", ""]
    for section in report.sections:
        lines += [f"## {results.markdown_text(section.heading)}", ""]
        if section.rows:
            lines += [results.markdown_table(section.rows), ""]
        if section.picture:
            alternative = section.heading.replace("[", "(").replace("]", ")")
            lines += [f"![{alternative}]({_link(section.picture, folder)})", ""]
        if section.remark:
            lines += [section.remark, ""]
        if section is report.sections[0] and report.notes:
            lines += [*(f"- {results.markdown_text(note)}" for note in report.notes), ""]
    lines += ["## How it was made", "", "```", report.command, "```", ""]
    lines += [f"- {name}: {results.markdown_text(value)}" for name, value in report.facts]
    if report.configs:
        links = [f"[{_relative(path, folder)}]({_link(path, folder)})" for path in report.configs]
        lines.append(f"- Configuration: {', '.join(links)}")
    return "\n".join(lines) + "\n"


def render_html(report, folder):
    """The report as one HTML page that needs no other file and no network: pictures are inside it."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    jinja = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    jinja.filters["inline"] = lambda path: base64.b64encode(path.read_bytes()).decode("ascii")
    configs = [_relative(path, folder) for path in report.configs]
    return jinja.get_template("report_template.html").render(report=report, configs=configs) + "\n"


def _check_picture(path):
    if not path.is_file():
        raise InputError(f"{path}: no such picture; make it again")
    if path.read_bytes()[: len(PNG)] != PNG:
        raise InputError(f"{path}: not a PNG; make it again")
    return path


def _relative(path, folder):
    return Path(os.path.relpath(path, folder)).as_posix()


def _link(path, folder):
    return quote(_relative(path, folder))
