"""run.py says how far jobs are, by what tqdm and the trainer have written to their logs."""

import io

import pytest
from tqdm import tqdm

from c2ser.recipe.jobs import parse
from c2ser.recipe.progress import Progress, count_in, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def request_of(tmp_path):
    return lambda jobs: parse([f"JOB=1:{jobs}", str(tmp_path / "dump.JOB.log"), "true"])


def bar(path, done, total, **options):
    """A log with a bar that tqdm itself has drawn."""
    with open(path, "w") as stream:
        print("# command\nLoading weights: 100%|##| 272/272 [00:00<00:00, 9.9it/s]", file=stream)
        with tqdm(total=total, file=stream, unit="utt", **options) as progress:
            progress.update(done)
            progress.refresh()


@pytest.mark.parametrize("options", [{}, {"ascii": True, "ncols": 40}, {"initial": 3}, {"desc": "audio"}])
def test_a_bar_of_tqdm_is_read(tmp_path, options):
    bar(tmp_path / "log", 7, 400, **options)
    assert count_in(tmp_path / "log") == (7 + options.get("initial", 0), 400)


def test_a_count_of_updates_is_read(tmp_path):
    (tmp_path / "log").write_text("12/30 updates\n" + "x" * 5000 + "\n(trainer:1) INFO: 120/400 updates\n1epoch:train:\n")
    assert count_in(tmp_path / "log") == (120, 400)


@pytest.mark.parametrize("text", ["", "no count", "12/30 files", "5/0 updates", "31/30 updates"])
def test_what_is_no_count_is_none(tmp_path, text):
    (tmp_path / "log").write_text(text)
    assert count_in(tmp_path / "log") is None and count_in(tmp_path / "absent") is None


def test_elsewhere_a_line_a_minute(tmp_path, request_of):
    """Two of four jobs run: 20 of 100 after the first minute, 60 after the second: 140 of 200 are left at 40 a minute."""
    stream, now = io.StringIO(), [0.0]
    progress = Progress(request_of(4), stream, lambda: now[0])
    for now[0], done in ((30, 5), (60, 10), (90, 20), (120, 30)):
        for job in (1, 2):
            bar(tmp_path / f"dump.{job}.log", done, 50)
        progress.show([1, 2], [])
    for now[0] in (150, 180):
        progress.show([3, 4], [1, 2])
    progress.close()
    assert stream.getvalue().splitlines() == [
        "  dump: 20 of 200 (10 %), 0 of 4 jobs done, 1:00 so far",
        "  dump: 60 of 200 (30 %), 0 of 4 jobs done, 3:30 left",
        "  dump: 100 of 200 (50 %), 2 of 4 jobs done, 2:30 left",
    ]


def test_on_a_terminal_one_line_renews_itself(tmp_path, request_of, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    stream, now = Terminal(), [0.0]
    progress = Progress(request_of(1), stream, lambda: now[0])
    progress.close()
    assert stream.getvalue() == ""
    for now[0] in (0.5, 1.5, 2.0, 3.0):
        progress.show([1], [])
    progress.close()
    assert stream.getvalue() == "\r\033[K  dump: 0:02 so far\r\033[K  dump: 0:03 so far\r\033[K"
    bar(tmp_path / "dump.1.log", 1000, 400000)
    now[0] = 5.0
    progress.show([1], [])
    assert len(stream.getvalue().rpartition("\033[K")[2]) == 29


def test_durations():
    assert [duration(seconds) for seconds in (0, 7.4, 750, 11100)] == ["0:00", "0:07", "12:30", "3:05:00"]
