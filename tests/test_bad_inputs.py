"""What commands say of bad input: one line that names what is wrong, a status that is not 0, and nothing half-written."""

import re
from pathlib import Path

import pytest

from tests.bad_inputs import CASES, build_world, tell

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad") / "world"
    folder.mkdir()
    build_world(folder)
    return folder


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}: {case.what}" for case in CASES])
def test_bad_input_is_told(case, world, tmp_path):
    told = tell(case, world, tmp_path / "here")
    assert re.search(case.message, " ".join(told.lines)), told
    assert told.status == case.status and not told.left, told
    several = case.command.startswith("validate-data-dir")  # which lists all that is wrong, a line each
    assert len(told.lines) == 1 or several, told


def test_the_page_lists_every_case():
    page = (ROOT / "docs/bad_inputs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| `(.*)` \| (\d+) \|$", page, re.M)
    assert [name for name, _, _ in rows] == [f"{case.kind}: {case.what}" for case in CASES] and len(rows) >= 60
    for case, (_, message, status) in zip(CASES, rows):
        assert re.search(case.message, message.replace("\\|", "|")) and int(status) == case.status, case
