"""The command that prints how often answers in free text are read right, on a table that is what it says."""

import importlib.util
from pathlib import Path

FILE = Path(__file__).parents[2] / "benchmarks/parsing.py"
TABLE = """kind\tlanguage\tanswer\twanted
label\ten\tangry\tangry
label\ten\tnothing\tsad
label\tpl\tsad\tinvalid
list\ten\tEmotion:⏎sad\thappy
"""


def test_counts_by_kind_what_is_right_and_what_is_another_class(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("benchmark_parsing", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "own.tsv").write_text(TABLE, encoding="utf-8")
    module.main([str(tmp_path / "own.tsv"), "-v"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "own.tsv: 4 answers in 2 languages"
    assert printed[4:7] == ["| label | 3 | 1 | 33.3 | 1 |", "| list | 1 | 0 | 0.0 | 1 |", "| all | 4 | 1 | 25.0 | 2 |"]
    assert printed[8:] == [
        "en: 'nothing' is sad, read as invalid and invalid",
        "pl: 'sad' is invalid, read as sad and sad",
        "en: 'Emotion:\\nsad' is happy, read as sad and sad",
    ]
