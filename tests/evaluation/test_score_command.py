import json
from pathlib import Path

import pytest
from PIL import Image

from c2ser.bin import score
from c2ser.errors import InputError


def options(data, decode, out, *more):
    pairs = [[str(path) for path in (paths if isinstance(paths, list) else [paths])] for paths in (data, decode)]
    return ["--data_dir", *pairs[0], "--decode_dir", *pairs[1], "--out", str(out), "--draws", "60", *more]


def test_writes_the_score_and_the_picture(one_set, tmp_path, capsys):
    out = tmp_path / "exp/score_utt2pred.json"
    score.main(options(*one_set, out))
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["n"], found["invalid"], found["table"]) == (6, 1, "utt2pred")
    with Image.open(out.with_suffix(".png")) as picture:
        assert picture.format == "PNG" and min(picture.size) > 150
    assert out.with_suffix(".png").stat().st_size < 100_000
    printed = capsys.readouterr().out
    assert "UA %" in printed and "50.0 [" in printed and "Chance (1 of 3 classes)" in printed


def test_pools_several_sets(folds, tmp_path):
    out = tmp_path / "pooled.json"
    score.main(options(*folds, out, "--pred", "utt2scored"))
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["n"], found["speakers"], len(found["sets"])) == (18, 3, 3)
    assert found["fold_mean"]["ua"]["value"] == pytest.approx(5 / 6)
    assert found["decode"]["seconds_per_utterance"] == pytest.approx(1.0)


def test_the_same_command_writes_the_same_bytes(folds, tmp_path):
    files = []
    for name in ("first", "second"):
        out = tmp_path / f"{name}.json"
        score.main(options(*folds, out))
        files.append((out.read_bytes(), out.with_suffix(".png").read_bytes()))
    assert files[0] == files[1]


def test_the_seed_changes_only_intervals(folds, tmp_path):
    found = []
    for seed in "12":
        score.main(options(*folds, tmp_path / "score.json", "--seed", seed, "--unit", "utterance"))
        found.append(json.loads((tmp_path / "score.json").read_text(encoding="utf-8")))
    assert found[0]["scores"] != found[1]["scores"]
    assert found[0]["confusion"] == found[1]["confusion"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arguments: [*arguments, "--out", "score.txt"], "--out score.txt: must end in .json"),
        (lambda arguments: [*arguments, "--draws", "0"], "--draws 0"),
        (lambda arguments: [*arguments, "--decode_dir", "a", "b"], "1 --data_dir but 2 --decode_dir"),
        (lambda arguments: [*arguments, "--decode_dir", "absent"], "utt2pred: no such file"),
        (lambda arguments: [*arguments, "--data_dir", "absent"], "utt2emo: no such file"),
    ],
)
def test_refuses_and_leaves_nothing(one_set, tmp_path, change, message):
    out = tmp_path / "results/score.json"
    with pytest.raises(InputError, match=message):
        score.main(change(options(*one_set, out)))
    assert not out.parent.exists()


def test_a_faulty_set_leaves_an_older_score_alone(one_set, tmp_path):
    out = tmp_path / "score.json"
    score.main(options(*one_set, out))
    before = out.read_bytes()
    (one_set[1] / "utt2pred").write_text("m1_0 angry\n", encoding="utf-8")
    with pytest.raises(InputError, match="5 of 6 utterances are missing"):
        score.main(options(*one_set, out))
    assert out.read_bytes() == before and not list(tmp_path.glob("*.partial"))


def test_unknown_options_die(capsys):
    with pytest.raises(SystemExit) as stop:
        score.main(["--pred", "utt2emo"])
    assert stop.value.code == 2 and "invalid choice" in capsys.readouterr().err


ANSWERS = "m1_0 He is angry\nm1_1\t恐惧\nm1_2 happy or sad\nm1_4 neutralność\nm9_9 sad\n"


@pytest.mark.parametrize("order", [0, 2])
def test_answers_of_any_system(one_set, tmp_path, capsys, caplog, order):
    caplog.set_level("INFO")
    answers = tmp_path / "answers.txt"
    answers.write_text(ANSWERS, encoding="utf-16")
    arguments = [str(one_set[0]), str(answers)]
    score.main([*arguments[:order], "--draws", "20", *arguments[order:]])  # options before or behind
    out = tmp_path / "answers.txt.score.json"
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["n"], found["invalid"], found["table"]) == (6, 3, "answers")
    assert found["scores"]["wa"]["value"] == pytest.approx(2 / 6)
    assert {kind: n for kind, n in found["answers"]["problems"].items() if n} == {
        "missing": 2, "unknown": 1, "ambiguous": 1
    }  # fmt: skip
    assert found["answers"]["files"] == [{"path": str(answers), "encoding": "utf-16", "lines": 5}]
    listed = [line.split("\t")[1:4] for line in Path(f"{out}.problems").read_text(encoding="utf-8").splitlines()]
    assert listed[1:] == [
        ["ambiguous", "3", "m1_2"], ["unknown", "5", "m9_9"], ["missing", "", "m1_3"], ["missing", "", "m1_5"]
    ]  # fmt: skip
    assert out.with_suffix(".png").is_file()
    assert "33.3 [" in capsys.readouterr().out
    assert f"4 problems: 2 missing, 1 unknown, 1 ambiguous; they are listed in {out}.problems" in caplog.text


def test_missing_answers_may_be_left_out(one_set, tmp_path, caplog):
    answers = tmp_path / "answers.txt"
    answers.write_text(ANSWERS, encoding="utf-8")
    out = tmp_path / "score.json"
    score.main([str(one_set[0]), str(answers), "--missing", "skip", "--out", str(out), "--draws", "20"])
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["n"], found["invalid"], found["answers"]["skipped"]) == (4, 1, 2)
    assert "2 of 6 utterances have no answer and are left out: n = 4" in caplog.text


def test_answers_to_several_sets(folds, tmp_path):
    files = []
    for number in (1, 2, 3):
        files.append(tmp_path / f"answers{number}")
        files[-1].write_text(f"m{number}_0 angry\n", encoding="utf-8")
    out = tmp_path / "score.json"
    score.main(options(folds[0], files, out))
    found = json.loads(out.read_text(encoding="utf-8"))
    assert (found["n"], found["invalid"], found["answers"]["problems"]["missing"]) == (18, 15, 15)
    rows = Path(f"{out}.problems").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 16 and rows[-1].startswith(f"{folds[0][2]}\tmissing\t\tm3_5\t")


def test_a_decoding_may_be_given_in_the_same_form(one_set, tmp_path, capsys):
    (one_set[0] / "utt2votes").write_text("m1_0 angry:2 fearful:2\n", encoding="utf-8")
    (one_set[0] / "utt2emo").write_text("".join(f"m1_{i} {'angry' if i < 3 else 'neutral'}\n" for i in range(6)))
    score.main([str(one_set[0]), f"{one_set[1]}/", "--draws", "20"])
    found = json.loads(Path(f"{one_set[1]}.score.json").read_text(encoding="utf-8"))
    assert found["answers"] is None and found["soft"]["vote_share"] == 0.5
    assert found["restricted"]["left_out"] == ["fearful"]
    assert not Path(f"{one_set[1]}.score.json.problems").exists()
    printed = capsys.readouterr().out
    assert "posteriors among 2 classes" in printed and "vote share %" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{data}"], "expected DATA_DIR ANSWERS"),
        (["{data}", "{answers}", "more"], "expected DATA_DIR ANSWERS"),
        (["{data}", "{answers}", "--data_dir", "{data}"], "DATA_DIR ANSWERS or --data_dir and --decode_dir, not both"),
        (["--data_dir", "{data}"], "--decode_dir, --out: absent; or give DATA_DIR ANSWERS"),
        ([], "--data_dir, --decode_dir, --out: absent"),
        (["{data}", "absent.txt"], "absent.txt: no such file of answers"),
        (["{data}", "{answers}", "--out", "x.txt"], "--out x.txt: must end in .json"),
        (["{data}", "{answers}", "--pred", "utt2scored"], "--pred utt2scored: is for decodings"),
        (["{data}", "{decode}", "--missing", "skip"], "--missing skip: is for files of answers"),
        (["--data_dir", "{data}", "{data}", "--decode_dir", "{decode}", "{answers}", "--out", "x.json"],
         "a decoding, but others are files of answers"),
        (["{data}", "{others}"], "none of its 1 lines is of an utterance"),
    ],
)  # fmt: skip
def test_refuses_command_lines_and_leaves_nothing(one_set, tmp_path, arguments, message):
    files = {"data": one_set[0], "decode": one_set[1], "answers": tmp_path / "a.txt", "others": tmp_path / "o.txt"}
    files["answers"].write_text(ANSWERS, encoding="utf-8")
    files["others"].write_text("x sad\n", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message):
        score.main([argument.format(**files) for argument in arguments])
    assert sorted(tmp_path.rglob("*")) == before
