"""What RESULTS.md and report.html of an experiment show, collected from score files and pictures.

`report_files` writes it down. All of it but the last part, `Report.changing`, depends on code, data, configuration and
seed alone: whoever runs the same again gets the same.
"""

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from c2ser.errors import InputError
from c2ser.evaluation import results
from c2ser.evaluation.environment import environment, git_revision
from c2ser.evaluation.groups import GROUPINGS
from c2ser.evaluation.hardest import MAX_SECONDS, hardest_rows
from c2ser.evaluation.soft import soft_rows
from c2ser.evaluation.stability_tables import COSTS

PNG = b"\x89PNG\r\n\x1a\n"
INTERVALS = (
    "Square brackets hold 95 % intervals: Student's t around the jackknife over speakers or, where “Further scores” names "
    "utterances, a bootstrap over these; Student's t over the test sets for their mean. An invalid answer (no label, or "
    "several) counts as wrong. UA is the mean recall, macro-F1 the mean F1, over the classes of the test set."
)
ORDER = (
    "Systems stand in falling order of UA. The order of systems whose intervals overlap may be chance: only paired tests "
    "(c2ser compare) tell them apart."
)
GROUPS = "Each {0} is scored over the classes that it has, with intervals of its own; an answer of another class is wrong."
AMONG = "The last column is for the class with the highest posterior among those that the {0} has."
RESTRICTED = (
    "What systems with further classes reach when they are told which ones the test set has: the class with the highest "
    "posterior among these. Not comparable with the leaderboard."
)
VOTES = (
    "Any vote: answers that some annotator gave. Vote share: of annotators that agree. Cross-entropy and KL divergence in "
    "nats, Jensen–Shannon divergence in bits, between votes and posteriors. c2ser/evaluation/soft.py has the formulas."
)
MATRICES = "Rows are the true classes, columns the answers; colours show shares of a row."
RELIABILITY = (
    "For systems with posteriors: how often answers are right (bars, dots) by how sure the system is. On the dashed line "
    "the two agree; bars below it are overconfident. ECE is the mean distance. Below: how many answers are that sure."
)
HARDEST_REMARK = "The wrong classes with the highest posteriors of {0}, in falling order."
LEADERBOARD, HARDEST = "Leaderboard", "Hardest errors"
CHANGING = "Date, speed and memory"


@dataclass(frozen=True)
class Figure:
    """A picture's path, its caption, and what it shows in words, for who cannot see it."""

    caption: str
    path: Path
    words: str


@dataclass(frozen=True)
class Section:
    """A heading with a table (rows of strings, the header first), pictures, a list of notes and a remark."""

    heading: str
    rows: tuple = ()
    figures: tuple = ()
    notes: tuple = ()
    remark: str = ""


@dataclass(frozen=True)
class Report:
    """What both files show. `facts` are (name, value) pairs, `configs` and pictures are paths of existing files.

    `chart` is what `results.chart` gives, for the page's leaderboard. `errors` are `HardError`s: what was said in them
    is for the page alone. `date` and `changing` (sections) are what differs from run to run.
    """

    title: str
    facts: list
    command: str
    configs: list
    sections: list
    chart: list
    errors: list
    date: str
    changing: list

    @property
    def shows_speech(self):
        """Whether errors come with recordings, transcripts or rationales, which licences may forbid to publish."""
        return any(error.clip or error.transcript or error.rationale for error in self.errors)


def build(
    title, command, score_files, configs=(), notes=(), pictures=None, tables=None, leaks=(), errors=(), errors_of=""
):
    """Collect a report.

    Args:
        title, command: of the experiment; the command is what reproduces it.
        score_files: row name → path of a score file, whose pictures lie beside it.
        configs: paths of the configuration files that it used.
        notes: remarks shown under the results.
        pictures: heading → path of a picture; `Heading: caption` puts several under one heading.
        tables: heading → rows of strings, the header first, shown after those of the scores.
        leaks: what training may have seen of the test sets, one statement each.
        errors: `HardError`s to show, with what is to be shown of them; errors_of: name of the system that made them.
    Raises:
        InputError: where there are no scores, or a file is absent or not what it should be.
    """
    if not score_files:
        raise InputError("no score files: give at least one --scores name=path")
    scores = results.ranked({name: results.read_score(path) for name, path in score_files.items()})
    for config in configs:
        if not Path(config).is_file():
            raise InputError(f"--config {config}: no such file")
    tables = {heading: tuple(map(tuple, rows)) for heading, rows in (tables or {}).items()}
    costs = tables.pop(COSTS, ())
    voted = {name: score for name, score in scores.items() if score.get("soft")}
    remark = f"{INTERVALS} {ORDER}" if len(scores) > 1 else INTERVALS
    sections = [
        Section(LEADERBOARD, tuple(results.score_rows(scores)), notes=tuple(notes), remark=remark),
        Section("What training has seen of the test sets", notes=tuple(leaks)),
        *_groups(scores),
        Section("Among the classes of the test set", tuple(results.restricted_rows(scores)), remark=RESTRICTED),
        Section("Against annotators' votes", tuple(soft_rows(voted)), remark=VOTES),
        Section("Test sets one by one", tuple(results.fold_rows(scores))),
        Section("Recall of each class, %", tuple(results.recall_rows(scores))),
        Section("Further scores", tuple(results.detail_rows(scores))),
        *(Section(heading, rows) for heading, rows in tables.items()),
        Section("Confusion matrices", figures=_confusion_figures(scores, score_files), remark=MATRICES),
        Section("Reliability", figures=_reliability_figures(scores, score_files), remark=RELIABILITY),
        *_pictures(pictures or {}),
        Section(HARDEST, tuple(hardest_rows(errors)), remark=HARDEST_REMARK.format(errors_of)),
    ]
    changing = [Section("Speed and memory", tuple(results.cost_rows(scores)))]
    if len(costs) > 3:  # more than the two modes, which are in the table above
        changing.append(Section(COSTS, costs))
    date = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
    facts = [("Revision", git_revision()), *environment()]
    return Report(
        title, facts, command, [Path(config) for config in configs], _filled(sections), results.chart(scores),
        list(errors), date, _filled(changing),
    )  # fmt: skip


def _groups(scores):
    """Sections of corpora and languages; without content where there is only one."""
    for name in GROUPINGS:
        yield Section(f"UA % of each {name}", tuple(results.group_matrix(scores, name)), remark=GROUPS.format(name))
        yield Section(f"Each {name} in full", tuple(results.group_rows(scores, name)), remark=AMONG.format(name))


def _filled(sections):
    """The sections that hold something beside a remark."""
    return [section for section in sections if section.rows or section.figures or section.notes]


def _confusion_figures(scores, score_files):
    figures = []
    for name, score in scores.items():
        found = {label: entry for label, entry in score["per_class"].items() if entry["n"]}
        recalls = ", ".join(f"{label} {100 * entry['recall']:.0f} %" for label, entry in found.items())
        path = _checked(Path(score_files[name]).with_suffix(".png"))
        figures.append(Figure(name, path, f"Confusion matrix of {name}; right of each class: {recalls}"))
    return tuple(figures)


def _reliability_figures(scores, score_files):
    """One figure for each diagram; systems that share their posteriors and answers share it."""
    diagrams = []
    for name, score in scores.items():
        bins = score.get("reliability")  # score files of earlier versions have none
        if not bins:
            continue
        same = [names for other, names in diagrams if other == bins]
        if same:
            same[0].append(name)
        else:
            diagrams.append((bins, [name]))
    figures = []
    for _, names in diagrams:
        path = _checked(Path(score_files[names[0]]).with_suffix(".reliability.png"))
        ece = 100 * scores[names[0]]["ece"]
        caption = ", ".join(names)
        figures.append(Figure(caption, path, f"Reliability diagram of {caption}: ECE {ece:.1f} %"))
    return tuple(figures)


def _pictures(pictures):
    """Sections of further pictures."""
    headings = {}
    for name, path in pictures.items():
        heading, _, caption = name.partition(": ")
        headings.setdefault(heading, []).append(Figure(caption or heading, _checked(Path(path)), name))
    return [Section(heading, figures=tuple(figures)) for heading, figures in headings.items()]


def _checked(path):
    if not path.is_file():
        raise InputError(f"{path}: no such picture; make it again")
    if path.read_bytes()[: len(PNG)] != PNG:
        raise InputError(f"{path}: not a PNG; make it again")
    return path


def clip_length(error):
    """How long an error's recording is, in words: "2.1 s", or "the first 8 s of 12.3 s"."""
    whole = f"{error.seconds:.1f} s"
    return whole if error.seconds <= MAX_SECONDS else f"the first {MAX_SECONDS:.0f} s of {whole}"
