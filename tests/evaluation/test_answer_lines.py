import pytest

from c2ser.errors import InputError
from c2ser.evaluation.answer_lines import Line, read_answer_lines

CHINESE = "u1\t情绪：快乐。\nu2 愤怒\n"
ITALIAN = "u1 felicità\nu2 sorpresa, però\n"


def read(path, data):
    path.write_bytes(data)
    return read_answer_lines(path)


@pytest.mark.parametrize("text", [CHINESE, ITALIAN])
@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("gb18030", "gb18030"),
        ("latin-1", "latin-1"),
    ],
)
def test_tells_encodings_apart(tmp_path, text, written, found):
    if written == "latin-1" and text is CHINESE:
        pytest.skip("latin-1 has no Chinese")
    encoding, lines = read(tmp_path / "answers", text.encode(written))
    assert encoding == found
    first, second = (line.split(None, 1)[1] for line in text.splitlines())
    assert lines == [Line(1, "u1", first), Line(2, "u2", second)]


def test_quotation_marks_of_cp1252(tmp_path):
    encoding, lines = read(tmp_path / "answers", "u1 He’s not “happy”\n".encode("cp1252"))
    assert (encoding, lines[0].answer) == ("latin-1", "He’s not “happy”")


def test_a_broken_character_does_not_change_the_encoding(tmp_path):
    text = CHINESE.encode()
    encoding, lines = read(tmp_path / "answers", text + "u3 愤怒".encode()[:-1] + b"\n")
    assert encoding == "utf-8" and lines[:2] == [Line(1, "u1", "情绪：快乐。"), Line(2, "u2", "愤怒")]
    assert lines[2].answer == "愤\ufffd"
    encoding, lines = read(tmp_path / "answers", "u1 doesn’t sound happy\nu2 sad".encode() + b"\xff\n")
    assert encoding == "utf-8" and [line.answer for line in lines] == ["doesn’t sound happy", "sad\ufffd"]
    assert read(tmp_path / "answers", b"u1 sad\xff\n")[0] == "latin-1"


def test_line_ends_blanks_and_ids(tmp_path):
    composed, loose = "u_caf\u00e9", "u_cafe\u0301"
    text = f"  u1  sad \r\n\r\nu2\tnot sad\tat all\r{loose} sad\nu4\n"
    assert read(tmp_path / "answers", text.encode())[1] == [
        Line(1, "u1", "sad"),
        Line(3, "u2", "not sad\tat all"),
        Line(4, composed, "sad"),
        Line(5, "u4", ""),
    ]


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_refuses_a_file_without_answers(tmp_path, data):
    with pytest.raises(InputError, match="holds no answers; expected lines"):
        read(tmp_path / "answers", data)


def test_refuses_an_absent_file(tmp_path):
    with pytest.raises(InputError, match="absent: no such file"):
        read_answer_lines(tmp_path / "absent")
