"""What `c2ser` says of its commands."""

import subprocess
import sys
from pathlib import Path

import pytest

from c2ser import cli

ROOT = Path(__file__).resolve().parents[1]


def test_every_command_has_a_line_under_what_it_serves():
    lines = cli.overview(100).splitlines()
    titles = [line for line in lines if line and not line.startswith(" ")]
    assert titles == [f"{title}:" for title in (*cli.GROUPS, "further")][: len(titles)]
    rows = [line.split(maxsplit=1) for line in lines if line.startswith("  ")]
    assert sorted(name for name, _ in rows) == cli.commands()
    assert all(len(purpose.split()) > 3 for _, purpose in rows) and max(map(len, lines)) <= 100
    assert lines[lines.index("encoder:") - 2].split()[0] == "export-data"
    assert "  score                     Score predictions on one test set, or on several pooled" in lines


def test_groups_name_commands_that_there_are():
    named = [name for names in cli.GROUPS.values() for name in names.split()]
    assert len(named) == len(set(named)) and set(named) <= set(cli.commands())


def test_the_list_imports_no_command():
    """And so neither torch nor numpy: it is there at once."""
    code = "import sys; from c2ser import cli; cli.overview(); print(sorted({'torch', 'numpy', 'yaml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_unknown_command_is_refused():
    done = subprocess.run([sys.executable, "-c", "from c2ser import cli; cli.main()", "recite"], cwd=ROOT,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 2 and "unknown command 'recite'; c2ser --help lists them" in done.stderr


def test_a_package_that_is_not_installed_is_named():
    """In one line, whether a command wants it at once or later; a module of our own that is not there is a fault of ours."""
    code = "import sys; sys.modules[sys.argv.pop(1)] = None; from c2ser import cli; cli.main()"
    needed = "error: this needs the package espnet2, which is not installed; c2ser doctor says how to get it\n"
    for absent, command, wanted in (("espnet2", "train-c2ser", needed), ("c2ser.baselines.majority", "majority", "Traceback")):
        done = subprocess.run([sys.executable, "-c", code, absent, command, "x"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.startswith(wanted), done.stderr


def test_there_is_one_way_to_call_a_command():
    """`python3 -m c2ser COMMAND`: a module of c2ser.bin that is called by itself does nothing."""
    old = "-m c2ser" + ".bin"
    files = [path for part in ("egs", "utils", "tools", "docs", "benchmarks", "c2ser", "tests", ".ci")
             for path in (ROOT / part).rglob("*") if path.suffix in ("", ".sh", ".py", ".md", ".template")]  # fmt: skip
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in files if path.is_file()}
    called = [path for path, text in texts.items() if old in text or '"-m", "c2ser' + ".bin" in text]
    assert called == [] and len(texts) > 300
    code = [path.name for path in (ROOT / "c2ser/bin").glob("*.py") if "__main__" in path.read_text(encoding="utf-8")]
    assert code == []


@pytest.mark.parametrize("module", ["c2ser", "c2ser.cli"])
def test_it_runs_as_a_module_too(module):
    """`python -m` of either is `c2ser`; once it said nothing and was content."""
    calls = {(): (2, "usage: c2ser COMMAND"), ("majority", "--help"): (0, "usage: c2ser majority"), ("recite",): (2, "")}
    for arguments, wanted in calls.items():
        done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert (done.returncode, done.stdout[: len(wanted[1])]) == wanted, (arguments, done.stderr)
