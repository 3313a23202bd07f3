"""The benchmark of growing corpora: it measures all of a command's processes, prints and keeps its table, makes its page."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

HELD = """
import json, sys
sys.path.insert(0, "benchmarks")
import scale
hold = "import time; held = b'x' * {}; time.sleep(0.7)"
both = "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', " + repr(hold.format(60_000_000)) + "]); "
commands = {"nothing": "pass", "one": hold.format(90_000_000), "child": both + hold.format(90_000_000) + "; child.wait()",
            "busy": "import time\\nwhile time.process_time() < 0.4: pass"}
print(json.dumps({name: scale.measure([[sys.executable, "-c", code]]) for name, code in commands.items()}))
"""


def test_memory_is_that_of_all_processes_at_once_and_time_that_on_processors():
    """In an interpreter that holds nothing else: what it holds would count for its children, which begin as copies."""
    done = subprocess.run([sys.executable, "-c", HELD], cwd=ROOT, capture_output=True, text=True, check=True)
    measured = {name: tuple(map(float, one)) for name, one in json.loads(done.stdout).items()}
    (_, _, nothing), (slept, clock, one), (_, _, both), (busy, _, _) = measured.values()
    assert nothing < 40 and 85 < one - nothing < 130 and 145 < both - nothing < 220
    assert slept < 0.5 < 0.7 <= clock and 0.4 <= busy < 1


STAGES = ["1 prepare data", "1 validate", "2 split in 16", "2 dump audio", "4 texts", "9 inputs", "10 balanced by length"]


def test_small_sizes_go_through(tmp_path):
    """Stages that need no torch, at a size; one again at another, which the table keeps beside it."""
    script, out = ROOT / "benchmarks/scale.py", tmp_path / "scale.tsv"
    for sizes, stages in (["120"], STAGES), (["300"], STAGES[:1]):
        command = [sys.executable, script, "--work", tmp_path / "work", "--out", out, "--utterances", *sizes, "--stages", *stages]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == len(stages) and not (tmp_path / "work").exists()
    about, columns, *rows = out.read_text(encoding="utf-8").splitlines()
    assert about.startswith("# ") and columns.split("\t") == ["stage", "utterances", "hours", "seconds", "wall", "peak_mb"]
    fields = [row.split("\t") for row in rows]
    assert [row[0] for row in fields] == [STAGES[0], *STAGES]
    assert [row[1] for row in fields][:4] == ["120", "300", "120", "120"]
    # 0.05 s × 80^(k / 47), k = 0 … 47: a geometric series
    hours = 0.05 * (80 ** (48 / 47) - 1) / (80 ** (1 / 47) - 1) / 48 * 120 / 3600
    assert abs(float(fields[0][2]) / hours - 1) < 0.2  # 120 are two rounds and a half, of which the half is the shorter


def test_a_folder_that_is_there_is_not_used(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "benchmarks/scale.py", "--work", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and "name a folder that is not there yet" in done.stderr and tmp_path.is_dir()


def test_the_page_is_that_of_the_table(benchmark, tmp_path):
    scale = benchmark("scale")
    assert scale.page(scale.DATA) == scale.PAGE.read_text(encoding="utf-8")
    table = tmp_path / "table.tsv"
    table.write_text("# a machine\nhead\n1 validate\t1000\t0.5\t2.0\t9\t30\n1 validate\t5000\t2.5\t6.0\t9\t34\n13 score\t10\t1\t1\t1\t1\n")
    made = scale.page(table)
    assert "Not run up to the script's own sizes" in made and "a machine." in made
    assert made.splitlines()[-3:] == [
        "| 1 validate | 1,000 | 0.5 | 2.0 | 2.000 | 4.00 | 30 |  |",
        "| 1 validate | 5,000 | 2.5 | 6.0 | 1.200 | 2.40 | 34 | 1000 |",  # 4 MB over 4,000
        "| 13 score | 10 | 1 | 1 | 100.000 | 1.00 | 1 |  |",
    ]
