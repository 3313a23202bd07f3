"""How much is read of a file: no more than it has, and of what unfolds no more than is stated."""

import datetime
import io

import numpy as np
import pytest
import soundfile
import torch

from c2ser import encodings, soundfiles, video
from c2ser.audio import read_audio
from c2ser.checkpoints.weights import check_size, load_inert
from c2ser.datadir.tables import read_table
from c2ser.errors import InputError


def test_a_text_that_is_read_whole_has_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "text"
    monkeypatch.setattr(encodings, "WHOLE", 100)
    path.write_bytes(b"a" * 100)
    assert encodings.read_text(path) == "a" * 100
    path.write_bytes(b"a" * 101)
    with pytest.raises(InputError, match="text: 101 bytes, more than the 100 of a text that is read as a whole; split it"):
        encodings.read_text(path)


@pytest.mark.parametrize("content", [bytes(10), b"a" * 5000 + bytes(5000), bytes(5000) + b"a" * 5000])
def test_a_text_with_a_hole_at_an_end_is_named(tmp_path, content):
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(InputError, match="text: zero bytes where its text should be: damaged, or never written"):
        encodings.read_text(tmp_path / "text")


def test_an_empty_text_is_one(tmp_path):
    (tmp_path / "text").write_bytes(b"")
    assert encodings.read_text(tmp_path / "text") == ""


def test_a_line_of_a_table_has_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "table"
    monkeypatch.setattr(encodings, "LINE", 20)
    path.write_text("a " + "x" * 17 + "\nb y\n")  # 20 bytes with its end
    assert read_table(path) == {"a": "x" * 17, "b": "y"}
    path.write_text("a y\nb " + "x" * 40)
    with pytest.raises(InputError, match="table:2: a line of more than 20 bytes: no table"):
        read_table(path)


def sound(tmp_path, name, seconds, rate=16000, channels=1):
    path = tmp_path / name
    soundfile.write(path, np.full((round(seconds * rate), channels), 0.1), rate)
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3"])
def test_sound_is_decoded_up_to_a_limit(tmp_path, monkeypatch, name):
    path = sound(tmp_path, name, 30)
    assert len(read_audio(str(path), most=31)) >= 480_000
    with pytest.raises(InputError, match=f"{name}: longer than 20 s, and no more is read at once; cut it into pieces"):
        read_audio(str(path), most=20)
    monkeypatch.setattr(soundfiles, "LARGEST", 320_000)
    with pytest.raises(InputError, match=f"{name}: longer than 20 s"):
        read_audio(str(path))
    with pytest.raises(InputError, match="stereo.wav: longer than 10 s"):  # twice the numbers a second
        read_audio(str(sound(tmp_path, "stereo.wav", 30, channels=2)), "mean")


def decoders():
    """FFmpeg's two ways that are here."""
    import shutil

    found = [video._decode_ffmpeg] if shutil.which("ffmpeg") else []
    try:
        import av  # noqa: F401
    except ImportError:
        return found
    return [*found, video._decode_av]


@pytest.mark.parametrize("decode", decoders(), ids=lambda one: one.__name__)
def test_containers_are_decoded_up_to_a_limit(tmp_path, monkeypatch, decode):
    path = sound(tmp_path, "a.wav", 90)
    assert len(decode(str(path), "a.wav", 91)[0]) == 90 * 16000
    with pytest.raises(InputError, match="a.wav: longer than 20 s"):
        decode(str(path), "a.wav", 20)
    monkeypatch.setattr(soundfiles, "LARGEST", 160_000)
    with pytest.raises(InputError, match="a.wav: longer than 10 s"):
        decode(str(path), "a.wav", None)


@pytest.mark.parametrize(("rate", "fine"), [(1, False), (999, False), (1000, True), (8000, True), (1_000_001, False)])
def test_rates_are_those_of_speech(tmp_path, rate, fine):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(4000, 0.1), rate)
    if fine:
        assert len(read_audio(str(path))) == 4000 * 16000 // rate
    else:
        with pytest.raises(InputError, match=f"a.wav: {rate} Hz: speech has 1,000 to 1,000,000 samples a second"):
            read_audio(str(path))


def test_a_model_is_made_no_larger_than_its_weights():
    """A linear layer from 10 to 10 has 110 numbers; 8 times 14 are more, 8 times 13 less."""
    asked = []

    def make():
        asked.append(torch.nn.Linear(10, 10))
        return asked[-1]

    check_size(make, {"a": torch.zeros(10), "b": torch.zeros(4)}, 2, "a.pt")
    assert all(weight.is_meta for weight in asked[0].parameters())  # and so takes no memory
    with pytest.raises(InputError, match="a.pt: holds 13 numbers, but its configuration asks for 110"):
        check_size(make, {"a": torch.zeros(13)}, 1, "a.pt")
    with pytest.raises(InputError, match="a.pt: no network has the sizes of its configuration .2 layers"):
        check_size(make, {"a": torch.zeros(200)}, 2, "a.pt")
    with pytest.raises(InputError, match="a.pt: no network has the sizes of its configuration"):
        check_size(lambda: torch.nn.Linear(-1, 10), {"a": torch.zeros(200)}, 1, "a.pt")


def test_what_a_training_keeps_is_read_without_running_anything(tmp_path):
    random = np.random.default_rng(3)
    kept = {
        "time": datetime.timedelta(seconds=3.25), "loss": np.float64(0.1), "count": np.int64(7), "right": np.bool_(True),
        "array": random.normal(size=(2, 3)), "state": random.bit_generator.state, "legacy": np.random.RandomState(1).get_state(),
        "step": torch.tensor(3.0), "nested": {1: {"train": {"loss": (1.5, None)}}},
    }  # fmt: skip
    torch.save(kept, tmp_path / "checkpoint.pth")
    read = load_inert(tmp_path / "checkpoint.pth")
    assert read.keys() == kept.keys()
    for name in ("time", "loss", "count", "right", "state", "step", "nested"):
        assert read[name] == kept[name] and type(read[name]) is type(kept[name]), name
    assert np.array_equal(read["array"], kept["array"]) and np.array_equal(read["legacy"][1], kept["legacy"][1])
    stream = io.BytesIO((tmp_path / "checkpoint.pth").read_bytes())
    assert load_inert(stream)["loss"] == 0.1


def test_arks_of_a_training_are_read_as_espnet_reads_them(tmp_path):
    from espnet2.train.dataset import DATA_TYPES

    from c2ser.tasks.reading import archives, inert
    from tests.builders import dump

    folder, theirs = dump(tmp_path, 3), DATA_TYPES["kaldi_ark"]["func"]
    for table in ("wav.scp", "emotion.scp"):
        wanted = theirs(str(folder / table), "float32", 32, allow_multi_rates=False)
        with inert():
            assert DATA_TYPES["kaldi_ark"]["func"] is archives
            found = archives(str(folder / table), "float32", 32, allow_multi_rates=False)
        assert list(found) == list(wanted) and len(found) == 3
        for utterance in wanted:
            assert np.array_equal(found[utterance], wanted[utterance]) and found[utterance].dtype == np.float32
    assert DATA_TYPES["kaldi_ark"]["func"] is theirs and torch.load.__module__ == "torch.serialization"


def test_no_text_of_others_becomes_markup(tmp_path):
    """An utterance's id, its transcript and all other texts of a report stay text."""
    from html.parser import HTMLParser

    from c2ser.evaluation import report
    from c2ser.evaluation.hardest import HardError
    from c2ser.evaluation.report_files import render_html

    evil = "</td><script>alert(1)</script><img src=x onerror='alert(1)'>\" onload=\"x"
    (tmp_path / "conf").write_text(evil)
    error = HardError(evil, evil, evil, evil, evil, 0.5, ((evil, 0.5),), evil, evil, evil)
    chart = [{"sets": evil, "chance": 50.0, "bars": [(evil, 60.0, 50.0, 70.0)]}]
    section = report.Section(report.LEADERBOARD, ((evil, "x"), (evil, evil)), (), (evil,), evil)
    other = report.Section(report.HARDEST, ((evil, "x"), (evil, evil)), (), (evil,), evil)
    made = report.Report(evil, [(evil, evil)], evil, [tmp_path / "conf"], [section, other], chart, [error], evil, [other])
    tags, words = [], []

    class Seen(HTMLParser):
        def handle_starttag(self, tag, attributes):
            tags.append((tag, dict(attributes)))

        def handle_data(self, data):
            words.append(data)

    seen = Seen()
    seen.feed(render_html(made, tmp_path))
    assert "script" not in {tag for tag, _ in tags} and "img" not in {tag for tag, _ in tags}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert "".join(words).count("<script>alert(1)</script>") >= 10
    assert any("default-src 'none'" in (attributes.get("content") or "") for _, attributes in tags)
