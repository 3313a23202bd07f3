"""Where to listen in a long recording, and that it is read piece by piece what it is as a whole."""

import math
import sys

import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import lfilter

from c2ser import soundfiles
from c2ser.audio import audio_blocks, read_audio
from c2ser.errors import InputError
from c2ser.timeline.timeline import Segment, Survey, merged
from c2ser.timeline.turns import Turn, pieces, read_rttm, sounds, speech_turns, windows


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    """write(name, rate=…, channels=…): 9.3 s of noise, several blocks of it."""
    folder, random = tmp_path_factory.mktemp("long"), np.random.default_rng(0)

    def write(name, rate=16000, channels=1, **options):
        samples = random.normal(0, 0.1, (round(9.3 * rate), channels))
        soundfile.write(folder / name, samples, rate, **options)
        return str(folder / name)

    return write


@pytest.mark.parametrize(
    ("name", "rate", "channels", "channel"),
    [("a.wav", 16000, 1, None), ("b.flac", 44100, 2, "2"), ("c.ogg", 8000, 2, "mean"), ("d.mp3", 16000, 1, None)],
)
def test_pieces_are_together_what_the_whole_is(long_file, monkeypatch, name, rate, channels, channel):
    monkeypatch.setattr(soundfiles, "BLOCK", 10007)
    path = long_file(name, rate, channels)
    blocks = list(audio_blocks(path, channel))
    assert len(blocks) > 6 and max(map(len, blocks)) < 40000
    wanted = read_audio(path, channel)
    np.testing.assert_allclose(np.concatenate(blocks), wanted, atol=1e-6, rtol=0)  # the resampler sums in float32
    assert np.concatenate(blocks).dtype == np.float32 and (rate != 16000 or np.array_equal(np.concatenate(blocks), wanted))


def test_what_is_cut_or_absent_is_refused(long_file, tmp_path):
    content = open(long_file("whole.flac"), "rb").read()
    for name, held, message in (
        ("cut.flac", content[: len(content) * 3 // 4], "cut.flac: truncated or damaged"), ("empty.wav", b"", "the file is empty"),
        ("text.wav", b"no sound" * 99, "text.wav: .*not audio|text.wav: cannot"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(held)
        with pytest.raises(InputError, match=message):
            list(audio_blocks(str(tmp_path / name)))
    with pytest.raises(InputError, match="none.wav: no such file"):
        list(audio_blocks("none.wav"))
    with pytest.raises(InputError, match="2 channels; choose one"):
        list(audio_blocks(long_file("two.wav", 16000, 2)))


def test_windows():
    assert windows(10.0, 4.0, 2.0) == [Turn(0, 4), Turn(2, 6), Turn(4, 8), Turn(6, 10)]
    assert windows(10.5, 4.0, 2.0)[-2:] == [Turn(6, 10), Turn(8, 10.5)]
    assert windows(3.0, 4.0, 2.0) == [Turn(0, 3.0)]
    for seconds, window, hop in ((7.3, 0.7, 0.1), (60.0, 4.0, 4.0), (5.0, 2.5, 0.3)):
        found = windows(seconds, window, hop)
        assert all(turn.end - turn.start == pytest.approx(window) for turn in found[:-1]) and found[-1].end == seconds
        assert all(turn.end < seconds - 1e-9 for turn in found[:-1]) and found[-1].start < seconds


def test_samples_of_turns_overlap_and_leave_gaps(long_file):
    """Each is what a slice of the whole is; nothing is held that is past."""
    whole = np.arange(100000, dtype=np.float32)
    turns = [Turn(0.0, 1.0), Turn(0.5, 0.75), Turn(0.9, 1.3), Turn(4.0, 4.5), Turn(5.9, 6.25)]
    found = sounds((whole[at : at + 7000] for at in range(0, len(whole), 7000)), turns)
    for turn, samples in zip(turns, found):
        assert np.array_equal(samples, whole[int(turn.start * 16000) : int(turn.end * 16000)])
        assert len(found.gi_frame.f_locals["held"]) <= 16000 + 2 * 7000
    assert next(found, None) is None


def test_the_first_pass_finds_length_and_peaks():
    random, survey = np.random.default_rng(1), Survey()
    whole = random.normal(0, 0.1, 5000).astype(np.float32)
    blocks = list(survey.blocks([whole[:1000], whole[1000:1000], whole[1000:]]))
    assert np.array_equal(np.concatenate(blocks), whole) and survey.seconds == pytest.approx(5000 / 16000)
    peaks = np.concatenate(survey.peaks)
    assert peaks[:, 1].min() == whole.min() and peaks[:, 2].max() == whole.max()
    for time, least, most in peaks[[0, 3, 10]]:
        part = whole[round(time * 16000) :][:160]
        assert (least, most) == (part.min(), part.max())


RTTM = """;; a comment
SPEAKER talk 1 5.00 2.50 <NA> <NA> bea <NA> <NA>
SPEAKER talk 1 0.50 1.00 <NA> <NA> ann <NA> <NA>
SPEAKER talk 1 1.20 0.80 <NA> <NA> ann <NA> <NA>
SPEAKER talk 1 1.00 3.00 <NA> <NA> bea <NA> <NA>
"""


def test_turns_of_an_rttm_file(tmp_path):
    (tmp_path / "a.rttm").write_text(RTTM)
    turns = read_rttm(tmp_path / "a.rttm")
    assert [turn.speaker for turn in turns] == ["ann", "bea", "bea"]
    np.testing.assert_allclose([turn[:2] for turn in turns], [(0.5, 2.0), (1.0, 4.0), (5.0, 7.5)])
    made = pieces(turns, 7.45, 1.0, "a")
    np.testing.assert_allclose([turn[:2] for turn in made][:3], [(0.5, 1.25), (1.0, 2.0), (1.25, 2.0)])
    assert len(made) == 2 + 3 + 3 and made[-1].end == 7.45
    with pytest.raises(InputError, match="a.wav: lasts 7.000 s, but a turn is from 5.000 to 7.500 s"):
        pieces(turns, 7.0, 1.0, "a.wav")


def test_turns_too_short_are_left_out_and_said(caplog):
    assert pieces([Turn(0.0, 0.02), Turn(1.0, 1.025)], 5.0, 1.0, "a.wav") == [Turn(1.0, 1.025)]
    assert caplog.messages == ["a.wav: 1 stretches are left out: shorter than 0.025 s"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SPEAKER talk 1 0.5 one <NA> <NA> ann <NA> <NA>\n", "a.rttm:1: expected SPEAKER recording"),
        (RTTM + "SPEAKER talk 1 0.5 0 <NA> <NA> ann <NA> <NA>\n", "a.rttm:6: expected"),
        (RTTM + "SPEAKER talk 1 nan 1 <NA> <NA> ann <NA> <NA>\n", "a.rttm:6: expected"),
        (RTTM + "SPEAKER talk 1 1 1\n", "a.rttm:6: expected"),
        (RTTM + "SPEAKER chat 1 1 1 <NA> <NA> ann <NA> <NA>\n", "a.rttm: chat, talk: expected the turns of one"),
        (";; nothing\n", "a.rttm: no SPEAKER line"),
    ],
)
def test_rttm_files_that_are_none(tmp_path, text, message):
    (tmp_path / "a.rttm").write_text(text)
    with pytest.raises(InputError, match=message):
        read_rttm(tmp_path / "a.rttm")


def test_overlapping_windows_become_means():
    """By hand; and by asking every instant, which windows lie over it."""
    given = [Segment(0, 4, "", "sad", {"sad": 0.9, "happy": 0.1}), Segment(2, 6, "", "happy", {"sad": 0.3, "happy": 0.7}, False),
             Segment(4, 7, "", "happy", {"sad": 0.0, "happy": 1.0}, False)]  # fmt: skip
    made = merged(given)
    assert [one[:2] for one in made] == [(0, 2), (2, 4), (4, 6), (6, 7)]
    assert [one.posterior["sad"] for one in made] == pytest.approx([0.9, 0.6, 0.15, 0.0])
    assert [one.label for one in made] == ["sad", "sad", "happy", "happy"] and [one.sound for one in made] == [True, True, False, False]
    edges = merged([Segment(*turn, "a", {"a": 1.0}) for turn in windows(5.0, 0.7, 0.1)])
    assert [one.end - one.start for one in edges] == pytest.approx([0.1] * 50)  # 0.1 + 0.7 is not 8 * 0.1
    random = np.random.default_rng(0)
    given = [Segment(*turn, "", {"a": value, "b": 1 - value}) for turn, value in zip(windows(7.3, 2.0, 0.7), random.random(99))]
    made = merged(given)
    for instant in random.random(200) * 7.3:
        over = [one.posterior["a"] for one in given if one.start <= instant < one.end]
        (found,) = [one for one in made if one.start <= instant < one.end]
        assert found.posterior["a"] == pytest.approx(math.fsum(over) / len(over))
        assert found.label == ("a" if found.posterior["a"] >= 0.5 else "b")


def vowel(seconds, pitch):
    """Pulses of a voice through three formants, louder and softer four times a second."""
    times = np.arange(round(seconds * 16000)) / 16000
    phase = np.cumsum(pitch * (1 + 0.05 * np.sin(6 * np.pi * times))) / 16000
    sound = (np.diff(np.floor(phase), prepend=0) > 0).astype(float)
    for formant, width in ((700, 80), (1220, 90), (2600, 120)):
        radius = np.exp(-np.pi * width / 16000)
        sound = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * formant / 16000), radius**2], sound)
    sound = sound * (0.5 - 0.5 * np.cos(8 * np.pi * times))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def test_voice_is_found():
    """Between silence, in blocks of any size: where the library's own function for whole recordings finds it."""
    silero = pytest.importorskip("silero_vad")
    quiet = np.zeros(32000, np.float32)
    whole = np.concatenate([quiet, vowel(1.5, 120), quiet, vowel(2.0, 180), quiet])
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    turns = speech_turns(whole[at : at + 9999] for at in range(0, len(whole), 9999))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)
    wanted = silero.get_speech_timestamps(
        torch.from_numpy(whole), silero.load_silero_vad(onnx=True), min_silence_duration_ms=500, min_speech_duration_ms=0
    )
    assert len(turns) == len(wanted) >= 2
    edges = [[one["start"] / 16000, one["end"] / 16000] for one in wanted]
    np.testing.assert_allclose([turn[:2] for turn in turns], edges, atol=0.07)  # two chunks: they pad in other ways
    assert speech_turns([quiet]) == []


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "silero_vad", None)
    with pytest.raises(InputError, match="pip install silero-vad"):
        speech_turns([])
