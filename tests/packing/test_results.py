"""What a card takes over from RESULTS.md."""

from pathlib import Path

import pytest

from c2ser.errors import InputError
from c2ser.packing.results import read_results, shorten_paths, split

ROOT = Path(__file__).resolve().parents[2]
REPORT = """# hlasy: base

## Results

| System | n |
|:--|--:|
| C2SER | 90 |

- Test speakers are new.

## What training has seen of the test sets

- Nothing; see /data/notes.

## Recall of each class, %

| System | sad |
|:--|--:|
| C2SER | 41.0 |

## Confusion matrix: C2SER

![Confusion matrix: C2SER](scores/a.png)

## How it was made

```
# a comment, no heading
./run.sh --whisper /models/a\\ b/medium.pt --folds 1\\ 2
```

- Revision: abc
- Configuration: [../../conf/small/decode.yaml](../../conf/small/decode.yaml)
"""


def test_tables_and_command_are_taken_over(tmp_path):
    (tmp_path / "RESULTS.md").write_text(REPORT, encoding="utf-8")
    results = read_results(tmp_path / "RESULTS.md")
    assert results.title == "hlasy: base"
    assert "| C2SER | 90 |" in results.tables and "Test speakers are new" in results.tables and "41.0" in results.tables
    assert results.leaks == "- Nothing; see …/notes." and "Nothing" not in results.tables
    assert "Confusion" not in results.tables and "png" not in results.tables + results.made
    assert "./run.sh --whisper …/medium.pt --folds 1\\ 2" in results.made and "# a comment" in results.made
    assert "- Configuration: ../../conf/small/decode.yaml" in results.made


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="RESULTS.md: no such file; stage 13"):
        read_results(tmp_path / "RESULTS.md")
    for text in ("# Notes\n\n## Results\n\nGood.\n", REPORT.replace("## How", "## Why"), REPORT.replace("|:--|", ""), ""):
        (tmp_path / "RESULTS.md").write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="not what stage 13 writes: a table first, and “How it was made”"):
            read_results(tmp_path / "RESULTS.md")


def test_results_that_the_project_publishes():
    """Each can stand on a model card."""
    published = sorted(ROOT.glob("egs/*/c2ser1/results/*/RESULTS.md"))
    assert published
    for path in published:
        results = read_results(path)
        assert "| C2SER implicit, label scoring |" in results.tables and "./run.sh" in results.made


def test_headings_in_code_are_none():
    title, sections = split("# T\n```\n## no\n# no\n```\n## A\nx\n```\n## no\n```\n## B\n")
    assert title == "T" and sections == {"A": "x\n```\n## no\n```", "B": ""}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--llm=/a/b\\ c/Qwen2 x", "--llm=…/Qwen2 x"),
        ("--e2v_s '/a/b/e2v_s'", "--e2v_s '…/e2v_s'"),
        ("(/home/u/x), ~/y/z", "(…/x), …/z"),
        ("| /data/test/ | 5 |", "| …/test | 5 |"),
        ("tokens / utterance, n/a, data/fold1/test, ../conf/x.yaml", None),
        ("https://example.org/a/b", None),
    ],
)
def test_absolute_paths_are_cut_to_their_ends(text, shown):
    assert shorten_paths(text) == (shown or text)
