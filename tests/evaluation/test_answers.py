import io

import pytest

from c2ser.errors import InputError
from c2ser.evaluation.answers import PROBLEMS, label_finder, read_answer_set, summarise, write_problems
from c2ser.evaluation.predictions import TABLES

REFERENCE = ["angry", "angry", "fearful", "fearful", "neutral", "neutral"]  # of the utterances m1_0 … m1_5
PLAIN = ["Emotion: angry.", "恐惧", "paura", "The speaker is not sad but afraid", "neu", "Złość"]


def lines_of(answers):
    return [f"m1_{i}\t{answer}" for i, answer in enumerate(answers)]


def write(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def read(one_set, tmp_path):
    """read(lines, …) → (PredictedSet, AnswerFile) of a file with these lines."""
    return lambda lines, **options: read_answer_set(one_set[0], write(tmp_path / "answers", lines), **options)


def test_plain_answers_in_any_language_and_order(read, one_set, tmp_path):
    found, file = read(lines_of(PLAIN)[::-1])
    assert found.utterances == [f"m1_{i}" for i in range(6)] and found.reference == REFERENCE
    assert found.predicted == ["angry", "fearful", "fearful", "fearful", "neutral", "angry"]
    assert found.speakers == ["m1"] * 6 and found.confidence is None and found.decode == {}
    assert (file.encoding, file.lines, file.problems, file.skipped) == ("utf-8", 6, [], 0)
    assert (found.data_dir, found.decode_dir) == (str(one_set[0]), str(tmp_path / "answers"))


def test_answers_without_one_emotion_are_invalid_and_listed(read):
    found, file = read(lines_of(["no idea", "angry or sad", "", "not angry", "<invalid>", "neutral"]))
    assert found.predicted == ["<invalid>"] * 5 + ["neutral"]
    assert [(one.kind, one.line, one.utterance, one.scored_as) for one in file.problems] == [
        ("unparsable", 1, "m1_0", "<invalid>"),
        ("ambiguous", 2, "m1_1", "<invalid>"),
        ("empty", 3, "m1_2", "<invalid>"),
        ("unparsable", 4, "m1_3", "<invalid>"),
        ("unparsable", 5, "m1_4", "<invalid>"),
    ]
    assert file.problems[1].answer == "angry or sad"


def test_missing_answers_are_invalid(read):
    found, file = read(lines_of(PLAIN)[:4])
    assert len(found) == 6 and found.predicted[4:] == ["<invalid>"] * 2 and file.skipped == 0
    assert [tuple(one) for one in file.problems] == [
        ("missing", None, "m1_4", "<invalid>", ""),
        ("missing", None, "m1_5", "<invalid>", ""),
    ]


def test_missing_answers_may_be_left_out(read):
    found, file = read([*lines_of(PLAIN)[:3], "m1_4 ?"], missing="skip")
    assert found.utterances == ["m1_0", "m1_1", "m1_2", "m1_4"]
    assert found.reference == ["angry", "angry", "fearful", "neutral"]
    assert found.predicted == ["angry", "fearful", "fearful", "<invalid>"]  # an answer that says nothing is no gap
    assert file.skipped == 2
    kinds = [(one.kind, one.scored_as) for one in file.problems]
    assert kinds == [("unparsable", "<invalid>"), ("missing", "not scored"), ("missing", "not scored")]


def test_unknown_utterances_are_not_scored(read):
    found, file = read(["utterance answer", *lines_of(PLAIN), "m2_0 sad"])
    assert len(found) == 6
    assert [(one.kind, one.line, one.utterance, one.scored_as) for one in file.problems] == [
        ("unknown", 1, "utterance", "not scored"),
        ("unknown", 8, "m2_0", "not scored"),
    ]


def test_answers_for_utterances_without_a_label_are_neither_scored_nor_a_problem(one_set, tmp_path):
    (one_set[0] / "utt2emo").write_text("m1_0 angry\nm1_1 angry\nm1_5 unknown\n")
    (tmp_path / "answers").write_text("".join(f"m1_{number} angry\n" for number in range(6)))
    found, file = read_answer_set(one_set[0], tmp_path / "answers")
    assert found.utterances == ["m1_0", "m1_1"] and file.problems == []


def test_a_line_twice_counts_once_and_contradicting_lines_are_invalid(read):
    more = ["m1_0 anger", "m1_1 happy", "m1_2 fear", "m1_2 who knows"]
    found, file = read([*lines_of(PLAIN), *more])
    assert found.predicted == ["angry", "<invalid>", "<invalid>", "fearful", "neutral", "angry"]
    assert [(one.kind, one.line, one.scored_as) for one in file.problems] == [
        ("conflict", 2, "<invalid>"),
        ("conflict", 3, "<invalid>"),
        ("duplicate", 7, "angry"),
        ("conflict", 8, "<invalid>"),
        ("conflict", 9, "<invalid>"),
        ("conflict", 10, "<invalid>"),
        ("unparsable", 10, "<invalid>"),
    ]


def test_broken_bytes_are_listed_and_scored(one_set, tmp_path):
    path = tmp_path / "answers"
    path.write_bytes("\n".join(lines_of(PLAIN)).encode() + b" \xff\n")
    found, file = read_answer_set(one_set[0], path)
    assert found.predicted[1] == "fearful" and found.predicted[5] == "angry" and file.encoding == "utf-8"
    assert [(one.kind, one.line, one.scored_as) for one in file.problems] == [("broken", 6, "angry")]


def test_other_encodings_are_read(one_set, tmp_path):
    path = tmp_path / "answers"
    path.write_bytes("\r\n".join(lines_of(["愤怒", "愤怒", "害怕", "恐惧", "中性", "平静"])).encode("gb18030"))
    found, file = read_answer_set(one_set[0], path)
    assert found.predicted == REFERENCE and file.encoding == "gb18030"


def test_votes_come_with_the_set(read, one_set):
    assert read(lines_of(PLAIN))[0].votes is None
    write(one_set[0] / "utt2votes", ["m1_0 angry:2 sad:1"])
    assert read(lines_of(PLAIN))[0].votes == {"m1_0": {"angry": 2, "sad": 1}}


def test_refuses_answers_to_another_set(read):
    with pytest.raises(InputError, match=r"none of its 1 lines is of an utterance of .*utt2emo, first: x, there: m1_0"):
        read(["x angry"])


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("ang", "angry"),
        ("Hap.", "happy"),
        ("NORMAL", "neutral"),
        ("calm", "neutral"),
        ("a bored voice", "bored"),  # no class here, and so a wrong answer, but no invalid one
        ("exc", "excited"),
        ("bored but happy", "happy"),
        ("unknown", None),
        ("other", None),
        ("I cannot tell, in other words", None),
    ],
)
def test_labels_of_a_test_set_with_four_classes(answer, label):
    assert label_finder({"angry", "happy", "neutral", "sad"})(answer).label == label


def test_further_classes_are_found_where_the_test_set_has_them():
    find = label_finder({"angry", "calm", "other"})
    assert find("a calm voice").label == "calm" and find("other").label == "other"
    assert find("bored and angry").label == "angry"


def test_an_account_of_all_files(read, tmp_path):
    files = [read(lines)[1] for lines in (lines_of(PLAIN)[:5], ["m1_0 two\twords", *lines_of(PLAIN)[1:]])]
    found = summarise(files, "invalid")
    assert found["problems"] == {**dict.fromkeys(PROBLEMS, 0), "missing": 1, "unparsable": 1}
    assert (found["missing"], found["skipped"], [one["lines"] for one in found["files"]]) == ("invalid", 0, [5, 6])
    stream = io.StringIO()
    write_problems(files, stream)
    rows = [line.split("\t") for line in stream.getvalue().splitlines()]
    assert rows[0] == ["test set", "problem", "line", "utterance", "scored as", "answer"]
    assert [row[1:] for row in rows[1:]] == [
        ["missing", "", "m1_5", "<invalid>", ""],
        ["unparsable", "1", "m1_0", "<invalid>", "two words"],
    ]
    assert "answers" not in TABLES  # the name under which scores of such files go
