import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from c2ser.bin import benchmark, compare, report, score
from c2ser.errors import InputError
from c2ser.evaluation import answer_table
from c2ser.evaluation.answer_table import read_answer_table, write_answer_table
from c2ser.evaluation.results import fold_rows, markdown_table, ranked, recall_rows, score_rows
from c2ser.evaluation.scoring import score_sets

ROOT = Path(__file__).parents[2]
LIMIT = 300_000
SECTIONS = {"Leaderboard": score_rows, "Test sets one by one": fold_rows, "Recall of each class, %": recall_rows}


def check(table, out):
    """Hold what is published beside a file of answers to what the command makes of that file."""
    assert all(part.stat().st_size <= LIMIT for part in table.parent.glob(f"{table.stem}*.tsv"))
    alone = table.name == "answers.tsv"
    command = benchmark if read_answer_table(table).page else compare
    command.main(["--answers", str(table), "--out", str(out)])
    page = table.with_name("comparison.md" if alone else table.name.replace(".answers.tsv", ".md"))
    assert page.read_text(encoding="utf-8") == out.read_text(encoding="utf-8"), page
    if alone:  # what the report says of the same systems that follows from answers
        read = read_answer_table(table)
        scores = ranked({name: score_sets(sets, read.tables[name]) for name, sets in read.systems.items()})
        text = table.with_name("RESULTS.md").read_text(encoding="utf-8")
        for heading, rows in SECTIONS.items():
            found = re.search(rf"## {heading}\n\n((?:\|.*\n)+)", text)
            assert (found and found[1]) == (markdown_table(rows(scores)) + "\n" if rows(scores) else None), heading


def test_published_pages_come_from_the_answers_beside_them(tmp_path):
    published = sorted(ROOT.glob("egs/*/c2ser1/results"))
    for number, table in enumerate(path for one in published for path in sorted(one.rglob("*answers.tsv"))):
        check(table, tmp_path / f"{number}.md")


@pytest.fixture
def made(folds, tmp_path):
    """exp/tag with what stage 13 and a comparison write, over three folds and six speakers; its comparison's page."""
    data, decode = (list(map(str, paths)) for paths in folds)
    for fold in folds[0]:
        table = (fold / "utt2spk").read_text(encoding="utf-8")
        (fold / "utt2spk").write_text(re.sub(r"(\d_[135] )(\S+)", r"\1\2b", table), encoding="utf-8")
    path = folds[1][1] / "decode.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "uses_test_audio": True}), encoding="utf-8")
    exp = tmp_path / "exp/tag"
    (exp / "scores").mkdir(parents=True)
    rows = []
    for name in ("utt2pred", "utt2scored"):
        out = str(exp / f"scores/{name}.json")
        score.main(["--data_dir", *data, "--decode_dir", *decode, "--pred", name, "--out", out])
        rows += ["--scores", f"{name}={out}"]
    report.main(["--exp_dir", str(exp), "--title", "t", "--command", "c", *rows])
    published = tmp_path / "published.tsv"
    published.write_text("theirs\t57.8\tEmoBox board\n", encoding="utf-8")
    systems = ["--systems", *(f"{name}={','.join(decode)}" for name in ("free", "scored")), "--pred", "scored=utt2scored"]
    compare.main([*systems, "--reference", "free", "--data_dir", *data, "--caption", "Two | ways", "--published",
                  str(published), "--out", str(exp) + "_ways.md"])  # fmt: skip
    for fold, path in enumerate(folds[0], 1):
        (tmp_path / "joint/test/corpus").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"joint/test/corpus/fold{fold}").symlink_to(path)
    ours = f"{tmp_path}/exp/fold{{fold}}/decode_implicit_test"
    benchmark.main(["--data_dir", str(tmp_path / "joint"), "--system", "ours", ours, "joint", "utt2scored",
                    "--system", "free", ours, "none", "utt2pred", "--reference", "ours",
                    "--out", str(exp) + "_benchmark.md"])  # fmt: skip
    return exp


def test_a_page_made_from_the_table_is_the_page_made_from_the_answers(made, tmp_path):
    table, page = (made.with_name(f"tag_ways.{ending}") for ending in ("answers.tsv", "md"))
    text = page.read_text(encoding="utf-8")
    assert "Two" in text and "uses test audio" in text and "label scoring" in text and "theirs" in text
    compare.main(["--answers", str(table), "--out", str(tmp_path / "again.md")])
    assert (tmp_path / "again.md").read_text(encoding="utf-8") == text
    assert not (tmp_path / "again.answers.tsv").exists()
    lines = table.read_text(encoding="utf-8").splitlines()
    assert lines[1].split("\t") == ["set", "utterance", "speaker", "truth", "free", "scored"]
    assert lines[4].split("\t")[1:] == ["m1_2", "m1", "fearful", "<invalid>", "fearful"] and len(lines) == 2 + 18
    compare.main(["--answers", str(table), "--out", str(tmp_path / "other.md"), "--reference", "scored"])
    assert "Δ UA to scored" in (tmp_path / "other.md").read_text(encoding="utf-8")


def test_what_is_published_is_held_to_its_answers(made, tmp_path):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [ROOT / "tools/publish_results.sh", made]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    results = tmp_path / "results/tag"
    tables = sorted(results.rglob("*answers.tsv"))
    assert [table.name for table in tables] == ["answers.tsv", "benchmark.answers.tsv", "ways.answers.tsv"]
    for table in tables:
        check(table, tmp_path / "again.md")
        kept = table.read_text(encoding="utf-8")
        table.write_text(kept.replace("m2_0\tm2\tangry\tangry", "m2_0\tm2\tangry\tneutral"), encoding="utf-8")
        assert table.read_text(encoding="utf-8") != kept
        with pytest.raises(AssertionError):
            check(table, tmp_path / "again.md")
    (made / "answers.tsv").unlink()  # what has no answers is not published; the other page is
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert sorted(path.name for path in results.iterdir()) == [
        f"{page}.{kind}" for page in ("benchmark", "ways") for kind in ("answers.tsv", "md")
    ]
    for page in ("ways", "benchmark"):
        made.with_name(f"tag_{page}.answers.tsv").unlink()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "no answers.tsv; run stage 13" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# {", "{", ":1: expected"),
        ('"table"', '"tabel"', ":1: a system without"),
        ("\ttruth\t", "\tlabel\t", ":2: expected the columns set, utterance"),
        ("m1_2\tm1\tfearful\t<invalid>", "m1_2\tm1\tfearful", ":5: expected 6 columns"),
        ("m1_2\tm1\tfearful", "m1_2\tm1\t<invalid>", ":5: m1_2: '<invalid>' is no class"),
        ("m1_2\tm1\tfearful\t<invalid>", "m1_2\tm1\tfearful\tfury", ":5: m1_2: 'fury' is no class"),
        ("m1_1\t", "m1_0\t", ":4: m1_0 stands twice"),
    ],
)
def test_faults_of_a_table_are_named(made, tmp_path, old, new, message):
    table = made.with_name("tag_ways.answers.tsv")
    text = table.read_text(encoding="utf-8")
    assert old in text
    table.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        compare.main(["--answers", str(table), "--out", str(tmp_path / "again.md")])
    assert not (tmp_path / "again.md").exists()


def test_answers_and_decodings_do_not_mix(made, tmp_path):
    out = ["--out", str(tmp_path / "again.md")]
    with pytest.raises(InputError, match="--systems, --data_dir, --reference: absent"):
        compare.main(out)
    with pytest.raises(InputError, match="--data_dir: --answers holds the answers"):
        compare.main(["--answers", str(made / "answers.tsv"), "--data_dir", "x", *out])


def test_a_long_table_is_published_in_parts(made, tmp_path, monkeypatch):
    table = made.with_name("tag_ways.answers.tsv")
    monkeypatch.setattr(answer_table, "LIMIT", int(0.7 * table.stat().st_size))
    write_answer_table(table, read_answer_table(table))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run([ROOT / "tools/publish_results.sh", made], env=environment, check=True, capture_output=True)
    results = tmp_path / "results/tag"
    assert [path.name for path in sorted(results.glob("ways*"))] == ["ways.answers.2.tsv", "ways.answers.tsv", "ways.md"]
    check(results / "ways.answers.tsv", tmp_path / "again.md")
    part = results / "ways.answers.2.tsv"
    part.write_text(part.read_text(encoding="utf-8").replace("\tneutral\tneutral\n", "\tneutral\tangry\n"), encoding="utf-8")
    with pytest.raises(AssertionError):
        check(results / "ways.answers.tsv", tmp_path / "again.md")
