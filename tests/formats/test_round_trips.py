"""What a format can hold comes back as it was, what it cannot hold is said by name; hostile and faulty input is refused."""

import gzip
import io
import json
import pickle
import tarfile

import pytest
import soundfile

from c2ser.bin import export_data, import_data
from c2ser.datadir import DataDir, operations
from c2ser.datadir.validate import find_faults
from c2ser.errors import InputError
from c2ser.formats import FORMATS, nkululeko
from tests.formats.conftest import RATE, brought_in, sound, tables

SFT = {"ms-swift", "llamafactory"}
WHOLE = {"lhotse", "audformat", "nkululeko"}
"""Formats that know parts of files, and so hold every table."""


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", sorted(FORMATS))


def needs(name):
    for library in {"datasets": ["pyarrow"], "shar": ["lhotse"]}.get(name, []):
        pytest.importorskip(library, reason=f"{library} is not installed")


def test_round_trip(name, data, export, tmp_path):
    needs(name)
    out = export(name, data, "--mode", "explicit")
    back = brought_in(name, out, tmp_path / "back")
    if name in SFT:  # eva-2 has no label, and so no answer
        assert "1 utterances without cot_explicit (eva-2)" in export.said
        data = DataDir(subset(data, ["eva-1", "ivo-1"], tmp_path))
    before, after = tables(data), tables(back)
    if name in WHOLE:
        assert after == before and "cannot hold" not in export.said
    else:
        lost = export.said.rpartition("left out: ")[2].strip().split(", ")
        assert {*before} - {*after} <= {*lost} and {"segments", "reco2channel"} <= {*lost}
        assert not {*after} & {*lost}
        kept = {table: values for table, values in before.items() if table not in {*lost, "wav.scp"}}
        assert {table: values for table, values in after.items() if table != "wav.scp"} == kept
    assert not find_faults(back.path, require=("wav.scp", "utt2spk", "spk2utt"))
    again = export(name, back, *(["--mode", "explicit"] if name not in WHOLE else []), out="again")
    third = brought_in(name, again, tmp_path / "third")
    assert tables(third, {"wav.scp"}) == tables(back, {"wav.scp"})


def subset(data, utterances, folder):
    (folder / "list").write_text("\n".join(utterances))
    operations.subset(data.path, folder / "subset", utt_list=folder / "list")
    return folder / "subset"


def test_parts_of_recordings_are_kept_to_the_sample(name, data, export, tmp_path):
    """Where a format knows files alone, each utterance is one: that channel, those samples, to the bit."""
    needs(name)
    back = brought_in(name, export(name, data), tmp_path / "back")
    scp = back.read("wav.scp")
    if name in WHOLE:
        assert scp == data.read("wav.scp")
        return
    parts = {"eva-2": (round(0.25 * RATE), round(1.75 * RATE)), "ivo-1": (round(1.75 * RATE), 2 * RATE)}
    if name in SFT:
        parts.pop("eva-2")
    for utterance, (first, last) in parts.items():
        samples, rate = soundfile.read(scp[utterance], dtype="int16", always_2d=True)
        assert rate == RATE and (samples[:, 0] == sound(2, 2 * RATE)[first:last]).all() and samples.shape[1] == 1
    assert (soundfile.read(scp["eva-1"], dtype="int16")[0] == sound(3, 4800)).all()


def test_nothing_is_overwritten(name, data, export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    with pytest.raises(InputError, match="out: is there and not empty"):
        export(name, data)
    with pytest.raises(InputError, match="out: is there and not empty"):
        brought_in("nkululeko", write(tmp_path / "a.csv", CSV), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_the_same_again_gives_the_same_bytes(name, data, export, tmp_path):
    needs(name)
    one, two = (export(name, data, out=f"{tmp}/x") for tmp in ("one", "two"))
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    for file in files:
        if file.suffix not in (".tar",) and not (name == "shar" and file.suffix == ".gz"):  # lhotse notes the time
            content = (one / file).read_bytes().replace(str(one).encode(), str(two).encode())
            assert content == (two / file).read_bytes(), file


def test_infinite_loudness_and_counts_are_named(data, export):
    data.write("utt2loudness", {"eva-1": "-inf", "eva-2": "-3.0", "ivo-1": "-inf"})
    data.write("utt2num_samples", {"eva-1": "4800", "eva-2": "24000", "ivo-1": "4000"})
    export("lhotse", data)
    assert "lhotse cannot hold, left out: utt2num_samples, 2 × -inf of utt2loudness\n" in export.said


def test_what_an_export_needs(data, export):
    data.write("cot_implicit", {})
    with pytest.raises(InputError, match="data: nothing in cot_implicit; c2ser make-cot"):
        export("ms-swift", data)
    assert not (data.path.parent / "out").exists()


# what others write


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def wavs(tmp_path):
    """The files x.wav (mono) and y.wav (stereo), half a second each."""
    soundfile.write(tmp_path / "x.wav", sound(1, 8000), 16000)
    soundfile.write(tmp_path / "y.wav", sound(1, 16000).reshape(-1, 2), 16000)
    return tmp_path


CSV = "file,start,end,speaker,gender,emotion,age\n"


def test_nkululeko_as_others_write_it(wavs):
    write(wavs / "d.csv", CSV + "x.wav,0,0.25,03,female,anger,31\nx.wav,0 days 00:00:00.250000,NaT,03,female,boredom,31\n")
    back = brought_in("nkululeko", wavs / "d.csv", wavs / "back")
    assert back.read("utt2emo") == {"03-x-0000000-0000025": "angry", "03-x-0000025": "bored"}
    assert back.segments() == {"03-x-0000000-0000025": ("x", 0.0, 0.25), "03-x-0000025": ("x", 0.25, 0.5)}
    assert back.read("spk2gender") == {"03": "f"} and back.read("wav.scp") == {"x": str(wavs / "x.wav")}


def test_columns_and_labels_of_ones_own(wavs):
    write(wavs / "d.csv", "file,klasse,wer\nx.wav,Wut,anna k\n")
    back = brought_in("nkululeko", wavs / "d.csv", wavs / "back", "--columns", "emotion=klasse", "speaker=wer", "--labels", "Wut=angry")
    assert back.read("utt2emo") == {"anna_k-x": "angry"} and back.read("spk2utt") == {"anna_k": "anna_k-x"}


def test_ms_swift_as_others_write_it(wavs):
    """Both modes of one recording become one utterance; relative names, `audio` and a system's turn are taken."""
    lines = [
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "<audio>What?"}, {"role": "assistant", "content": "Angry."}], "audios": ["x.wav"]},
        {"messages": [{"role": "user", "content": "<audio>Why?"}, {"role": "assistant", "content": "The person shouts and so on, at length, so the person is angry."}], "audios": "x.wav"},
    ]  # fmt: skip
    path = write(wavs / "train.jsonl", "\n".join(map(json.dumps, lines)))
    back = brought_in("ms-swift", path, wavs / "back")
    assert back.read("utt2emo") == {"x": "angry"} and back.read("cot_implicit") == {"x": "Angry."}
    assert back.read("cot_explicit")["x"].startswith("The person shouts")


def test_short_rationales_are_told_by_their_prompt(data, export, tmp_path):
    """Chinese ones have no blanks and few characters; what others ask says nothing."""
    texts = {"eva-1": "说话者语速缓慢，音调很高。情绪：悲伤。", "ivo-1": "说话者语速很快。情绪：快乐。"}
    data.write("cot_explicit", texts)
    out = export("llamafactory", data, "--mode", "explicit", "--prompt_language", "zh")
    assert brought_in("llamafactory", out, tmp_path / "back").read("cot_explicit") == texts


def test_two_utterances_of_one_file_stay_two(wavs):
    lines = (SWIFT % "sad").replace('"audios"', '"id": "a", "audios"') + (SWIFT % "happy").replace('"audios"', '"id": "b", "audios"')
    back = brought_in("ms-swift", write(wavs / "d.jsonl", lines), wavs / "back")
    assert back.read("utt2emo") == {"a": "sad", "b": "happy"}


def test_audformat_as_others_write_it(wavs):
    """Tables joined, a speaker's gender from the scheme, words from a scheme's labels, a table of speakers."""
    write(wavs / "db.yaml", """
name: emodb
schemes:
  emotion: {dtype: str, labels: {W: {meaning: x}, anger: {}}}
  speaker: {dtype: int, labels: {3: {gender: male, language: deu, age: 31}}}
  transcription: {dtype: str, labels: {a01: Der Lappen}}
  who: {dtype: str, labels: people}
misc_tables: {people: {levels: {who: str}, columns: {gender: {}}}}
tables:
  emotion: {type: filewise, columns: {emotion: {scheme_id: emotion}, emotion.confidence: {}}}
  files: {type: filewise, columns: {speaker: {scheme_id: speaker}, transcription: {scheme_id: transcription}}}
""")  # fmt: skip
    write(wavs / "db.emotion.csv", "file,emotion,emotion.confidence\nx.wav,anger,0.9\n")
    write(wavs / "db.files.csv", "file,speaker,transcription\nx.wav,3,a01\n")
    write(wavs / "db.people.csv", "who,gender\n3,male\n")
    back = brought_in("audformat", wavs, wavs / "back")
    expected = {"utt2emo": "angry", "utt2spk": "3", "utt2lang": "de", "text": "Der Lappen"}
    assert {table: back.read(table)["3-x"] for table in expected} == expected and back.read("spk2gender") == {"3": "m"}


def test_audformat_says_of_files_what_holds_for_their_segments(wavs):
    write(wavs / "db.yaml", "tables: {files: {columns: {speaker: {}}}, parts: {columns: {emotion: {}}}}\n")
    write(wavs / "db.files.csv", "file,speaker\nx.wav,anna\n")
    write(wavs / "db.parts.csv", "file,start,end,emotion\nx.wav,0 days 00:00:00,0 days 00:00:00.2,sad\nx.wav,0 days 00:00:00.2,0 days 00:00:00.5,joy\n")
    back = brought_in("audformat", wavs, wavs / "back")
    assert back.read("utt2emo") == {"anna-x-0000000-0000020": "sad", "anna-x-0000020-0000050": "happy"}


@pytest.mark.parametrize("text, expected", [
    ("1 days 02:03:04.5", 86400 + 2 * 3600 + 3 * 60 + 4.5), ("0 days 00:01:00", 60.0), ("1.25", 1.25), ("2s", 2.0), ("NaT", None),
])  # fmt: skip
def test_times(text, expected):
    """Expected: pandas.Timedelta(text).total_seconds(), of which a bare number is in s here."""
    assert nkululeko.seconds(text, "here") == expected
    if expected and "days" in text:
        assert nkululeko.seconds(nkululeko.time(expected), "here") == expected


SWIFT = '{"messages": [{"role": "user", "content": "<audio>What?"}, {"role": "assistant", "content": "%s"}], "audios": ["x.wav"]}\n'
BAD = [
    ("nkululeko", "d.csv", CSV + "x.wav,,,03,female,rage,1\n", r"d.csv:2: unknown emotion label 'rage'"),
    ("nkululeko", "d.csv", CSV + "x.wav,,,03,female,anger,1\nz.wav,,,03,female,anger,1\n", r"d.csv:3: .*z.wav: no such file"),
    ("nkululeko", "d.csv", CSV + "x.wav,,\n", r"d.csv:2: 7 columns are named, but not so many are here"),
    ("nkululeko", "d.csv", CSV + "x.wav,0,9,1,female,anger,1\n", r"d.csv:2: 0.0–9.0 s lies outside .*x.wav, which lasts 0.5000 s"),
    ("nkululeko", "d.csv", CSV + "x.wav,soon,9,1,female,anger,1\n", r"d.csv:2: 'soon' is no time"),
    ("nkululeko", "d.csv", CSV + "touch mark |,,,1,female,anger,1\n", r"d.csv:2: .*touch mark \|': a path that wav.scp cannot hold"),
    ("nkululeko", "d.csv", CSV + "y.wav,,,1,female,anger,1\n", r"d.csv:2: .*y.wav: 2 channels; choose one with --channel"),
    ("nkululeko", "d.csv", "file,id\nx.wav,a\nx.wav,a\n", r"d.csv:3: utterance a: its id stands at .*d.csv:2 too"),
    ("nkululeko", "d.csv", "file,language,id\nx.wav,de,a\nx.wav,,b\n", r"d.csv:3: b has nothing for utt2lang, which others have"),
    ("nkululeko", "d.csv", "file,f0\nx.wav,high\n", r"d.csv:2: 'high' is not a number"),
    ("nkululeko", "d.csv", "a,b\nx,y\n", r"d.csv:2: no column `file`"),
    ("nkululeko", "d.csv", "file,emotion\n", r"no utterances were found"),
    ("ms-swift", "d.jsonl", '{"messages": 3}\n', r"d.jsonl:1: expected one turn of a user"),
    ("ms-swift", "d.jsonl", '\n{"messages": [\n', r"d.jsonl:2: not JSON"),
    ("ms-swift", "d.jsonl", SWIFT % "sad" + SWIFT % "happy", r"d.jsonl:2: a second implicit answer for x.wav, another than at .*d.jsonl:1"),
    ("ms-swift", "d.jsonl", (SWIFT % "sad").replace("assistant", "user"), r"d.jsonl:1: expected one turn of a user"),
    ("ms-swift", "d.jsonl", "7\n", r"d.jsonl:1: expected a JSON object"),
    ("llamafactory", "d.json", '[{"conversations": []}]', r"d.json: entry 1: expected one turn of a user"),
    ("llamafactory", "d.json", "[3]", r"d.json: entry 1: expected a JSON object"),
    ("lhotse", "cuts.jsonl", '{"type": "MixedCut", "tracks": []}\n', r"cuts.jsonl:1: MixedCut without a recording"),
    ("lhotse", "cuts.jsonl", '{"start": 0, "supervisions": [{"id": "a", "start": 0, "duration": 1}], "recording": {"id": "r", '
     '"sources": [{"type": "command", "source": "touch mark"}]}}\n', r"cuts.jsonl:1: sources command: .*nothing is run"),
    ("audformat", "db.yaml", "tables: {a: {columns: {}}}\n", r"table a: neither db.a.csv nor db.a.parquet is there; a pickle is not"),
    ("audformat", "db.yaml", "tables: !!python/object/apply:os.mkdir [mark]\n", r"db.yaml: damaged, or not of this format .*os.mkdir"),
    ("datasets", "d.parquet", "PAR1 not", r"d.parquet: (damaged|cannot be read)"),
    ("datasets", "d.txt", "", r"no file .*parquet"),
    ("shar", "cuts.000000.jsonl", "{}\n", r"its sound, recording.000000.tar, is not beside it"),
]  # fmt: skip


@pytest.mark.parametrize("format, file, text, message", BAD)
def test_bad_input_is_named_by_file_and_line(wavs, monkeypatch, format, file, text, message):
    if file.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    monkeypatch.chdir(wavs)
    (wavs / "in").mkdir()
    for name in ("x.wav", "y.wav"):
        (wavs / "in" / name).write_bytes((wavs / name).read_bytes())
    write(wavs / "in" / file, text)
    with pytest.raises(InputError, match=message):
        brought_in(format, wavs / "in", wavs / "back")
    assert not (wavs / "back").exists() and not (wavs / "mark").exists() and not list(wavs.glob(".*partial"))


class Bomb:
    def __reduce__(self):
        return print, ("a pickle was opened",)


def test_no_pickle_is_opened(wavs, capsys):
    """audformat itself would load this one: it lies where its cache of a table does."""
    write(wavs / "db.yaml", "tables: {emotion: {columns: {emotion: {}}}}\n")
    (wavs / "db.emotion.pkl").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="a pickle is not opened"):
        brought_in("audformat", wavs, wavs / "back")
    write(wavs / "db.emotion.csv", "file,emotion\nx.wav,sad\n")
    brought_in("audformat", wavs, wavs / "back")
    assert "a pickle was opened" not in capsys.readouterr().out


def test_shar_that_does_not_fit(data, export, tmp_path):
    """Sound of another cut, a link in the place of sound, and a tar file that is cut."""
    pytest.importorskip("lhotse", reason="lhotse is not installed")
    out = export("shar", data)
    whole = (out / "recording.000000.tar").read_bytes()
    with tarfile.open(out / "recording.000000.tar") as packed:
        members = [(member, packed.extractfile(member).read()) for member in packed]
    link = tarfile.TarInfo("eva-1.flac")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    order = members[2:4] + members[:2] + members[4:]
    for content, message in ((order, "does not hold its sound in its place"), ([(link, b""), *members[1:]], "expected pairs of a sound"),
                             (members[:4], "does not hold its sound in its place"), (None, "recording.000000.tar")):  # fmt: skip
        with tarfile.open(out / "recording.000000.tar", "w") as packed:
            for member, text in content or ():
                packed.addfile(member, io.BytesIO(text))
        if content is None:
            (out / "recording.000000.tar").write_bytes(whole[:3000])
        with pytest.raises(InputError, match=message):
            brought_in("shar", out, tmp_path / "back")
        assert not (tmp_path / "back").exists()


def test_a_damaged_gzip_is_named(wavs):
    whole = gzip.compress(b'{"id": "a"}\n' * 50)
    (wavs / "cuts.jsonl.gz").write_bytes(whole[:-12])
    with pytest.raises(InputError, match="cuts.jsonl.gz"):
        brought_in("lhotse", wavs, wavs / "back")


@pytest.mark.parametrize("pairs, message", [(["emotion"], "expected pairs"), (["mood=x"], "--columns mood=…: known are")])
def test_options_that_cannot_be(pairs, message):
    with pytest.raises(InputError, match=message):
        import_data.main(["--format", "nkululeko", "--from", "x", "--out_dir", "y", "--columns", *pairs])


def test_a_missing_library_is_named(data, export, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lhotse", None)
    with pytest.raises(InputError, match=r"needs lhotse .*pip install lhotse"):
        export_data.main(["--format", "shar", "--data_dir", str(data.path), "--out_dir", str(data.path.parent / "out")])
    assert not (data.path.parent / "out").exists()
    assert DataDir(data.path).has("wav.scp")


@pytest.mark.parametrize("form", sorted(WHOLE))
def test_relative_names_are_found_from_elsewhere(wavs, data, export, monkeypatch, form):
    """wav.scp counts from the working directory, which is another when the data are read again."""
    for table in data.tables():
        (data.path / table).unlink()
    data.write("wav.scp", {"x": "x.wav"})
    data.write_speakers({"x": "x"})
    monkeypatch.chdir(wavs)
    out = export(form, data)
    monkeypatch.chdir("/")
    assert brought_in(form, out, wavs / "back").read("wav.scp") == {"x": str(wavs / "x.wav")}
