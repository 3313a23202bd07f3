"""Operations on data directories: what they make is sound, and done twice, undone or done on all they change nothing."""

import unicodedata

from hypothesis import assume, given
from hypothesis import strategies as st

from c2ser.datadir.datadir import COT_TABLES, invert
from c2ser.datadir.fix import fix
from c2ser.datadir.operations import combine, copy, split, subset
from c2ser.datadir.validate import find_faults
from c2ser.errors import InputError
from tests.properties.strategies import FEWER, NAMES, folder, read, tables, write


def snapshot(path):
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def whole(made):
    """The tables that are in a directory, in order."""
    return {name: dict(table) for name, table in {**made, "spk2utt": invert(made["utt2spk"])}.items()}


def restricted(made, chosen):
    """The tables, but for spk2utt, of these utterances, with the recordings and speakers that they use; none is empty."""
    used = {made["segments"][key].split()[0] for key in chosen} if "segments" in made else chosen
    speakers = {made["utt2spk"][key] for key in chosen}
    kept = {"wav.scp": used, "reco2channel": used, "spk2gender": speakers}
    left = {name: {key: table[key] for key in table if key in kept.get(name, chosen)} for name, table in made.items()}
    return {name: table for name, table in left.items() if table}


def repeat(draw, line):
    """A line once, twice, or not at all."""
    return line * draw(st.sampled_from((1, 1, 1, 2, 0)))


DAMAGES = (
    lambda draw, content: b"\xef\xbb\xbf" + content,
    lambda draw, content: content.replace(b"\n", b"\r\n"),
    lambda draw, content: content[:-1],
    lambda draw, content: b"".join(draw(st.permutations(content.splitlines(keepends=True)))),
    lambda draw, content: b"".join(repeat(draw, line) for line in content.splitlines(keepends=True)),
    lambda draw, content: content.replace(b" ", b"\t  "),
    lambda draw, content: content.replace(b"\n", b" \n\n"),
    lambda draw, content: unicodedata.normalize("NFD", content.decode()).encode(),
    lambda draw, content: content + b"zz-1 1.00\n",
    lambda draw, content: content.replace(b" ", b" \xff", 1),
    lambda draw, content: content.replace(b"a", b"b", 1),
)


@FEWER
@given(tables(), st.data())
def test_fixing_twice_is_fixing_once_and_gives_what_is_valid(made, data):
    with folder() as path:
        write(path, made)
        damaged = data.draw(st.lists(st.sampled_from(sorted({*made, "spk2utt"})), max_size=3))
        for table in damaged:
            content = (path / table).read_bytes()
            (path / table).write_bytes(data.draw(st.sampled_from(DAMAGES))(data.draw, content))
        before = snapshot(path)
        try:
            mended = fix(path)
        except InputError:
            assert snapshot(path) == before and find_faults(path, require=())
            return
        assert find_faults(path, require=()) == []
        once, found = snapshot(path), read(path)
        assert mended.kept == len(found["utt2spk"]) and fix(path).changed == [] and snapshot(path) == once
        if not {"utt2spk", "segments", "wav.scp"} & set(damaged):  # what was sound keeps all of the utterances that stay
            wanted = restricted(made, set(found["utt2spk"]))
            assert set(made["utt2spk"]) == set(found["utt2spk"]) | set(made["utt2spk"]) & set(mended.removed)
            for name in set(made) - set(damaged):
                assert found.get(name) == wanted.get(name)


@FEWER
@given(tables())
def test_a_sound_directory_is_valid_and_left_alone(made):
    with folder() as path:
        before = snapshot(write(path, made))
        assert find_faults(path, require=()) == [] and fix(path).changed == [] and snapshot(path) == before
        assert read(path) == whole(made)


@FEWER
@given(tables(), st.booleans(), st.data())
def test_parts_of_a_split_combined_are_the_whole(made, per_utt, data):
    groups = len(made["utt2spk"]) if per_utt else len(set(made["utt2spk"].values()))
    parts = data.draw(st.integers(1, groups))
    with folder() as path:
        found = [read(part) for part in split(write(path / "all", made), parts, per_utt)]
        utterances = [list(part["utt2spk"]) for part in found]
        assert sorted(sum(utterances, [])) == sorted(made["utt2spk"]) and all(utterances)
        if per_utt:
            assert sum(utterances, []) == list(made["utt2spk"]) and max(map(len, utterances)) - min(map(len, utterances)) <= 1
        else:
            speakers = [set(part["utt2spk"].values()) for part in found]
            assert sum(map(len, speakers)) == len(set().union(*speakers))
        places = [path / "all" / f"split{parts}{'utt' if per_utt else ''}" / str(n) for n in range(1, parts + 1)]
        assert all(find_faults(place, require=()) == [] for place in places)
        left_out = combine(path / "again", data.draw(st.permutations(places)))
        assert set(left_out) <= set(COT_TABLES)
        assert read(path / "again") == {name: table for name, table in whole(made).items() if name not in left_out}


@FEWER
@given(tables(), st.sampled_from(("first", "utt_list", "spk_list")))
def test_a_subset_of_all_is_all(made, way):
    with folder() as path:
        write(path / "all", made)
        names = {"utt_list": made["utt2spk"], "spk_list": made["utt2spk"].values(), "first": ()}[way]
        (path / "list").write_text("".join(f"{name} x\n" for name in names), encoding="utf-8")
        subset(path / "all", path / "same", **{way: len(made["utt2spk"]) if way == "first" else path / "list"})
        assert snapshot(path / "same") == snapshot(path / "all")


@FEWER
@given(tables(), st.data())
def test_a_subset_holds_what_was_asked_for_and_nothing_else(made, data):
    chosen = data.draw(st.sets(st.sampled_from(list(made["utt2spk"])), min_size=1))
    with folder() as path:
        write(path / "all", made)
        (path / "list").write_text("".join(f"{name}\n" for name in chosen), encoding="utf-8")
        subset(path / "all", path / "some", utt_list=path / "list")
        assert find_faults(path / "some", require=()) == []
        found = read(path / "some")
    assert {name: table for name, table in found.items() if name != "spk2utt"} == restricted(made, chosen)
    assert list(found["utt2spk"]) == sorted(chosen, key=str.encode)


@FEWER
@given(tables(), NAMES)
def test_a_prefix_put_on_and_taken_off_is_the_same(made, prefix):
    prefix += "_"
    with folder() as path:
        copy(write(path / "all", made), path / "copy", utt_prefix=prefix, spk_prefix=prefix)
        assert find_faults(path / "copy", require=()) == []
        found = read(path / "copy")
        copy(path / "copy", path / "twice", utt_suffix="_z", spk_sort=False)
        twice = read(path / "twice")["utt2spk"]
        copy(path / "all", path / "same")
        assert snapshot(path / "same") == snapshot(path / "all")
    assert list(twice) == sorted((f"{key}_z" for key in found["utt2spk"]), key=str.encode)
    kept = ("wav.scp", "reco2channel") if "segments" in made else ()
    for name, table in made.items():
        values = {key if name in kept else key.removeprefix(prefix): value for key, value in found[name].items()}
        assert all(key.startswith(prefix) for key in found[name]) or name in kept
        if name == "utt2spk":
            values = {key: value.removeprefix(prefix) for key, value in values.items()}
        assert values == table


@FEWER
@given(tables(prefix="x"), tables(prefix="y"))
def test_combining_does_not_care_for_order(one, other):
    assume("utt2dur" in one and "utt2dur" in other or ("segments" in one) == ("segments" in other))
    with folder() as path:
        write(path / "one", one), write(path / "other", other)
        left = combine(path / "a", [path / "one", path / "other"])
        again = combine(path / "b", [path / "other", path / "one"])
        assert left == again and snapshot(path / "a") == snapshot(path / "b")
        assert find_faults(path / "a", require=()) == []
        assert list(read(path / "a")["utt2spk"]) == [*one["utt2spk"], *other["utt2spk"]]
