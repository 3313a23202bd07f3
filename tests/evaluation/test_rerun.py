"""What is run again from the same seed gives the same RESULTS.md, but for its last part."""

import re
from pathlib import Path

import pytest

from c2ser.bin import report, score
from c2ser.evaluation import report as contents
from c2ser.evaluation.report import CHANGING
from tests.evaluation.experiment import SYSTEMS, TEXTS, report_experiment, with_speech, write_experiment


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """(RESULTS.md, report.html) of two runs of the same code, each in a folder of its own with the same paths below."""
    texts = []
    for speed in (1.0, 1.7):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path_factory.mktemp("run"))
            patch.setattr(contents, "git_revision", lambda: "abc123")
            write_experiment(Path("."), speed=speed)
            texts.append(report_experiment(Path("."), *with_speech(Path("."))))
    return texts


def lasting(text):
    """RESULTS.md down to the heading of what differs from run to run."""
    assert text.count(f"\n## {CHANGING}\n") == 1
    return text.partition(f"\n## {CHANGING}\n")[0]


def test_two_runs_differ_in_date_speed_and_memory_alone(twice):
    (first, page), (second, other_page) = twice
    assert lasting(first) == lasting(second) and first != second
    assert "\n## " not in first.partition(f"\n## {CHANGING}\n")[2]  # it is the last part
    changed = [pair for pair in zip(first.splitlines(), second.splitlines()) if pair[0] != pair[1]]
    assert 2 <= len(changed) <= 3  # two decodings, and the date where a minute has passed
    for line, _ in changed:
        assert line.startswith(("- Date: ", "| C2SER")), line
    lasting_pages = [re.sub(r"[\d-]+ [\d:]+ UTC", "", text.partition('<section id="speed-and-memory"')[0])
                     for text in (page, other_page)]  # fmt: skip
    assert lasting_pages[0] == lasting_pages[1]  # pictures and recordings are in it


def test_another_seed_of_the_bootstrap_gives_other_intervals(tmp_path, monkeypatch):
    """So that the test above compares something: intervals over utterances come from draws."""
    monkeypatch.chdir(tmp_path)
    write_experiment(Path("."))
    texts = []
    for seed in (0, 0, 1):
        score.main(["--data_dir", "data/fold1/test", "data/fold2/test", "--decode_dir", "exp/t/fold1/probe_whisper",
                    "exp/t/fold2/probe_whisper", "--seed", str(seed), "--draws", "100", "--unit", "utterance", "--out", "a.json"])  # fmt: skip
        report.main(["--exp_dir", ".", "--title", "t", "--command", "c", "--scores", "a=a.json"])
        texts.append(lasting(Path("RESULTS.md").read_text(encoding="utf-8")))
    assert texts[0] == texts[1] != texts[2]


def test_results_never_hold_what_was_said(twice):
    for text, page in twice:
        assert "## Hardest errors" in text and "data:" not in text and "<audio" not in text
        assert not any(said in text for said in (*TEXTS.values(), "The speaker talks"))
        assert page.count("<audio") == 8 and "The speaker talks" in page and "Publish it only where" in page


def test_a_page_holds_speech_only_where_it_is_asked_for(tmp_path):
    write_experiment(tmp_path)
    _, page = report_experiment(tmp_path)
    assert "Hardest errors" in page and "<audio" not in page and "audio/mpeg" not in page
    assert not any(said in page for said in (*TEXTS.values(), "The speaker talks", "Publish it only where"))
    _, page = report_experiment(tmp_path, "--hardest_count", "3", "--audio_scp", f"{tmp_path}/dump/wav.scp")
    assert page.count("<audio") == 3 and "The speaker talks" not in page and "Publish it only where" in page
    assert f"posteriors of {next(iter(SYSTEMS))}" in page
