import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from c2ser.bin import report, score
from c2ser.datadir import write_table
from c2ser.errors import InputError
from c2ser.evaluation import environment


class Page(HTMLParser):
    """Collects the texts of table cells, the pictures, what else a page refers to, and its viewport."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.sources, self.links, self.ids, self.viewport, self._in_cell = [], [], [], [], None, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "wbr":  # a place where a line may break, within a cell
            return
        self._in_cell = tag in ("td", "th")
        self.cells += [""] if self._in_cell else []
        self.sources += [attributes["src"]] if "src" in attributes else []
        self.links += [attributes["href"]] if "href" in attributes else []
        self.ids += [attributes["id"]] if "id" in attributes else []
        if attributes.get("name") == "viewport":
            self.viewport = attributes["content"]

    def handle_endtag(self, tag):
        self._in_cell = False

    def handle_data(self, data):
        if self._in_cell:
            self.cells[-1] += data.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture
def experiment(folds, tmp_path):
    """An experiment directory with the scores of two tables over three folds, and a configuration beside it."""
    for table in ("utt2pred", "utt2scored"):
        data, decode = ([str(path) for path in paths] for paths in folds)
        out = str(tmp_path / f"exp/score_{table}.json")
        score.main(["--data_dir", *data, "--decode_dir", *decode, "--pred", table, "--draws", "60", "--out", out])
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/my train.yaml").write_text("max_epoch: 1\n", encoding="utf-8")
    return tmp_path / "exp"


def options(experiment, *more):
    scores = [f"--scores={name}={experiment}/score_{table}.json" for name, table in
              (("implicit (text)", "utt2pred"), ("implicit <scoring>", "utt2scored"))]  # fmt: skip
    return ["--exp_dir", str(experiment), "--title", "Tiny", "--command", "./run.sh --folds '1 2 3'", *scores, *more]


def written(experiment):
    return [(experiment / name).read_text(encoding="utf-8") for name in ("RESULTS.md", "report.html")]


def test_results_hold_what_was_asked(experiment):
    config, curves = experiment.parent / "conf/my train.yaml", experiment / "score_utt2pred.png"
    report.main(options(experiment, "--config", str(config), "--note", "One.", "--note", "Two",
                        "--leak", "No speaker is in training.", "--picture", f"Curves: loss={curves}"))  # fmt: skip
    text, _ = written(experiment)
    assert text.startswith("# Tiny\n")
    assert "| implicit (text) | 50.0 [50.0, 50.0] | 50.0 [" in text  # three equal speakers: nothing varies
    assert "| implicit \\<scoring> | 83.3 [83.3, 83.3] |" in text
    assert "| System | UA % | WA % | macro-F1 % | n | invalid |" in text and "] | 18 | 3 |\n" in text
    assert re.search(r"\| Chance \(1 of 3 classes\) \| 33.3 \|.* 18 \| 0 \|\n\| Always angry \| 33.3 \|", text)
    assert re.search(r"\| implicit \(text\) \| mean of 3 \| 50.0 \[.* \| 18 \| 3 \|\n", text)
    assert "| implicit \\<scoring> | 50.0 | 100.0 | 100.0 |" in text  # recall of each class
    assert text.index("| implicit \\<scoring> | 83") < text.index("| implicit (text) | 50")  # the higher UA first
    assert "| implicit \\<scoring>, implicit (text) | implicit | 18 | 4 | 1 |" in text
    right = "angry 50 %, fearful 50 %, neutral 50 %"
    assert f"![Confusion matrix of implicit (text); right of each class: {right}](score_utt2pred.png)" in text
    assert "![Reliability diagram of implicit <scoring>: ECE 3.3 %](score_utt2scored.reliability.png)" in text
    assert "## Curves\n\nloss:\n\n![Curves: loss](score_utt2pred.png)" in text
    assert "[../conf/my train.yaml](../conf/my%20train.yaml)" in text
    assert "```\n./run.sh --folds '1 2 3'\n```" in text
    assert "- One.\n- Two\n" in text
    assert "## What training has seen of the test sets\n\n- No speaker is in training.\n" in text
    for name in ("Date", "Revision", "Python", "torch", "Processor", "Cores", "System"):
        assert re.search(rf"^- {name}: \S", text, re.MULTILINE), name


def test_further_classes_and_votes_get_their_tables(one_set, tmp_path):
    data, decode = one_set
    (decode / "labels").write_text("angry\nsad\nneutral\n", encoding="utf-8")  # the set has fearful, not sad
    (decode / "utt2scored").unlink()
    write_table(data / "utt2votes", {"m1_0": "angry:2 neutral:1"})
    write_table(decode / "utt2pred", {f"m1_{i}": "angry" for i in range(6)})
    score.main([str(data), str(decode), "--draws", "20", "--out", str(tmp_path / "a.json")])
    report.main(["--exp_dir", str(tmp_path), "--title", "t", "--command", "c", "--scores", f"ours={tmp_path}/a.json"])
    text = written(tmp_path)[0]
    assert re.search(r"## Among the classes of the test set\n\n\| System .*\n.*\n\| ours \| .* \| 3 \| sad \|\n", text)
    assert re.search(r"## Against annotators' votes\n\n.*\n.*\n\| ours \| 1 \| 100.0 \| 66.7 \| ", text)


def test_every_link_of_results_leads_to_a_file(experiment):
    config = experiment.parent / "conf/my train.yaml"
    report.main(options(experiment, "--config", str(config)))
    links = re.findall(r"\]\(([^)]+)\)", written(experiment)[0])
    assert len(links) == 4
    for link in links:
        assert (experiment / link.replace("%20", " ")).is_file() and not Path(link).is_absolute()


def test_page_needs_no_other_file(experiment):
    config = experiment.parent / "conf/my train.yaml"
    report.main(options(experiment, "--note", "No <speaker> is in training.", "--config", str(config)))
    _, html = written(experiment)
    page = Page(html)
    assert len(page.sources) == 3 and all(source.startswith("data:image/png;base64,") for source in page.sources)
    pictures = [base64.b64decode(source.partition(",")[2]) for source in page.sources]
    assert pictures[1] == (experiment / "score_utt2pred.png").read_bytes()
    assert "http:" not in html and "https:" not in html and "@import" not in html and "url(" not in html
    inside = {f"#{name}" for name in page.ids}
    assert len(inside) == len(page.ids) and set(page.links) <= inside | {"data:,"} and len(page.links) > 8
    assert "max_epoch: 1" in html
    assert "width=device-width" in page.viewport
    assert "implicit <scoring>" in page.cells and "<scoring>" not in html
    assert "No &lt;speaker&gt; is in training." in html


def test_page_and_results_show_the_same_tables(experiment):
    report.main(options(experiment))
    text, html = written(experiment)
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert [cell.replace("\\", "") for row in rows for cell in row] == Page(html).cells


def test_regeneration_changes_the_date_at_most(experiment):
    report.main(options(experiment))
    first = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", text) for text in written(experiment)]
    report.main(options(experiment))
    assert [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", text) for text in written(experiment)] == first


def test_prints_the_table_and_logs_where_the_report_lies(experiment, capsys, caplog):
    capsys.readouterr()
    with caplog.at_level("INFO"):
        report.main(options(experiment))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("System") and lines[2].startswith("implicit <scoring>")
    assert lines[-1].startswith("Always angry") and len(lines) == 6
    assert [record.getMessage() for record in caplog.records] == [
        f"wrote {experiment / name}" for name in ("RESULTS.md", "report.html")
    ]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--scores", "absent.json"], "--scores 'absent.json': expected name=path"),
        (["--scores", "=absent.json"], "expected name=path"),
        (["--scores", "implicit (text)=x.json"], "'implicit \\(text\\)' is given twice"),
        (["--scores", "a=absent.json"], "absent.json: no such file"),
        (["--config", "absent.yaml"], "--config absent.yaml: no such file"),
        (["--picture", "loss=absent.png"], "absent.png: no such picture"),
        (["--picture", f"loss={__file__}"], "not a PNG"),
        (["--audio_scp", "wav.scp"], "--audio_scp: is for the errors of a row; name it with --hardest"),
        (["--hardest", "nobody"], "--hardest nobody: not one of the rows implicit"),
        (["--hardest", "implicit (text)", "--hardest_count", "11"], "11 hardest errors: give 1 to 10"),
        (["--hardest", "implicit (text)", "--rationales", "x"], "1 --rationales for 3 test sets of implicit"),
    ],
)
def test_refuses_and_leaves_nothing(experiment, more, message):
    with pytest.raises(InputError, match=message):
        report.main(options(experiment, *more))
    assert not (experiment / "RESULTS.md").exists() and not (experiment / "report.html").exists()


def test_a_score_without_its_picture_is_refused(experiment):
    (experiment / "score_utt2pred.png").unlink()
    with pytest.raises(InputError, match="score_utt2pred.png: no such picture"):
        report.main(options(experiment))


def test_revision_without_git_is_unknown(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert environment.git_revision() == "unknown (not a git checkout)"
    assert dict(environment.environment())["torch"]


@pytest.mark.parametrize(("changed", "revision"), [("", "abc123"), (" M c2ser/audio.py", "abc123+dirty")])
def test_revision_tells_changed_files(monkeypatch, changed, revision):
    answers = {"ls-files": "environment.py", "rev-parse": "abc123", "status": changed}
    monkeypatch.setattr(environment, "_output", lambda *command: answers[command[3]])
    assert environment.git_revision() == revision
