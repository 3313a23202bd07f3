"""What commands say of hostile files: one line that names the file; nothing is run, nothing is written, memory is bounded."""

import re
from pathlib import Path

import pytest

from tests.hostile_files import CASES, MEMORY, Case, Resident, build_world, tell

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "world"
    folder.mkdir()
    build_world(folder)
    return folder


@pytest.fixture(scope="module")
def ready(world, tmp_path_factory):
    """All that the commands import is in memory before that of a command is measured."""
    import gguf  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import onnxruntime  # noqa: F401
    import transformers.models.auto.tokenization_auto  # noqa: F401

    from tests.bad_inputs import PREDICT, nothing

    told, _ = tell(Case("none", "none", nothing, PREDICT, "", 0), world, tmp_path_factory.mktemp("ready") / "here")
    assert told.status == 0, told
    return world


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}: {case.what}" for case in CASES])
def test_a_hostile_file_is_refused(case, ready, tmp_path):
    told, taken = tell(case, ready, tmp_path / "here")
    assert re.search(case.message, " ".join(told.lines)), told
    assert told.status == case.status and not told.left, told
    assert len(told.lines) == 1 or case.command.startswith("validate-data-dir"), told
    assert taken < MEMORY, taken


def test_memory_is_measured():
    with Resident() as memory:
        bytearray(b"x" * (MEMORY << 20))
    assert memory.taken >= MEMORY


def test_the_page_lists_every_case():
    page = (ROOT / "docs/hostile_files.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| `(.*)` \| (\d+) \|$", page, re.M)
    assert [name for name, _, _ in rows] == [f"{case.kind}: {case.what}" for case in CASES] and len(rows) >= 25
    for case, (_, message, status) in zip(CASES, rows):
        assert re.search(case.message, message.replace("\\|", "|")) and int(status) == case.status, case
