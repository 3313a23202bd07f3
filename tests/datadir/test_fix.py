"""What can be mended is mended, with a backup; what cannot stops everything before a file is changed."""

import os
import unicodedata

import pytest

from c2ser.datadir.fix import fix
from c2ser.datadir.validate import find_faults
from c2ser.errors import InputError


def snapshot(path):
    """Every file below a directory with its bytes."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def edit(data_dir, table, change):
    path = data_dir.path / table
    content = change(path.read_bytes())
    assert content != path.read_bytes()
    path.write_bytes(content)


def replace(old, new):
    return lambda content: content.replace(old.encode(), new.encode())


MENDABLE = [
    ("utt2emo", lambda content: b"\xef\xbb\xbf" + content),
    ("utt2emo", lambda content: content.replace(b"\n", b"\r\n")),
    ("utt2emo", lambda content: content.removesuffix(b"\n")),
    ("utt2emo", lambda content: b"\n".join(reversed(content.splitlines())) + b"\n"),
    ("utt2emo", lambda content: content + content.splitlines(keepends=True)[0]),
    ("utt2emo", replace("ann-2 happy", "ann-2\thappy")),
    ("utt2emo", replace("ann-2 happy", " ann-2  happy ")),
    ("utt2emo", replace("ann-2", "\n \nann-2")),
    ("text", lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b" \r\n")),
    ("spk2utt", replace("ann-1 ann-2", "ann-2")),
    ("spk2utt", lambda content: b"\xff nonsense"),
]


@pytest.mark.parametrize("table, change", MENDABLE)
def test_form_is_mended_and_content_kept(good, table, change):
    sound = snapshot(good.path)
    edit(good, table, change)
    damaged = (good.path / table).read_bytes()
    assert find_faults(good.path)
    mended = fix(good.path)
    assert (mended.kept, mended.removed, mended.changed) == (5, {}, [table])
    assert find_faults(good.path) == []
    assert {name: content for name, content in snapshot(good.path).items() if ".backup" not in name} == sound
    assert snapshot(good.path / ".backup") == {table: damaged, "removed_utterances": b""}


def test_sound_directory_is_left_alone(good):
    before = snapshot(good.path)
    assert fix(good.path).changed == []
    assert snapshot(good.path) == before


def test_spk2utt_is_made(good):
    sound = (good.path / "spk2utt").read_bytes()
    (good.path / "spk2utt").unlink()
    assert fix(good.path).changed == ["spk2utt"]
    assert (good.path / "spk2utt").read_bytes() == sound


def test_utterances_that_a_table_lacks_are_left_out_and_listed(good):
    edit(good, "utt2lang", replace("ann-1 pl\n", ""))
    edit(good, "wav.scp", lambda content: b"".join(content.splitlines(keepends=True)[:3]))
    edit(good, "text", replace("ann-2 ", "ann-1b a\nann-2 "))
    mended = fix(good.path)
    assert mended.kept == 2
    assert list(mended.removed) == ["ann-1", "ann-1b", "李雷-1", "李雷-2", "李雷"]
    assert mended.removed["ann-1"] == "not in utt2lang"
    assert mended.removed["李雷-1"] == "not in wav.scp"
    assert "utt2spk" in mended.removed["ann-1b"] and "wav.scp" in mended.removed["ann-1b"]
    assert find_faults(good.path) == []
    assert good.utterances() == ["ann-2", "ann-3"]
    assert good.read("spk2gender") == {"ann": "f"} and good.read("spk2utt") == {"ann": "ann-2 ann-3"}
    listed = (good.path / ".backup" / "removed_utterances").read_text(encoding="utf-8").splitlines()
    assert listed == [f"{key} {why}" for key, why in mended.removed.items()]
    assert len((good.path / ".backup" / "utt2spk").read_text(encoding="utf-8").splitlines()) == 5


def test_an_utterance_without_a_label_is_kept(good):
    """Absent from utt2emo, called unknown, or without a rationale: nothing of it is a fault."""
    edit(good, "utt2emo", replace("ann-1 angry\n", ""))
    edit(good, "utt2emo", replace("ann-2 happy", "ann-2 unknown"))
    good.write("cot_explicit", {"ann-3": "Calm. Emotion: neutral."})
    assert find_faults(good.path) == [] and fix(good.path).changed == []
    edit(good, "utt2emo", replace("李雷-1", "ann-9 sad\n李雷-1"))
    mended = fix(good.path)
    assert mended.kept == 5 and mended.removed == {"ann-9": "in utt2emo, but used by no utterance"}
    assert good.labels() == {"ann-3": "neutral", "李雷-1": "angry", "李雷-2": "happy"}
    assert good.unlabelled() == ["ann-1", "ann-2"]


def test_segments_decide_which_recordings_stay(segmented):
    edit(segmented, "segments", lambda content: b"".join(content.splitlines(keepends=True)[:2]))
    mended = fix(segmented.path)
    assert segmented.utterances() == ["ann-1", "ann-2"]
    assert list(segmented.read("wav.scp")) == list(segmented.read("reco2channel")) == ["ann-rec"]
    assert mended.removed["李雷-rec"] == "in wav.scp, but used by no utterance"
    assert find_faults(segmented.path, check_audio=True) == []


def test_utterances_of_a_missing_recording_are_left_out(segmented):
    edit(segmented, "wav.scp", lambda content: content.splitlines(keepends=True)[1])
    assert fix(segmented.path).removed["ann-2"] == "not in wav.scp"
    assert segmented.utterances() == ["李雷-1", "李雷-2"]
    assert find_faults(segmented.path) == []


def test_the_backup_is_that_of_the_last_change(good):
    edit(good, "utt2lang", lambda content: content.replace(b"\n", b"\r\n"))
    fix(good.path)
    edit(good, "utt2dur", replace("ann-1 1.00\n", ""))
    fix(good.path)
    assert fix(good.path).changed == []
    backup = snapshot(good.path / ".backup")
    assert b"\r" not in backup["utt2lang"] and backup["utt2lang"].startswith(b"ann-1 pl\n")
    assert backup["removed_utterances"] == b"ann-1 not in utt2dur\n"


def test_a_table_of_which_nothing_stays_is_removed(good):
    edit(good, "utt2lang", lambda content: b"".join(content.splitlines(keepends=True)[3:]))
    assert fix(good.path).removed["ann-1"] == "not in utt2lang"
    assert not good.has("reco2channel") and (good.path / ".backup" / "reco2channel").is_file()
    assert find_faults(good.path) == []


def test_ids_get_one_unicode_form(good):
    composed = unicodedata.normalize("NFC", "ań")
    for number, table in enumerate(sorted(set(good.tables()) - {"reco2channel"})):
        form = unicodedata.normalize(("NFC", "NFD")[number % 2], composed)
        edit(good, table, replace("李雷", form))
    assert find_faults(good.path)
    mended = fix(good.path)
    assert mended.kept == 5
    assert find_faults(good.path) == []
    assert f"{composed}-1" in good.utterances()


UNMENDABLE = [
    ("utt2emo", replace("ann-2 happy\n", "ann-2 happy\nann-2 angry\n"), "utt2emo:3: duplicate id ann-2"),
    ("utt2emo", replace("ann-2 happy", "ann-2 joyous"), "utt2emo:2: ann-2: unknown emotion"),
    ("utt2emo", replace("ann-2 happy", "ann-2"), "utt2emo:2: ann-2 has no value"),
    ("utt2dur", replace("ann-2 1.00", "ann-2 nan"), "utt2dur:2: ann-2"),
    ("text", lambda content: content.replace(b"tak ann-2", b"\xff"), "text:2: not UTF-8"),
    ("text", replace("tak ann-2", "I\u0092m"), "text:2: ann-2: U\\+0092"),
    ("utt2spk", replace("ann-2 ann", "ann-2 bob"), "utt2spk:2: ann-2 does not start"),
    ("utt2lang", lambda content: b"x pl\n", "no utterance is in every table .*1 in utt2lang"),
    ("utt2lang", lambda content: b"", "no utterance is in every table"),
    ("utt2emo", lambda content: b"x happy\n", "utt2emo: none of its 1 ids is an utterance"),
    ("utt2emo", lambda content: b"", "utt2emo: the table is empty"),
]


@pytest.mark.parametrize("table, change, words", UNMENDABLE)
def test_what_a_person_must_mend_changes_nothing(good, table, change, words):
    edit(good, "utt2lang", lambda content: content.replace(b"\n", b"\r\n"))
    edit(good, table, change)
    before = snapshot(good.path)
    with pytest.raises(InputError, match=f"(?s){words}.*|.*nothing was changed.*{words}"):
        fix(good.path)
    assert snapshot(good.path) == before


def test_missing_utt2spk(good):
    (good.path / "utt2spk").unlink()
    with pytest.raises(InputError, match="utt2spk: no such file"):
        fix(good.path)


def test_failure_while_writing_changes_nothing(good, monkeypatch):
    edit(good, "utt2emo", lambda content: content.replace(b"\n", b"\r\n"))
    edit(good, "utt2lang", lambda content: content.replace(b"\n", b"\r\n"))
    before, moves, move = snapshot(good.path), [], os.replace

    def fail_at_the_second_table(source, target):
        if "new" in str(source) and target.parent == good.path:
            moves.append(target)
            if len(moves) == 2:
                raise OSError("disk full")
        move(source, target)

    monkeypatch.setattr(os, "replace", fail_at_the_second_table)
    with pytest.raises(OSError, match="disk full"):
        fix(good.path)
    assert len(moves) == 2
    assert snapshot(good.path) == before
