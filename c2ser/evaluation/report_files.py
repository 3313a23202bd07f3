"""A report as Markdown, for a repository, and as a page that needs no other file and no network."""

import base64
import os
import re
from pathlib import Path
from urllib.parse import quote

from c2ser.evaluation import report as content
from c2ser.evaluation.results import markdown_table, markdown_text


def render_markdown(report, folder):
    """The report as Markdown; pictures and configurations are linked relative to `folder`, where it will lie.

    No recordings, transcripts or rationales are in it. What differs from run to run stands under its last heading of
    the second level, `report.CHANGING`.
    """
    lines = [f"# {markdown_text(report.title)}", ""]
    for section in report.sections:
        lines += _section(section, folder)
    lines += ["## How it was made", "", "```", report.command, "```", ""]
    lines += [f"- {name}: {markdown_text(value)}" for name, value in report.facts]
    if report.configs:
        links = [f"[{_relative(path, folder)}]({_link(path, folder)})" for path in report.configs]
        lines.append(f"- Configuration: {', '.join(links)}")
    lines += ["", f"## {content.CHANGING}", "", f"- Date: {report.date}", ""]
    for section in report.changing:
        lines += _section(section, folder, "###")
    return "\n".join(lines).rstrip("\n") + "\n"


def render_html(report, folder):
    """The report as one HTML page: pictures, recordings and configurations are inside it."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    jinja = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    jinja.filters["inline"] = lambda data: base64.b64encode(data).decode("ascii")
    jinja.filters["read"] = Path.read_bytes
    jinja.filters["anchor"] = _anchor
    jinja.filters["unbroken"] = _unbroken
    configs = {_relative(path, folder): path.read_text(encoding="utf-8", errors="replace") for path in report.configs}
    page = jinja.get_template("report_template.html")
    return page.render(report=report, configs=configs, content=content) + "\n"


def _section(section, folder, mark="##"):
    lines = [f"{mark} {markdown_text(section.heading)}", ""]
    if section.rows:
        lines += [markdown_table(section.rows), ""]
    for figure in section.figures:
        words = figure.words.replace("[", "(").replace("]", ")")
        if figure.caption != section.heading:
            lines += [f"{markdown_text(figure.caption)}:", ""]
        lines += [f"![{words}]({_link(figure.path, folder)})", ""]
    if section.remark:
        lines += [section.remark, ""]
    if section.notes:
        lines += [*(f"- {markdown_text(note)}" for note in section.notes), ""]
    return lines


def _anchor(heading):
    """A heading as the id of its section."""
    return "-".join("".join(sign if sign.isalnum() else " " for sign in heading.lower()).split())


def _unbroken(cell):
    """A cell as HTML whose lines break neither before a per cent sign nor within an interval, but within a path."""
    from markupsafe import Markup

    whole = re.sub(r" (?=%)|(?<=,) (?=[^\[\]]*\])", "\N{NO-BREAK SPACE}", cell)
    return Markup("/<wbr>").join(whole.split("/"))


def _relative(path, folder):
    return Path(os.path.relpath(path, folder)).as_posix()


def _link(path, folder):
    return quote(_relative(path, folder))
