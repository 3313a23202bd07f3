"""Reading speech: every format, channel and rate, and every fault named."""

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from c2ser import audio
from c2ser.ark import ArkWriter
from c2ser.audio import cut, read_audio, read_utterances, select_channel, to_pcm16
from c2ser.datadir import DataDir, write_table
from c2ser.errors import InputError

RATE = 16000


def tone(seconds=0.5, rate=RATE, frequency=440.0):
    return (0.4 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write(path, samples=None, rate=RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone() if samples is None else samples, rate, **options)
    return str(path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "a.w64"])
def test_lossless_formats(tmp_path, name):
    samples = read_audio(write(tmp_path / name))
    assert samples.dtype == np.float32 and samples.shape == (8000,)
    np.testing.assert_allclose(samples, tone(), atol=1 / 32768)


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
def test_lossy_formats(tmp_path, name):
    samples = read_audio(write(tmp_path / name))
    assert abs(len(samples) - 8000) < 2400
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * RATE / len(samples) == pytest.approx(440, abs=10)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_sample_formats(tmp_path, subtype):
    coarse = {"PCM_U8": 1 / 128, "ULAW": 0.02}.get(subtype, 1e-4)
    np.testing.assert_allclose(read_audio(write(tmp_path / "a.wav", subtype=subtype)), tone(), atol=coarse)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
def test_any_rate_becomes_the_wanted_one(tmp_path, rate):
    samples = read_audio(write(tmp_path / "a.wav", tone(1.0, rate), rate))
    assert samples.dtype == np.float32 and abs(len(samples) - RATE) <= 1
    np.testing.assert_allclose(samples[800:-800], tone(1.0)[800 : len(samples) - 800], atol=0.01)
    other = read_audio(write(tmp_path / "b.wav", tone(1.0, rate), rate), sample_rate=24000)
    assert abs(len(other) - 24000) <= 1


def test_resampling_removes_what_lies_above_half_the_rate(tmp_path):
    path = write(tmp_path / "a.wav", tone(1.0, 48000, frequency=11000.0), 48000)
    assert np.abs(read_audio(path)[800:-800]).max() < 0.01


@pytest.fixture
def stereo(tmp_path):
    left, right = tone(frequency=300.0), tone(frequency=700.0)
    return write(tmp_path / "stereo.wav", np.stack([left, right], axis=1), subtype="FLOAT"), left, right


@pytest.mark.parametrize("channel", [1, "1", 2, "2", "mean"])
def test_channels(stereo, channel):
    path, left, right = stereo
    wanted = {"1": left, "2": right, "mean": (left + right) / 2}[str(channel)]
    np.testing.assert_allclose(read_audio(path, channel), wanted, atol=1e-7)


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        (None, "2 channels; choose one with --channel"),
        ("", "2 channels; choose one"),
        (3, "channel 3 is not there; the file has 2"),
        (0, "channel 0 is not there"),
        ("0", "channel 0 is not there"),
        (-1, "channel -1 is not there"),
        ("left", "channel 'left': expected a number from 1, or mean"),
    ],
)
def test_faulty_channels_are_named(stereo, channel, words):
    with pytest.raises(InputError, match=f"stereo.wav: {words}"):
        read_audio(stereo[0], channel)


def test_mono_needs_no_channel(tmp_path):
    path = write(tmp_path / "a.wav")
    for channel in (None, "", 1, "mean"):
        assert len(read_audio(path, channel)) == 8000
    with pytest.raises(InputError, match="channel 2 is not there; the file has 1"):
        read_audio(path, 2)
    assert select_channel(np.zeros((3, 1), np.float32), None).flags.c_contiguous


def test_paths_with_blanks_and_other_scripts(tmp_path):
    for name in ("with blank/my file.wav", "愤怒/你好 世界.flac", "złość/głos:2.wav"):
        np.testing.assert_allclose(read_audio(write(tmp_path / name)), tone(), atol=1 / 32768)


def data_chunk(path, announced=None, keep=None):
    """Change what a wav's header announces, or cut its samples."""
    content = bytearray(open(path, "rb").read())
    place = content.index(b"data")
    if announced is not None:
        content[place + 4 : place + 8] = announced.to_bytes(4, "little")
    with open(path, "wb") as stream:
        stream.write(content[: place + 8 + keep] if keep is not None else content)
    return path


def test_bad_files_are_named(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("these are words, not sound " * 20)
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "video.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42 and no more")
    flac = write(tmp_path / "cut.flac", np.random.default_rng(0).normal(0, 0.1, 16000))
    content = open(flac, "rb").read()
    open(flac, "wb").write(content[: len(content) // 2])
    faults = {
        str(tmp_path / "absent.wav"): "no such file",
        str(tmp_path / "empty.wav"): "the file is empty",
        str(tmp_path / "text.wav"): "not audio that can be read",
        str(tmp_path / "folder.wav"): "no such file",
        str(tmp_path / "video.mp4"): "video.mp4",
        flac: "truncated|not audio that can be read",
        write(tmp_path / "none.wav", np.zeros(0, np.float32)): "holds no samples",
        write(tmp_path / "nan.wav", np.array([0.1, np.nan] * 300, np.float32), subtype="FLOAT"): "NaN or infinite",
        write(tmp_path / "inf.wav", np.array([0.1, np.inf] * 300, np.float32), subtype="FLOAT"): "NaN or infinite",
        data_chunk(write(tmp_path / "cut.wav"), keep=6000): "truncated: .* announces 16000 bytes.*6000 are there",
        data_chunk(write(tmp_path / "CUT.WAV"), keep=6000): "truncated",
        data_chunk(write(tmp_path / "head.wav"), keep=0): "truncated|no samples",
    }
    for path, words in faults.items():
        with pytest.raises(InputError, match=words) as caught:
            read_audio(path)
        assert path in str(caught.value)


def test_stream_headers_without_a_length_are_no_fault(tmp_path):
    """Recorders that write to a pipe announce 0 or the largest length, since they do not know it."""
    path = data_chunk(write(tmp_path / "pipe.wav"), announced=0xFFFFFFFF)
    assert len(read_audio(path)) == 8000


def test_other_chunks_may_stand_before_the_samples(tmp_path):
    path = write(tmp_path / "a.wav")
    content = open(path, "rb").read()
    place = content.index(b"data")
    chunk = b"note" + (5).to_bytes(4, "little") + b"hello\x00"  # an odd length is padded
    size = (len(content) - 8 + len(chunk)).to_bytes(4, "little")
    grown = content[:4] + size + content[8:place] + chunk + content[place:]
    open(path, "wb").write(grown)
    np.testing.assert_allclose(read_audio(path), tone(), atol=1 / 32768)
    open(path, "wb").write(grown[:-100])
    with pytest.raises(InputError, match="truncated: its header announces 16000 bytes of samples, 15900 are there"):
        read_audio(path)


def test_archive_entries(tmp_path):
    folder = tmp_path / "dump 一"
    with ArkWriter(folder / "audio.ark", folder / "wav.scp") as writer:
        writer["a"] = 16000, to_pcm16(tone())
        writer["b"] = 8000, to_pcm16(tone(0.25, 8000))
        writer["c"] = np.ones((3, 2), np.float32)
    entries = dict(line.split(" ", 1) for line in (folder / "wav.scp").read_text(encoding="utf-8").splitlines())
    np.testing.assert_allclose(read_audio(entries["a"]), tone(), atol=1 / 32768)
    assert abs(len(read_audio(entries["b"])) - 4000) <= 1
    with pytest.raises(InputError, match="channel 2 is not there"):
        read_audio(entries["a"], 2)
    with pytest.raises(InputError, match=r"audio.ark:\d+: .*no audio"):
        read_audio(entries["c"])
    with pytest.raises(InputError, match="gone.ark:15: no such file"):
        read_audio(f"{folder}/gone.ark:15")
    with pytest.raises(InputError, match="audio.ark:3: cannot be read"):
        read_audio(f"{folder}/audio.ark:3")


def test_commands_run_only_when_allowed(tmp_path):
    path = write(tmp_path / "a b.wav")
    entry = f"cat {shlex.quote(path)} |"
    np.testing.assert_allclose(read_audio(entry, allow_commands=True), tone(), atol=1 / 32768)
    with pytest.raises(InputError, match="a command; it is run only with --allow_commands true"):
        read_audio(f"touch {tmp_path}/made |")
    assert not (tmp_path / "made").exists()


def test_failing_commands_are_named(tmp_path):
    path = write(tmp_path / "a.wav")
    faults = {
        "echo oh dear >&2; exit 3 |": "ended with status 3: oh dear",
        f"cat {tmp_path}/absent.wav | cat |": "ended with status 1: .*No such file",  # not only the last of a pipe
        "echo words |": "not audio that can be read",
        "echo first >&2; echo last >&2; false |": "ended with status 1: last$",
        "false |": "ended with status 1 and said nothing of why$",
        "true |": "the command wrote nothing",
        f"head -c 20 {path} |": "not audio that can be read",
    }
    for entry, words in faults.items():
        with pytest.raises(InputError, match=words) as caught:
            read_audio(entry, allow_commands=True)
        assert entry in str(caught.value)


def test_sixteen_bit_samples():
    made = to_pcm16(np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 0.7 / 32768, 0.4 / 32768]))
    assert made.dtype == np.int16
    assert made.tolist() == [-32768, -32768, -16384, 0, 16384, 32767, 32767, 1, 0]


def test_cut():
    samples = np.arange(16000, dtype=np.float32)
    assert cut(samples, 0.25, 0.5, "u").tolist() == samples[4000:8000].tolist()
    assert len(cut(samples, 0.5, 1.05, "u")) == 8000  # 0.1 s beyond the end is rounding of the segment's times
    for start, end in ((0.5, 1.2), (0.5, 0.5), (0.5, 0.2), (-0.1, 0.5), (1.0, 1.05), (1.04, 1.05)):
        with pytest.raises(InputError, match=f"utterance u: segment {start}–{end} s outside its 1.0000 s recording"):
            cut(samples, start, end, "u")


@pytest.fixture
def data(tmp_path):
    """A data directory of two recordings, one of two channels, and three segments."""
    left, right = tone(1.0, frequency=300.0), tone(1.0, frequency=700.0)
    wav_scp = {
        "r1": write(tmp_path / "audio/one.wav", tone(1.0)),
        "r2": write(tmp_path / "audio/two 二.wav", np.stack([left, right], axis=1), subtype="FLOAT"),
    }
    folder = tmp_path / "data"
    write_table(folder / "wav.scp", wav_scp)
    write_table(folder / "reco2channel", {"r2": "2"})
    write_table(folder / "utt2spk", {"u1": "s", "u2": "s", "u3": "s"})
    write_table(folder / "segments", {"u1": "r1 0.0 0.5", "u2": "r2 0.25 0.75", "u3": "r1 0.5 1.0"})
    return DataDir(folder)


def test_segments_and_channels_of_a_data_directory(data):
    made = dict(read_utterances(data))
    assert list(made) == ["u1", "u2", "u3"]
    np.testing.assert_allclose(made["u1"], tone(1.0)[:8000], atol=1 / 32768)
    np.testing.assert_allclose(made["u2"], tone(1.0, frequency=700.0)[4000:12000], atol=1e-6)
    np.testing.assert_allclose(made["u3"], tone(1.0)[8000:], atol=1 / 32768)
    assert [utterance for utterance, _ in read_utterances(data, ["u3", "u1"])] == ["u3", "u1"]


def test_data_directory_without_segments(data):
    (data.path / "segments").unlink()
    write_table(data.path / "utt2spk", {"r1": "s", "r2": "s"})
    assert {utterance: len(samples) for utterance, samples in read_utterances(data)} == {"r1": 16000, "r2": 16000}
    (data.path / "reco2channel").unlink()
    with pytest.raises(InputError, match=r"data: utterance r2: .*two 二.wav: 2 channels"):
        list(read_utterances(data))


def test_faults_name_the_utterance(data):
    write_table(data.path / "segments", {"u1": "r1 0.0 0.5", "u2": "r9 0.25 0.75", "u3": "r1 0.5 3.0"})
    with pytest.raises(InputError, match="wav.scp: no entry for r9, which utterance u2 needs"):
        list(read_utterances(data))
    with pytest.raises(InputError, match="utterance u3: segment 0.5–3.0 s outside"):
        list(read_utterances(data, ["u3"]))
    write_table(data.path / "wav.scp", {"r1": "true |", "r9": "/absent.wav"})
    with pytest.raises(InputError, match="utterance u1: .*allow_commands"):
        list(read_utterances(data))
    with pytest.raises(InputError, match="utterance u2: /absent.wav: no such file"):
        list(read_utterances(data, ["u2"]))


def test_a_recording_is_decoded_once_for_its_segments(data, monkeypatch):
    seen, read = [], audio.read_audio
    monkeypatch.setattr(audio, "read_audio", lambda *args, **options: seen.append(args) or read(*args, **options))
    list(read_utterances(data, ["u1", "u3", "u2"]))
    assert len(seen) == 2


def test_importing_is_light():
    """Reading audio needs neither torch nor kaldiio."""
    code = "import c2ser.audio, sys; sys.exit(bool({'torch', 'kaldiio', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1]).returncode == 0
