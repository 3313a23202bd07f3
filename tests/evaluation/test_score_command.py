import json

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
