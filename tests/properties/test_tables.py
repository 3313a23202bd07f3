"""Tables, archives, journals and files of answers: what is written is read back, and what cannot be is refused."""

import json
import subprocess
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from c2ser.ark import ArkWriter, read_ark
from c2ser.datadir.scan import MENDABLE, scan
from c2ser.datadir.tables import read_table, write_table
from c2ser.errors import InputError
from c2ser.evaluation import answer_table
from c2ser.evaluation.answer_lines import read_answer_lines
from c2ser.evaluation.predictions import PredictedSet
from c2ser.journal import Journal
from c2ser.jsonfile import read_json, write_json
from tests.properties.strategies import IDS, LINES, folder


@given(st.dictionaries(IDS, LINES))
def test_a_table_is_read_back(table):
    with folder() as path:
        write_table(path / "t", table)
        assert read_table(path / "t", empty_ok=True) == {key: value.strip() for key, value in table.items()}
        lines = (path / "t").read_bytes().split(b"\n")[:-1]
    assert [line.split(b" ")[0] for line in lines] == sorted(key.encode() for key in table)


@given(st.sets(IDS, min_size=2))
def test_its_order_is_that_of_sort_in_the_c_locale(keys):
    with folder() as path:
        write_table(path / "t", dict.fromkeys(keys, "x"))
        done = subprocess.run(["sort", "-c", path / "t"], env={"LC_ALL": "C"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@given(st.text(max_size=4), st.text(st.characters(), max_size=6))
@example("a", "\ud800")
@example("a\u3000b", "x")
@example("\ufeffa", "x")
@example("", "x")
def test_any_line_is_read_back_or_refused_with_the_file_s_name(key, value):
    with folder() as path:
        try:
            write_table(path / "t", {key: value, "~": "z"})
        except InputError as error:
            assert str(error).startswith(f"{path / 't'}: ") and repr(key) in str(error)
            assert not (path / "t").exists()
            assert key.split() != [key] or set(value + key) & set("\t\n\r\0\ufeff") or _lone(key + value)
        else:
            assert read_table(path / "t", empty_ok=True)[key] == (value if key != "~" else "z").strip()


def _lone(text):
    return any(unicodedata.category(sign) == "Cs" for sign in text)


BYTES = st.lists(
    st.sampled_from([b"a 1", b"b 2", b"a", b" c 3", b"\xc3\xa9 4", b"e\xcc\x81 4", b"\xff 5", b"d\t6 ", b"d  6", b"", b"a 2",
                     b"\xef\xbb\xbfa 1", b"f\xc2\x85g 1", b"a 1\r", b"h \0", b"\xc2\xa0i 1", b"\x1c 1", b"j 1\x0c"])
).map(b"\n".join)  # fmt: skip


@given(BYTES, st.booleans())
def test_reading_and_scanning_agree(content, empty_ok):
    """What has no faults is read, with the rows that scanning finds; what is refused is a fault, at the same line."""
    with folder() as path:
        (path / "t").write_bytes(content)
        found = scan(path / "t", empty_ok)
        try:
            table = read_table(path / "t", empty_ok)
        except InputError as error:
            assert str(error).startswith(f"{path / 't'}:") and found.faults
        else:
            assert {fault.kind for fault in found.faults} <= {*MENDABLE, "empty", "odd-id", "control", "mojibake"}
            assert table == {row.key: row.value or "" for row in found.rows if row.key in table}


KINDS = st.sampled_from((np.float32, np.float64, np.float16))


@given(st.dictionaries(IDS, st.tuples(KINDS, st.integers(1, 3), st.integers(1, 3), st.integers(0, 9)), max_size=4))
def test_archives_are_read_back(wanted):
    made = {
        key: np.random.default_rng(seed).normal(size=(rows, columns)).astype(kind)
        for key, (kind, rows, columns, seed) in wanted.items()
    }
    with folder() as path:
        with ArkWriter(path / "f.ark", path / "f.scp") as writer:
            for key, value in made.items():
                writer[key] = value
        found = {key: read_ark(entry) for key, entry in read_table(path / "f.scp").items()}
    assert list(found) == sorted(made, key=str.encode)
    for key, value in made.items():
        assert found[key].dtype == value.dtype and np.array_equal(found[key], value)


@given(st.dictionaries(IDS, st.lists(st.integers(-32768, 32767), min_size=1, max_size=5), max_size=4))
def test_archives_of_audio_are_read_back(made):
    with folder() as path:
        with ArkWriter(path / "a.ark", path / "a.scp") as writer:
            for key, samples in made.items():
                writer[key] = 16000, np.array(samples, dtype=np.int16)
        found = {key: read_ark(entry) for key, entry in read_table(path / "a.scp").items()}
    assert {key: (rate, samples.tolist()) for key, (rate, samples) in found.items()} == {
        key: (16000, samples) for key, samples in made.items()
    }


VALUES = st.one_of(st.text(max_size=5), st.none(), st.floats(allow_nan=False))
RESULTS = st.dictionaries(st.text(max_size=3), VALUES, min_size=1)


@given(st.lists(RESULTS, min_size=1, max_size=5), st.data())
def test_a_journal_that_was_cut_anywhere_goes_on_to_the_same_end(batches, data):
    """Killed at any byte: whole lines count, the work of the others is done again, and the end is the unbroken one's."""
    inputs = {"seed": 1}
    with folder() as path:
        with Journal(path / "unbroken", inputs) as journal:
            for batch in batches:
                journal.keep(batch)
        whole = (path / "unbroken").read_bytes()
        place = data.draw(st.integers(0, len(whole)))
        (path / "cut").write_bytes(whole[:place])
        with Journal(path / "cut", inputs) as journal:
            kept = len(journal.done)
            assert kept <= max(0, whole[:place].count(b"\n") - 1)
            for batch in batches:
                if not batch.keys() <= journal.made().keys() or {key: journal.made()[key] for key in batch} != batch:
                    journal.keep(batch)
        with Journal(path / "cut", inputs) as again, Journal(path / "unbroken", inputs) as unbroken:
            assert again.made() == unbroken.made()
        with Journal(path / "cut", {"seed": 2}) as other:
            assert other.done == {}


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4)
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=6)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.text('{}[]":,1a \n\0', max_size=8))
def test_json_is_read_back_and_what_is_none_is_refused(content, text):
    with folder() as path:
        write_json(path / "a.json", content)
        assert read_json(path / "a.json", "write it again") == content
        (path / "b.json").write_text(text, encoding="utf-8")
        try:
            wanted = json.loads(text)
        except ValueError:
            wanted = None
        if isinstance(wanted, dict):
            assert read_json(path / "b.json", "write it again") == wanted
        else:
            with pytest.raises(InputError, match=f"^{path}/b.json: (?s:.*)"):
                read_json(path / "b.json", "write it again")


ANSWER = st.text(st.one_of(st.characters(exclude_categories=("Cc", "Cs")), st.sampled_from("\u2028\u2029 ")), max_size=8)


@given(
    st.lists(st.tuples(IDS, ANSWER), min_size=1, max_size=5),
    st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-32")), st.sampled_from(("\n", "\r\n", "\r")), st.sampled_from(" \t"),
)  # fmt: skip
@example([("u", "a\u2028b\u2029c")], "utf-8", "\n", " ")
def test_files_of_answers_are_read_in_any_encoding(lines, encoding, end, blank):
    with folder() as path:
        text = "".join(f"{key}{blank}{answer}{end}{end}" for key, answer in lines)
        (path / "answers").write_bytes(text.encode(encoding))
        found = read_answer_lines(path / "answers")[1]
    assert [(line.utterance, line.answer) for line in found] == [
        (unicodedata.normalize("NFC", key), answer.strip()) for key, answer in lines
    ]
    assert [line.number for line in found] == list(range(1, 2 * len(lines), 2))


CLASSES = st.sampled_from(("angry", "happy", "<invalid>"))
ROWS = st.dictionaries(IDS, st.tuples(IDS, st.sampled_from(("angry", "sad")), CLASSES, CLASSES), min_size=1, max_size=6)


SYSTEM = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r\0"), min_size=1, max_size=4)
CAPTION = st.text(st.characters(codec="utf-8"), max_size=5)


@given(ROWS, st.lists(SYSTEM, min_size=2, max_size=2, unique=True), CAPTION, st.integers(1, 400))
def test_tables_of_answers_are_read_back(rows, names, caption, limit):
    columns = list(zip(*rows.values()))
    systems = {
        name: [PredictedSet("data/test", "", list(rows), list(columns[1]), list(predicted), list(columns[0]))]
        for name, predicted in zip(names, columns[2:])
    }
    table = answer_table.AnswerTable(systems, {}, names[0], caption, [["x", None]], {"a": [1]})
    with folder() as path, pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_table, "LIMIT", limit)
        answer_table.write_answer_table(path / "t.tsv", table)
        found = answer_table.read_answer_table(path / "t.tsv")
    assert (found.reference, found.caption, found.published, found.page) == (names[0], caption, [["x", None]], {"a": [1]})
    assert list(found.systems) == names
    for name in names:
        (one,), (wanted,) = found.systems[name], systems[name]
        for part in ("data_dir", "utterances", "reference", "predicted", "speakers"):
            assert getattr(one, part) == getattr(wanted, part)
