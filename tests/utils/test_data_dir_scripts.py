"""The data directory scripts, called as recipes and as people call them."""

import pytest

from c2ser.datadir.datadir import DataDir


def test_validate(call, utils, data):
    done = call(utils / "validate_data_dir.sh", data.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{data.path}: 6 utterances of 2 speakers, 5 tables: no faults\n"


def test_validate_names_every_fault_and_the_remedy(call, utils, data):
    (data.path / "utt2emo").write_text("a-0 angry\r\n")
    (data.path / "text").unlink()
    done = call(utils / "validate_data_dir.sh", data.path)
    assert done.returncode == 1
    assert f"{data.path}/utt2emo:1: carriage return" in done.stderr
    assert f"{data.path}/text: no such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_utterances_without_a_label_are_counted_and_kept(call, utils, data):
    (data.path / "utt2emo").write_text("a-0 angry\nb-0 sad\nb-1 unknown\n")
    said = f"{data.path}: 6 utterances of 2 speakers, 5 tables, 4 without a label"
    assert call(utils / "validate_data_dir.sh", data.path).stdout == f"{said}: no faults\n"
    assert call(utils / "fix_data_dir.sh", data.path).stdout == f"{said}: nothing to mend\n"
    assert call(utils / "copy_data_dir.sh", data.path, "copy").stdout.endswith("tables, 4 without a label\n")
    assert call(utils / "split_data_dir.sh", "--per-utt", data.path, 3).returncode == 0
    done = call(utils / "subset_data_dir.sh", "--per-class", 1, data.path, "small")
    assert done.returncode == 0, done.stderr
    assert DataDir(data.path.parents[1] / "small").utterances() == ["a-0", "b-0"]


@pytest.mark.parametrize("option, table", [("--no-wav", "wav.scp"), ("--no-text", "text"), ("--no_emo", "utt2emo")])
def test_validate_without_a_table(call, utils, data, option, table):
    (data.path / table).unlink()
    assert call(utils / "validate_data_dir.sh", data.path).returncode == 1
    assert call(utils / "validate_data_dir.sh", option, data.path).returncode == 0


def test_validate_options_reach_the_check(call, utils, data):
    data.write_speakers({key: f"x{value}" for key, value in data.read("utt2spk").items()})
    assert "does not start" in call(utils / "validate_data_dir.sh", data.path).stderr
    done = call(utils / "validate_data_dir.sh", "--no-spk-sort", "--emotions", "angry sad", data.path)
    assert "use one of angry, sad" in done.stderr and "does not start" not in done.stderr
    done = call(utils / "validate_data_dir.sh", "--no-spk-sort", "--check-audio", "true", data.path)
    assert done.returncode == 1 and "wav.scp:1: a-0: /音 频/a-0.wav: no such file" in done.stderr
    assert call(utils / "validate_data_dir.sh", "--nonsense", data.path).returncode == 2


def test_validation_starts_without_numerical_libraries(call, utils, data):
    code = "import sys; import c2ser.bin.validate_data_dir, c2ser.bin.split_data_dir; print('numpy' in sys.modules)"
    assert call(utils / "python.sh", "-c", code).stdout == "False\n"


def test_fix(call, utils, data):
    (data.path / "utt2emo").write_text("b-0 sad\r\na-0 angry")
    (data.path / "utt2lang").write_text("b-0 en\r\na-0 en")
    done = call(utils / "fix_data_dir.sh", data.path)
    assert done.returncode == 0, done.stderr
    assert "2 utterances of 2 speakers" in done.stdout and "4 ids were left out" in done.stdout
    assert "  a-1: not in utt2lang\n" in done.stdout
    assert call(utils / "validate_data_dir.sh", data.path).returncode == 0
    assert "nothing to mend" in call(utils / "fix_data_dir.sh", data.path).stdout


def test_fix_refuses_what_a_person_must_mend(call, utils, data):
    (data.path / "utt2emo").write_text("b-0 sad\na-0 wütend\n", encoding="utf-8")
    done = call(utils / "fix_data_dir.sh", data.path)
    assert done.returncode == 1 and "utt2emo:2: a-0: unknown emotion 'wütend'" in done.stderr
    assert (data.path / "utt2emo").read_text(encoding="utf-8") == "b-0 sad\na-0 wütend\n"


@pytest.mark.parametrize(
    "words, kept",
    [
        (("--first", "2", "SOURCE", "small"), ["a-0", "a-1"]),
        (("--first", "SOURCE", "2", "small"), ["a-0", "a-1"]),
        (("--utt-list", "utts", "SOURCE", "small"), ["a-2", "b-0"]),
        (("--spk-list", "spks", "SOURCE", "small"), ["b-0", "b-1", "b-2"]),
        (("--per_class", "2", "SOURCE", "small"), ["a-0", "a-1", "a-2", "b-0", "b-1", "b-2"]),
    ],
)
def test_subset(call, utils, data, tmp_path, words, kept):
    (tmp_path / "utts").write_text("b-0\na-2\n")
    (tmp_path / "spks").write_text("b\n")
    (data.path / "excluded").write_text("a-9 broken\n")
    done = call(utils / "subset_data_dir.sh", *(data.path if word == "SOURCE" else word for word in words))
    assert done.returncode == 0, done.stderr
    assert DataDir(tmp_path / "small").utterances() == kept
    assert "not carried over, being no tables of a data directory: excluded" in done.stdout


def test_subset_wants_one_choice(call, utils, data):
    assert call(utils / "subset_data_dir.sh", data.path, "small").returncode == 2
    assert call(utils / "subset_data_dir.sh", "--first", 1, "--per-class", 1, data.path, "small").returncode == 2


def test_copy_and_combine(call, utils, data, tmp_path):
    options = ("--utt-prefix", "x-", "--spk-prefix", "x-", "--utt-suffix", "-sp0.9")
    done = call(utils / "copy_data_dir.sh", *options, data.path, "x")
    assert done.returncode == 0, done.stderr
    assert DataDir(tmp_path / "x").utterances()[0] == "x-a-0-sp0.9"
    done = call(utils / "combine_data.sh", "both", data.path, "x")
    assert done.returncode == 0, done.stderr
    assert len(DataDir(tmp_path / "both").utterances()) == 12
    assert "both: 12 utterances of 4 speakers" in done.stdout
    done = call(utils / "combine_data.sh", "none", "both", "x")
    assert done.returncode == 1 and "--utt-prefix" in done.stderr and not (tmp_path / "none").exists()


def test_combine_says_what_it_leaves_out(call, utils, data, tmp_path):
    call(utils / "copy_data_dir.sh", "--utt-prefix", "x", "--spk-prefix", "x", data.path, "x")
    data.write("utt2lang", dict.fromkeys(data.utterances(), "en"))
    (tmp_path / "x" / "utt2emo").unlink()
    (tmp_path / "x" / "text").unlink()
    said = call(utils / "combine_data.sh", "both", data.path, "x").stdout
    assert "utt2lang left out: absent from x\n" in said and "6 without a label" in said
    both = DataDir(tmp_path / "both")
    assert len(both.read("text")) == 12 and [key for key, words in both.read("text").items() if not words][0] == "xa-0"


def test_split(call, utils, data):
    assert call(utils / "split_data_dir.sh", data.path, 2).returncode == 0
    assert DataDir(data.path / "split2" / "2").utterances() == ["b-0", "b-1", "b-2"]
    assert call(utils / "split_data_dir.sh", "--per-utt", data.path, 4).returncode == 0
    assert DataDir(data.path / "split4utt" / "4").has("utt2emo")
    done = call(utils / "split_data_dir.sh", data.path, 4)
    assert done.returncode == 1 and "it has 2 speakers" in done.stderr
    assert not (data.path / "split4").exists()


def test_scripts_work_through_a_link_and_from_any_folder(call, utils, data, tmp_path):
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "utils").symlink_to(utils)
    (tmp_path / "recipe" / "validate").symlink_to(utils / "validate_data_dir.sh")
    for script in ("utils/validate_data_dir.sh", "./validate"):
        assert call(script, "../my data/train", cwd=tmp_path / "recipe").returncode == 0
