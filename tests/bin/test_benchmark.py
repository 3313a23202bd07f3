"""c2ser benchmark: what it writes, twice the same, and what it refuses."""

import json

import pytest

from c2ser.bin import benchmark
from c2ser.datadir import write_table
from c2ser.errors import InputError


@pytest.fixture
def joint(tmp_path):
    """A joint data directory of one corpus with answers to it."""
    truth = {f"c_s{i % 3}-{i}": ("angry", "sad")[i % 2] for i in range(12)}
    data = tmp_path / "data/test/c/fold1"
    write_table(data / "utt2emo", truth)
    write_table(data / "utt2spk", {utterance: utterance[:4] for utterance in truth})
    write_table(tmp_path / "data/fold1/train/utt2corpus", {"c_x": "c"})
    write_table(tmp_path / "exp/fold1/utt2pred", {**truth, "c_s0-0": "happy", "c_s1-1": "<invalid>"})
    return tmp_path


def arguments(joint, *more):
    system = ["--system", "Joint | all", f"{joint}/exp/fold{{fold}}", "joint", "utt2pred"]
    other = ["--system", "gone", f"{joint}/nowhere", "none", "utt2pred"]
    return ["--data_dir", f"{joint}/data", *system, *other, "--out", f"{joint}/out/table.md", "--draws", "50", *more]


def test_writes_the_page_and_its_numbers_twice_the_same(joint, capsys):
    written = []
    for _ in range(2):
        benchmark.main(arguments(joint, "--reference", "Joint | all", "--command", "./benchmark.sh"))
        written.append([(joint / "out" / name).read_bytes() for name in ("table.md", "table.json", "table.answers.tsv")])
    assert written[0] == written[1]
    found = json.loads(written[0][1])
    cell = found["systems"]["Joint | all"]["cells"]["c"]
    assert cell["scores"]["ua"]["value"] == pytest.approx(5 / 6) and (cell["invalid"], cell["outside"]) == (1, 1)
    assert found["command"] == "./benchmark.sh" and found["tests"] == []
    assert r"| Joint \| all | ● 83.3" in written[0][0].decode() and "| gone |" not in written[0][0].decode()
    said = capsys.readouterr().out
    assert "● 83.3" in said and f"missing: gone, on all test sets: no utt2pred in {joint}/nowhere" in said


def test_the_answers_alone_make_the_page_again_and_a_changed_one_shows(joint):
    benchmark.main(arguments(joint, "--reference", "Joint | all", "--command", "./benchmark.sh", "--title", "T | t",
                             "--caption", "No leaks.", "--against"))  # fmt: skip
    page, answers = joint / "out/table.md", joint / "out/table.answers.tsv"
    again = ["--answers", str(answers), "--out", f"{joint}/again.md", "--draws", "50"]
    (joint / "data").rename(joint / "gone")
    benchmark.main(again)
    assert (joint / "again.md").read_bytes() == page.read_bytes() and not (joint / "again.json").exists()
    assert "gone, on all test sets" in page.read_text(encoding="utf-8")
    text = answers.read_text(encoding="utf-8")
    answers.write_text(text.replace("c_s0-0\tc_s0\tangry\thappy", "c_s0-0\tc_s0\tangry\tangry"), encoding="utf-8")
    assert answers.read_text(encoding="utf-8") != text
    benchmark.main(again)
    assert "● 91.7" in (joint / "again.md").read_text(encoding="utf-8") and "● 83.3" in page.read_text(encoding="utf-8")
    benchmark.main([*again, "--title", "Other"])
    assert (joint / "again.md").read_text(encoding="utf-8").startswith("# Other\n\nNo leaks.")
    with pytest.raises(InputError, match="--system: --answers holds the answers already"):
        benchmark.main([*again, "--system", "a", "b", "none", "utt2pred"])
    with pytest.raises(InputError, match="--data_dir, --system: absent"):
        benchmark.main(["--out", f"{joint}/again.md"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--out", "table.txt"], "must end in .md"),
        (["--draws", "0"], "--draws 0"),
        (["--system", "gone", "a", "none", "utt2pred"], "'gone': a name is given twice"),
        (["--system", "x", "a", "", "utt2pred"], "may not be empty"),
        (["--system", "x", "a", "own,c", "utt2pred"], "TRAINED own,c: one of joint, own"),
        (["--system", "x", "a", "none", "utt2emo"], "TABLE utt2emo: expected one of utt2pred"),
        (["--reference", "nobody"], "nobody: not one of the systems"),
    ],
)
def test_refuses_and_leaves_nothing(joint, more, message):
    with pytest.raises(InputError, match=message):
        benchmark.main(arguments(joint, *more))
    assert not (joint / "out").exists()
