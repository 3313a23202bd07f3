"""Every kind of damage is inflicted on a sound directory and must be named with file and line."""

import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from c2ser.audio import read_utterances
from c2ser.datadir.validate import find_faults, validate
from c2ser.errors import InputError


def edit(data_dir, table, change):
    """Apply a function to the bytes of a table."""
    path = data_dir.path / table
    path.write_bytes(change(path.read_bytes()))


def swap(old, new):
    """A change that replaces the first occurrence, which must be there."""

    def change(content):
        assert old.encode() in content
        return content.replace(old.encode(), new if isinstance(new, bytes) else new.encode(), 1)

    return change


def swap_first_lines(content):
    first, second, *rest = content.splitlines(keepends=True)
    return b"".join([second, first, *rest])


def drop_first_line(content):
    return content.partition(b"\n")[2]


# kind of the fault, table that is damaged, how, line that must be named (None: the file), words the message must hold
FORM = [
    ("empty", "text", lambda content: b"", None, "empty"),
    ("empty", "utt2emo", lambda content: b"\n \n", None, "empty"),
    ("bom", "text", lambda content: b"\xef\xbb\xbf" + content, 1, "byte order mark"),
    ("crlf", "utt2spk", lambda content: content.replace(b"\n", b"\r\n"), 2, "carriage return"),
    ("not-utf8", "text", swap("stop tak ann-2", b"stop \xff"), 2, "UTF-8"),
    ("not-utf8", "text", lambda content: content.decode().encode("utf-16"), 1, "UTF-8"),
    ("blank-line", "utt2lang", swap("ann-2", "\nann-2"), 2, "blank line"),
    ("no-value", "utt2emo", swap("ann-2 happy", "ann-2"), 2, "ann-2 has no value"),
    ("no-value", "wav.scp", lambda content: b"ann-1\n" + drop_first_line(content), 1, "ann-1 has no value"),
    ("duplicate", "utt2emo", swap("ann-2 happy\n", "ann-2 happy\nann-2 happy\n"), 3, "duplicate id ann-2, the same as"),
    ("conflict", "utt2emo", swap("ann-2 happy\n", "ann-2 happy\nann-2 angry\n"), 3, "line 2 says 'happy'"),
    ("unsorted", "utt2emo", swap_first_lines, 2, "ann-1 stands after ann-2"),
    ("no-newline", "text", lambda content: content.removesuffix(b"\n"), 5, "no newline"),
    ("leading-blank", "utt2emo", swap("ann-2", " ann-2"), 2, "blank before the id"),
    ("trailing-blank", "utt2emo", swap("ann-2 happy", "ann-2 happy "), 2, "blank at the end"),
    ("double-blank", "utt2emo", swap("ann-2 happy", "ann-2  happy"), 2, "more than one blank"),
    ("tab", "utt2emo", swap("ann-2 happy", "ann-2\thappy"), 2, "a tab"),
    ("odd-id", "utt2emo", swap("ann-2 ", "ann-2\u3000x "), 2, "blank that is not U+0020"),
    ("control", "text", swap("stop tak ann-2", "stop\x07tak"), 2, "U+0007"),
    ("control", "text", swap("stop tak ann-2", "stop\rtak"), 2, "U+000D"),
    ("mojibake", "text", swap("stop tak ann-2", "I\u0092m"), 2, "U+0092 is a C1 control character; it stands for '’'"),
    ("replacement", "text", swap("stop tak ann-2", "st\ufffdp"), 2, "U+FFFD"),
]

VALUES = [
    ("emotion", "utt2emo", swap("ann-2 happy", "ann-2 joyous"), 2, "unknown emotion 'joyous'"),
    ("emotion", "utt2emo", swap("ann-2 happy", "ann-2 Happiness"), 2, "is written 'happy'"),
    ("language", "utt2lang", swap("ann-2 pl", "ann-2 Polish"), 2, "no language code"),
    ("language", "utt2lang", swap("ann-2 pl", "ann-2 cn"), 2, "write 'zh'"),
    ("language", "utt2lang", swap("ann-2 pl", "ann-2 PL"), 2, "write 'pl'"),
    ("language", "utt2lang", swap("ann-2 pl", "ann-2 eng"), 2, "write 'en'"),
    ("corpus", "utt2corpus", swap("ann-2 toy", "ann-2 toy corpus"), 2, "'toy corpus' is not one name"),
    ("duration", "utt2dur", swap("ann-2 1.00", "ann-2 0"), 2, "'0' is not a positive number"),
    ("duration", "utt2dur", swap("ann-2 1.00", "ann-2 nan"), 2, "'nan'"),
    ("duration", "utt2dur", swap("ann-2 1.00", "ann-2 1,00"), 2, "'1,00'"),
    ("samples", "utt2num_samples", swap("ann-2 16000", "ann-2 16000.5"), 2, "positive integer"),
    ("samples", "utt2num_samples", swap("ann-2 16000", "ann-2 -16000"), 2, "positive integer"),
    ("dur-samples", "utt2dur", swap("ann-2 1.00", "ann-2 1.20"), 2, "1.20 s, but utt2num_samples says 16000"),
    ("style", "utt2style", swap("ann-2 speed=low", "ann-2 speed=slow"), 2, "style"),
    ("style", "utt2style", swap("ann-2 speed=low pitch=medium volume=high", "ann-2 pitch=low speed=low"), 2, "style"),
    ("style", "utt2style", swap("ann-2 speed=low pitch=medium volume=high", "ann-2 intonation=high"), 2, "style"),
    ("f0", "utt2f0", swap("ann-1 210.55", "ann-1 -210.55"), 1, "'-210.55' is not a number from 0"),
    ("f0", "utt2f0", swap("ann-1 210.55", "ann-1 210Hz"), 1, "'210Hz'"),
    ("loudness", "utt2loudness", swap("ann-1 -23.10", "ann-1 inf"), 1, "loudness 'inf'"),
    ("rate", "utt2rate", swap("ann-1 10.500", "ann-1 -inf"), 1, "'-inf'"),
    ("gender", "spk2gender", swap("ann f", "ann female"), 1, "'female'"),
    ("channel", "reco2channel", swap("ann-1 1", "ann-1 0"), 1, "channel '0'"),
    ("channel", "reco2channel", swap("ann-1 1", "ann-1 left"), 1, "channel 'left'"),
    ("speaker", "utt2spk", swap("ann-2 ann", "ann-2 ann two"), 2, "not one speaker id"),
]

AGREEMENT = [
    ("spk-prefix", "utt2spk", swap("ann-2 ann", "ann-2 bob"), 2, "does not start with its speaker's id bob"),
    ("spk2utt", "spk2utt", swap("ann-2 ", ""), 1, "differ in ann-2"),
    ("spk2utt", "spk2utt", swap("ann-1 ann-2", "ann-2 ann-1"), 1, "in another order"),
    ("spk2utt", "spk2utt", swap("ann ", "anna "), 1, "speaker anna is not in utt2spk"),
    ("spk2utt", "spk2utt", drop_first_line, None, "lacks 1 speakers of utt2spk: ann"),
    ("missing-id", "utt2lang", drop_first_line, None, "lacks 1 ids of utt2spk: ann-1"),
    ("extra-id", "utt2emo", swap("ann-2 happy", "ann-1b sad\nann-2 happy"), 2, "ann-1b is not in utt2spk"),
    ("missing-id", "wav.scp", drop_first_line, None, "lacks 1 ids of utt2spk: ann-1"),
    ("extra-id", "text", swap("ann-2 stop", "ann-1b ?\nann-2 stop"), 2, "ann-1b is not in utt2spk"),
    ("extra-id", "spk2gender", swap("ann f", "ann f\nbob m"), 2, "bob is not in utt2spk"),
    ("extra-id", "reco2channel", swap("ann-1 1", "ann-0 1\nann-1 1"), 1, "ann-0 is not in wav.scp"),
]

SEGMENTS = [
    ("segment", "segments", swap("ann-rec 1.0 2.0", "ann-rec 1.0"), 2, "`recording start end`"),
    ("segment", "segments", swap("ann-rec 1.0 2.0", "ann-rec 1.0 end"), 2, "`recording start end`"),
    ("segment", "segments", swap("ann-rec 1.0 2.0", "ann-rec 1.0 1.0"), 2, "not after its start"),
    ("segment", "segments", swap("ann-rec 0.0 1.0", "ann-rec -0.5 1.0"), 1, "times count from 0"),
    ("unknown-recording", "segments", swap("ann-2 ann-rec", "ann-2 rec-ann"), 2, "recording rec-ann is not in wav.scp"),
    ("extra-id", "wav.scp", lambda content: b"a-rec x.wav\n" + content, 1, "a-rec is not in segments"),
    ("missing-id", "segments", drop_first_line, None, "lacks 1 ids of utt2spk: ann-1"),
]


def identify(case):
    return f"{case[0]}-{case[1]}"


def assert_found(data_dir, kind, table, line, words, **options):
    found = [fault for fault in find_faults(data_dir.path, **options) if fault.kind == kind]
    where = (str(data_dir.path / table), line)
    named = [fault for fault in found if (fault.path, fault.line) == where]
    assert named, f"no {kind} at {where}, only {found}"
    assert words in named[0].message
    with pytest.raises(InputError) as error:
        validate(data_dir.path, **options)
    assert (f"{where[0]}:{line}: " if line else f"{where[0]}: ") in str(error.value)


@pytest.mark.parametrize("case", FORM + VALUES + AGREEMENT, ids=identify)
def test_damage_is_named(good, case):
    kind, table, change, line, words = case
    assert find_faults(good.path) == []
    edit(good, table, change)
    before = {path.name: path.read_bytes() for path in good.path.iterdir()}
    assert_found(good, kind, table, line, words)
    assert before == {path.name: path.read_bytes() for path in good.path.iterdir()}


@pytest.mark.parametrize("case", SEGMENTS, ids=identify)
def test_damaged_segments_are_named(segmented, case):
    kind, table, change, line, words = case
    assert find_faults(segmented.path, check_audio=True) == []
    edit(segmented, table, change)
    assert_found(segmented, kind, table, line, words)


def test_kinds_are_many():
    assert len({case[0] for case in FORM + VALUES + AGREEMENT + SEGMENTS}) >= 30


@pytest.mark.parametrize("table", ["wav.scp", "text", "utt2spk", "spk2utt", "utt2emo"])
def test_missing_table(good, table):
    (good.path / table).unlink()
    assert_found(good, "no-table", table, None, "no such file")
    if table in ("wav.scp", "text", "utt2emo"):
        assert find_faults(good.path, require=("utt2spk", "spk2utt")) == []


def test_missing_directory(tmp_path):
    with pytest.raises(InputError, match="train: no such directory"):
        validate(tmp_path / "train")


def test_id_not_nfc(good):
    for table in good.tables():
        edit(good, table, lambda content: content.replace("李雷".encode(), unicodedata.normalize("NFD", "ań").encode()))
    kinds = {fault.kind for fault in find_faults(good.path)}
    assert kinds == {"not-nfc"}


def test_options(good):
    edit(good, "utt2spk", swap("ann-1 ann\nann-2 ann\nann-3 ann", "ann-1 x\nann-2 x\nann-3 x"))
    edit(good, "spk2utt", swap("ann ", "x "))
    edit(good, "spk2gender", swap("ann ", "x "))
    assert {fault.kind for fault in find_faults(good.path)} == {"spk-prefix"}
    assert find_faults(good.path, spk_sort=False) == []
    faults = find_faults(good.path, spk_sort=False, emotions=("angry", "happy"))
    assert [(fault.kind, fault.line) for fault in faults] == [("emotion", 3)]
    assert "use one of angry, happy" in faults[0].message


def test_further_labels_and_languages_are_legal(good):
    edit(good, "utt2emo", swap("ann-2 happy", "ann-2 bored"))
    edit(good, "utt2lang", swap("ann-2 pl", "ann-2 yue"))
    assert find_faults(good.path) == []


def test_duration_fits_any_usual_rate(good):
    edit(good, "utt2num_samples", swap("ann-2 16000", "ann-2 44100"))
    assert find_faults(good.path) == []
    edit(good, "utt2num_samples", swap("ann-2 44100", "ann-2 40000"))
    assert [fault.kind for fault in find_faults(good.path)] == ["dur-samples"]


def test_faults_of_one_kind_do_not_hide_the_others(good):
    edit(good, "utt2emo", swap("ann-2 happy", "ann-2 joyous"))
    edit(good, "text", lambda content: b"".join(b"ann-%d x\r\n" % number for number in range(1, 400)))
    with pytest.raises(InputError) as error:
        validate(good.path)
    assert "'joyous'" in str(error.value)
    assert "399 × crlf" in str(error.value)
    assert len(str(error.value).splitlines()) <= 22


AUDIO = [
    ("no such file", lambda path: path.unlink()),
    ("the file is empty", lambda path: path.write_bytes(b"")),
    ("not audio", lambda path: path.write_text("hello, this is no sound at all")),
    ("no samples", lambda path: soundfile.write(path, np.zeros(0), 16000)),
    ("NaN", lambda path: soundfile.write(path, np.full(800, np.nan, np.float32), 16000, subtype="FLOAT")),
    ("truncated", lambda path: path.write_bytes(path.read_bytes()[:9000])),
    ("2 channels", lambda path: soundfile.write(path, np.zeros((16000, 2)), 16000)),
    ("lasts 0.50 s", lambda path: soundfile.write(path, np.zeros(8000), 16000)),
]


@pytest.mark.parametrize("words, change", AUDIO, ids=[words for words, _ in AUDIO])
def test_damaged_audio_is_named(good, words, change):
    assert find_faults(good.path, check_audio=True) == []
    change(Path(good.read("wav.scp")["ann-3"]))
    assert find_faults(good.path) == []
    faults = find_faults(good.path, check_audio=True)
    assert [fault.line for fault in faults] == [3]
    assert faults[0].message.startswith("ann-3: ") and words in faults[0].message


def test_segment_beyond_its_recording(segmented):
    edit(segmented, "segments", swap("ann-rec 2.0 3.0", "ann-rec 2.0 3.5"))
    assert find_faults(segmented.path) == []
    words = "segment 2.0–3.5 s lies outside its recording ann-rec of 3.0000 s"
    assert_found(segmented, "segment", "segments", 3, words, check_audio=True)


@pytest.mark.parametrize(
    "start, end, sound",
    [("2.0", "3.1", True), ("2.0", "3.11", False), ("2.99", "3.05", True), ("3.0", "3.05", False)],
)
def test_segments_that_end_a_little_late(segmented, start, end, sound):
    """A tenth of a second is rounding; a segment that begins where its recording ends holds nothing."""
    edit(segmented, "segments", swap("ann-rec 2.0 3.0", f"ann-rec {start} {end}"))
    (segmented.path / "utt2dur").unlink(missing_ok=True)
    found = [fault.kind for fault in find_faults(segmented.path, check_audio=True)]
    assert found == ([] if sound else ["segment"])
    if sound:
        assert len(dict(read_utterances(segmented))["ann-3"]) == round(16000 * (3 - float(start)))
    else:
        with pytest.raises(InputError, match="utterance ann-3: segment .* outside its 3.0000 s recording"):
            list(read_utterances(segmented, ["ann-3"]))


def test_commands_run_only_when_allowed(good, tmp_path):
    shutil.copy(good.read("wav.scp")["ann-1"], tmp_path / "a.wav")
    good.write("wav.scp", good.read("wav.scp") | {"ann-1": f"cat {tmp_path}/a.wav |"})
    assert find_faults(good.path) == []
    assert_found(good, "audio", "wav.scp", 1, "--allow_commands true", check_audio=True)
    assert find_faults(good.path, check_audio=True, allow_commands=True) == []


def test_relative_paths_are_legal(good, monkeypatch):
    wav_scp = good.read("wav.scp")
    monkeypatch.chdir(good.path.parents[1])
    good.write("wav.scp", {key: f"音频 files/{value.rpartition('/')[2]}" for key, value in wav_scp.items()})
    assert find_faults(good.path, check_audio=True) == []
