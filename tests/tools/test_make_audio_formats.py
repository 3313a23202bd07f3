"""docs/audio_formats.md says what is read of every format; its facts are made again here, from shorter sounds."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def load():
    """tools/make_audio_formats.py as a module; the tools are no package."""
    spec = importlib.util.spec_from_file_location("make_audio_formats", ROOT / "tools/make_audio_formats.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = load()
ROWS = {row.name: row for row in TOOL.rows()}


def page_cells():
    """Name → column → cell, as the page has them."""
    lines = [line.split(" | ") for line in (ROOT / "docs/audio_formats.md").read_text(encoding="utf-8").splitlines()]
    head, *found = [[cell.strip("| `") for cell in cells] for cells in lines if len(cells) == 11]
    return {cells[0]: dict(zip(head[1:], cells[1:])) for cells in found}


def test_the_page_has_every_file_and_no_silent_loss():
    cells = page_cells()
    assert list(cells) == list(ROWS) and len(ROWS) > 100
    text = (ROOT / "docs/audio_formats.md").read_text(encoding="utf-8")
    assert f"Of {len(ROWS)} files, 0 lose samples in silence. All {len(ROWS)} files were made." in text
    for name, row in cells.items():
        assert row["half"] == "refused" or "open" in row["why"].split(), name
        late = 0 if row["starts"] in ("=", "") else int(row["starts"])
        for reader in ("file", "command", "header"):
            if row[reader] != "refused":
                count = 0 if row[reader] == "=" else int(row[reader])
                assert count >= late >= 0 or "short" in row["why"].split(), (name, reader)


@pytest.mark.parametrize("name", ROWS)
def test_nothing_is_lost_in_silence(tmp_path, name):
    """1 s of sound: all three ways of reading give the same, nothing lacks, and half a file is refused where it can be."""
    row, cells = ROWS[name], page_cells()[name]
    wave = TOOL.sound(row, 1.0)
    path = TOOL.make(row, tmp_path, wave)
    if path is None:
        pytest.skip(f"this is not installed, or cannot write the file: {row.how.split()[0]}")
    result = TOOL.read(row, path, wave)
    refused = {reader for reader in ("file", "command", "header") if cells[reader] == "refused"}
    if not refused and None in (result.counts["file"], result.counts["command"]) and not shutil.which("ffmpeg"):
        pytest.skip("nothing here decodes it")
    assert {reader for reader in ("file", "command", "header") if result.counts[reader] is None} == refused
    counts = {result.counts[reader] for reader in ("file", "command", "header")} - {None}
    assert len(counts) == (1 if len(refused) < 3 else 0)
    if "short" not in row.marks:
        assert result.lost() == 0
    assert result.half is None or "open" in row.marks
    if row.how.startswith("soundfile") and not row.marks:
        assert counts == {0} and result.starts == 0


def test_loss_is_seen(tmp_path):
    """The rule itself, by hand: at the beginning, at the end, and where a delay eats the end."""
    def read(starts, **counts):
        return TOOL.Read({"file": 0, "command": 0, "header": 0, "PyAV": -9, **counts}, starts, None).lost()

    assert read(0) == 0 and read(5, file=5, command=9, header=5) == 0 and read(0, command=None) == 0
    assert read(-3) == 3 and read(0, header=-4) == 4 and read(7, file=2, command=2, header=2) == 5
    heard = np.random.default_rng(1).normal(size=800)
    assert TOOL.lag(np.r_[np.zeros(37), heard], heard, 8000, 8000) == 37 and TOOL.lag(heard[20:], heard, 8000, 8000) == -20
