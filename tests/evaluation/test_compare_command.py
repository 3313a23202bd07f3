import json

import pytest

from c2ser.bin import compare
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError


def options(folds, tmp_path, *more):
    data, decode = (list(map(str, paths)) for paths in folds)
    systems = [f"ours={','.join(decode)}", f"scored={','.join(decode)}"]
    named = ["--systems", *systems, "--pred", "scored=utt2scored", "--reference", "ours"]
    return [*named, "--data_dir", *data, "--out", str(tmp_path / "out/table.md"), "--draws", "200", *more]


def test_writes_the_table_and_its_numbers(folds, tmp_path, capsys):
    published = tmp_path / "published.tsv"
    published.write_text("theirs\t57.8\tEmoBox board\n", encoding="utf-8")
    compare.main(options(folds, tmp_path, "--caption", "No leaks.", "--published", str(published)))
    found = json.loads((tmp_path / "out/table.json").read_text(encoding="utf-8"))
    assert found["caption"] == "No leaks." and found["published"][0]["name"] == "theirs" and found["draws"] == 200
    ours, scored = found["systems"]["ours"], found["systems"]["scored"]
    assert [one["score"]["scores"]["ua"]["value"] for one in (ours, scored)] == pytest.approx([0.5, 5 / 6])
    assert scored["marks"] == ["label scoring"] and scored["difference"]["mcnemar"]["only_system"] == 6
    text = (tmp_path / "out/table.md").read_text(encoding="utf-8")
    assert text.startswith("No leaks.\n\n| System |") and "| theirs |" in text and "Always angry" in text
    assert "Δ UA to ours" in capsys.readouterr().out


def test_the_same_command_writes_the_same_bytes(folds, tmp_path):
    written = []
    for _ in range(2):
        compare.main(options(folds, tmp_path))
        written.append([(tmp_path / "out" / name).read_bytes() for name in ("table.md", "table.json")])
    assert written[0] == written[1]


def test_marks_come_from_decode_json(folds, tmp_path):
    path = folds[1][2] / "decode.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "uses_test_audio": True}), encoding="utf-8")
    compare.main(options(folds, tmp_path))
    text = (tmp_path / "out/table.md").read_text(encoding="utf-8")
    assert "| uses test audio |" in text and "label scoring, uses test audio" in text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--out", "table.txt"], "must end in .md"),
        (["--draws", "0"], "--draws 0"),
        (["--reference", "x"], "--reference x: not one of the systems ours, scored"),
        (["--pred", "x=utt2scored"], "--pred: x: not one of the systems"),
        (["--pred", "ours=utt2emo"], "--pred ours=utt2emo: expected one of utt2pred"),
        (["--systems", "ours=a"], "--systems ours: 1 folders for 3 --data_dir"),
        (["--systems", "ours"], "expected name=path"),
        (["--published", "no.tsv"], "no.tsv: no such file"),
    ],
)
def test_refuses_and_leaves_nothing(folds, tmp_path, more, message):
    arguments = [*options(folds, tmp_path), *more]
    if more[0] == "--systems":
        arguments += ["--pred"]
    with pytest.raises(InputError, match=message):
        compare.main(arguments)
    assert not (tmp_path / "out").exists()


def test_missing_answers_are_named(folds, tmp_path):
    table = read_table(folds[1][1] / "utt2pred")
    table.pop("m2_0")
    write_table(folds[1][1] / "utt2pred", table)
    with pytest.raises(InputError, match="1 of 6 utterances are missing, first: m2_0"):
        compare.main(options(folds, tmp_path))
