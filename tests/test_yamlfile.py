"""YAML of others: what is ordinary is read as PyYAML reads it, what unfolds or asks for objects is refused."""

import time

import pytest
import yaml

from c2ser.yamlfile import MOST, parse_yaml

ORDINARY = """
name: "é"
empty:
numbers: [1, 2.5, 1e-3, 0x10, true, null, 2026-01-02]
shared: &shared {a: 1, b: [x, y]}
again: *shared
merged: {<<: *shared, b: 2}
text: |
  two
  lines
"""


@pytest.mark.parametrize("text", [ORDINARY, "", "# nothing", "3", "[]", "{a: {b: {c: [1]}}}"])
def test_ordinary_texts_are_read_as_pyyaml_reads_them(text):
    assert parse_yaml(text) == yaml.safe_load(text)


def doubled(levels):
    """A text whose last entry stands for 2^(levels + 1) words."""
    return "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, levels + 1))


def test_aliases_are_counted_where_they_stand():
    """The document holds keys and itself, and list n is 1 + twice list n - 1, the first 3: 2^(n + 2) - 1 values."""
    for levels, fits in ((16, True), (17, False)):
        values = 1 + (levels + 1) + sum(2 ** (n + 2) - 1 for n in range(levels + 1))
        assert (values <= MOST) == fits
        if fits:
            assert len(parse_yaml(doubled(levels))) == levels + 1
        else:
            with pytest.raises(yaml.YAMLError, match="unfold into more than 1,000,000 values"):
                parse_yaml(doubled(levels))
    started = time.monotonic()
    with pytest.raises(yaml.YAMLError, match="unfold into more than"):
        parse_yaml(doubled(300))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(("text", "message"), [
    ("a: &a [*a]", "unfold into more than"), ("a: &a {b: *a}", "unfold into more than"),
    ("a: !!python/name:os.system", "constructor"), ("a: !!python/object/new:os.system [x]", "constructor"),
    ("a: 2026-13-01", "month must be"), ("{[a]: 1}", "unhashable"), ("a: [", "flow node"), ("a: b: c", "not allowed"),
    ("- " * 3000 + "x", "nested too deeply"),
])  # fmt: skip
def test_all_else_is_an_error_of_yaml(text, message):
    with pytest.raises(yaml.YAMLError, match=message):
        parse_yaml(text)
