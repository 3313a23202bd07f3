"""Sound of containers, encoded here: channels, lengths, faults, and both backends against each other."""

import shutil
import sys

import numpy as np
import pytest

from c2ser import video
from c2ser.audio import read_audio
from c2ser.errors import InputError
from tests.media import encode, tone

av = pytest.importorskip("av", reason="PyAV is not installed")


def loudest(samples, rate):
    """Frequency in Hz of the strongest component."""
    return np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for layout in ("mono", "stereo", "5.1"):
        encode(folder / f"{layout}.mp4", layout)
    encode(folder / "long.mp4", "5.1", seconds=3.0, faststart=True)
    encode(folder / "film.mkv", "stereo")
    encode(folder / "silent.mp4", sound=None)
    encode(folder / "plain.mov", "stereo", picture=False, sound="pcm_s16le", faststart=True)
    encode(folder / "sound.m4a", "stereo", rate=44100, picture=False)
    return folder


@pytest.mark.parametrize("layout, channels", [("mono", 1), ("stereo", 2), ("5.1", 6)])
def test_every_channel_keeps_its_place_and_length(clips, layout, channels):
    samples, rate = video.decode_container(clips / f"{layout}.mp4")
    assert samples.shape == (48000, channels) and samples.dtype == np.float32 and rate == 48000
    for number in set(range(1, channels + 1)) - {4}:  # AAC keeps only the lowest frequencies of channel 4 (LFE)
        assert loudest(samples[:, number - 1], rate) == pytest.approx(tone(number), abs=2)
        assert np.sqrt(np.mean(samples[:, number - 1] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_header_agrees_with_what_is_decoded(clips):
    assert video.container_info(clips / "5.1.mp4") == (1.0, 48000, 6)
    seconds, rate, channels = video.container_info(clips / "sound.m4a")
    assert (round(seconds, 3), rate, channels) == (1.0, 44100, 2)
    assert video.container_info(clips / "film.mkv") is None  # milliseconds of the whole film, no count of its samples


def test_read_audio_takes_the_front_centre_of_a_film(clips):
    samples = read_audio(str(clips / "5.1.mp4"), channel=3)
    assert samples.shape == (16000,) and loudest(samples, 16000) == pytest.approx(tone(3), abs=2)
    with pytest.raises(InputError, match="6 channels"):
        read_audio(str(clips / "5.1.mp4"))


def test_mkv_without_a_stream_duration_is_whole(clips):
    samples, rate = video.decode_container(clips / "film.mkv")
    assert len(samples) == pytest.approx(rate, abs=2048)


def test_no_sound_is_refused(clips):
    for call in (video.decode_container, video.container_info):
        with pytest.raises(InputError, match="silent.mp4: holds no audio stream"):
            call(clips / "silent.mp4")


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile plain.mov\n", "#EXTM3U\n#EXTINF:1.0,\nplain.mov\n#EXT-X-ENDLIST\n"])
@pytest.mark.parametrize("backend", ["av", "ffmpeg"])
def test_a_list_of_files_opens_none(clips, tmp_path, monkeypatch, text, backend):
    """FFmpeg would read what the list names, beside the list or, where it comes as bytes, in the working directory."""
    if backend == "ffmpeg" and not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    if backend == "ffmpeg":
        monkeypatch.setitem(sys.modules, "av", None)
    shutil.copy(clips / "plain.mov", tmp_path)
    (tmp_path / "list.m3u8").write_text(text)
    monkeypatch.chdir(tmp_path)
    for call in (lambda: video.decode_container(tmp_path / "list.m3u8"), lambda: video.decode_container(text.encode(), "list.m3u8"),
                 lambda: video.container_info(tmp_path / "list.m3u8")):  # fmt: skip
        with pytest.raises(InputError, match="list.m3u8: a list of other files, none of which is opened"):
            call()


def test_a_file_cut_short_is_refused(clips, tmp_path):
    data = (clips / "long.mp4").read_bytes()
    for share in (0.3, 0.5, 0.9):
        path = tmp_path / "cut.mp4"
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(InputError, match="cut.mp4"):
            video.decode_container(path)


def test_sound_without_redundancy_may_not_lack_a_single_sample(clips, tmp_path):
    samples, _ = video.decode_container(clips / "plain.mov")
    assert samples.shape == (48000, 2)
    (tmp_path / "cut.mov").write_bytes((clips / "plain.mov").read_bytes()[:-1000])
    with pytest.raises(InputError, match="cut.mov: corrupt or cut"):
        video.decode_container(tmp_path / "cut.mov")


def test_a_file_without_its_index_is_refused(clips, tmp_path):
    data = (clips / "5.1.mp4").read_bytes()
    path = tmp_path / "torn.mp4"
    path.write_bytes(data[: len(data) // 2])
    for call in (video.decode_container, video.container_info):
        with pytest.raises(InputError, match="torn.mp4: cannot be (opened|decoded)"):
            call(path)


def test_damaged_sound_is_refused(clips, tmp_path):
    data = bytearray((clips / "long.mp4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = b"\xff" * 3000
    (tmp_path / "bad.mp4").write_bytes(data)
    with pytest.raises(InputError, match="bad.mp4"):
        video.decode_container(tmp_path / "bad.mp4")


def test_sound_that_ends_before_its_header_says_is_refused():
    sound = np.zeros((48000, 2), np.float32)
    with pytest.raises(InputError, match="x: cut: 1.00 of 2.00 s"):
        video._trim(sound, 2.0, 48000, 1024, "x")
    assert len(video._trim(sound, 0.99, 48000, 1024, "x")) == 47520
    assert len(video._trim(sound, 0.5, 48000, 1024, "x")) == 48000
    assert len(video._trim(sound, None, 48000, 1024, "x")) == 48000


def test_neither_backend_says_what_to_install(clips, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"needs PyAV \(pip install av\) or the ffmpeg program"):
        video.decode_container(clips / "5.1.mp4")


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="the ffmpeg program is not installed")
def test_the_ffmpeg_program_gives_the_same_samples(clips, tmp_path, monkeypatch):
    for name in ("mono.mp4", "stereo.mp4", "5.1.mp4", "long.mp4", "sound.m4a"):
        with monkeypatch.context() as without:
            expected, rate = video.decode_container(clips / name)
            info = video.container_info(clips / name)
            without.setitem(sys.modules, "av", None)
            samples, same_rate = video.decode_container(clips / name)
            assert same_rate == rate and samples.shape == expected.shape and samples.dtype == np.float32
            assert np.abs(samples - expected).max() < 1e-4
            assert video.container_info(clips / name) == pytest.approx(info, abs=0.03)
    (tmp_path / "cut.mp4").write_bytes((clips / "long.mp4").read_bytes()[:20000])
    monkeypatch.setitem(sys.modules, "av", None)
    for path in (tmp_path / "cut.mp4", clips / "silent.mp4"):
        with pytest.raises(InputError, match=path.name):
            video.decode_container(path)
    with pytest.raises(InputError, match="silent.mp4"):
        video.container_info(clips / "silent.mp4")
