"""Encodings."""

import pytest

from c2ser.corpora.transcripts import decode_lines, lines_of, repair_c1
from c2ser.errors import InputError


def test_repair_c1_mends_only_c1():
    assert repair_c1("you\u0092re \u0093here\u0094\u0085") == "you’re “here”…"
    clean = "caf\u00e9 你好 don’t \u00a0\u2028"
    assert repair_c1(clean) == clean
    assert repair_c1("a\u0081b") == "ab"


def test_lines_of_splits_at_line_ends_only():
    assert lines_of("a\r\nb\rc\nd\u0085e\u2028f") == ["a", "b", "c", "d\u0085e\u2028f"]


def test_decode_lines_takes_the_encoding_that_is_understood():
    def parse(line):
        return line.split("\t") if "\t" in line else None

    def known(value):
        return value[1] in ("中立", "生气")

    text = "一\t中立\n二\t生气\n三\t不知道\n没有\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16-le", "gb18030"):
        encodings = ("utf-8-sig", "utf-16-le", "gb18030")
        assert decode_lines(text.encode(encoding), encodings, parse, "x", known) == [
            ["一", "中立"], ["二", "生气"], ["三", "不知道"],
        ]  # fmt: skip
    with pytest.raises(InputError, match="x: none of the encodings utf-8-sig makes sense"):
        decode_lines(text.encode("gb18030"), ("utf-8-sig",), parse, "x", known)
    with pytest.raises(InputError, match="makes sense"):
        decode_lines("一\t不\n".encode(), ("utf-8-sig",), parse, "x", known)
