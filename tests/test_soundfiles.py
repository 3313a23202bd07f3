"""Sound files as they are found: lengths that nobody counted, files cut in transfer, rare codecs; all by content."""

import shutil
import struct
import subprocess
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from c2ser.audio import read_audio
from c2ser.bin import dump_audio
from c2ser.corpora.headers import read_header
from c2ser.datadir import DataDir, read_table
from c2ser.datadir.recordings import audio_faults
from c2ser.datadir.scan import scan_tables
from c2ser.errors import InputError
from c2ser.formats.rows import read_rows
from c2ser.given import read_speech

RATE = 16000
SECONDS = 4
FRAMES = SECONDS * RATE
FRAME = 1152
"""Samples of an MP3 frame: encoders fill the last one and put one or two of silence in front."""


@pytest.fixture(scope="module")
def speech():
    """4 s of a gliding tone with pauses: `(64000,)`, a sixth of it silent."""
    time = np.arange(FRAMES) / RATE
    wave = 0.3 * np.sin(2 * np.pi * (150 + 40 * np.sin(2 * time)) * time) * (np.sin(9 * time) > -0.3)
    return wave.astype(np.float32)


def by_every_reader(path):
    """Samples that each way of reading gives: the file, the file under a name without suffix, a command, the header."""
    bare = path.with_name(path.name.replace(".", "_"))
    shutil.copy(path, bare)
    return [
        len(read_audio(str(path))),
        len(read_audio(str(bare))),
        len(read_audio(f"cat '{path}' |", allow_commands=True)),
        read_header(str(path))[0],
    ]


def refused_by_every_reader(path, words="truncated"):
    """Every way of reading refuses the file, and says so in these words."""
    bare = path.with_name(path.name.replace(".", "_"))
    shutil.copy(path, bare)
    for read in (
        lambda: read_audio(str(path)), lambda: read_audio(str(bare)), lambda: read_header(str(path)),
        lambda: read_audio(f"cat '{path}' |", allow_commands=True),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            read()


def written(path, wave, **options):
    soundfile.write(path, wave, RATE, **options)
    return path


def cut(path, keep=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


FORMS = {"a.wav": "WAV", "a.aiff": "AIFF", "a.au": "AU", "a.caf": "CAF", "a.w64": "W64", "rf64.wav": "RF64", "x.wav": "WAVEX",
         "a.sph": "NIST", "a.voc": "VOC", "a.avr": "AVR", "a.8svx": "SVX", "4.mat": "MAT4", "5.mat": "MAT5", "a.sds": "SDS",
         "a.mpc": "MPC2K", "a.htk": "HTK"}  # fmt: skip


@pytest.mark.parametrize("name, form", FORMS.items())
@pytest.mark.parametrize("keep", [0.3, 0.5, 0.999])
def test_a_cut_file_is_refused(tmp_path, speech, name, form, keep):
    path = written(tmp_path / name, speech, format=form)
    assert by_every_reader(path) == [FRAMES] * 4
    refused_by_every_reader(cut(path, keep), "not audio that can be read" if form == "HTK" else "truncated")


def test_a_cut_sphere_file_of_two_channels(tmp_path, speech):
    path = written(tmp_path / "a.sph", np.stack([speech, speech], 1), format="NIST", subtype="ULAW")
    assert read_header(str(path)) == (FRAMES, RATE, 2)
    for keep in (0.999, 0.5, 0.009):
        with pytest.raises(InputError, match=f"truncated: its header announces {2 * FRAMES} bytes of samples"):
            read_audio(str(cut(path, keep)), 1)


def test_a_codec_that_nothing_here_reads_is_refused_in_a_line(tmp_path, speech):
    if not shutil.which("ffmpeg") or b"libcodec2" not in subprocess.run(["ffmpeg", "-encoders"], capture_output=True).stdout:
        pytest.skip("no ffmpeg program with codec2 is installed")
    whole, path = written(tmp_path / "whole.wav", speech), tmp_path / "a.c2"
    subprocess.run(["ffmpeg", "-v", "error", "-i", whole, "-ar", "8000", "-c:a", "libcodec2", path], check=True)
    if "libcodec2" in pytest.importorskip("av", reason="PyAV is not installed").codecs_available:
        pytest.skip("this PyAV has the codec")
    refused_by_every_reader(path, "its sound is of a codec that PyAV has not; convert it")


@pytest.mark.parametrize("subtype", ["ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_16", "FLOAT", "PCM_24"])
def test_codecs_of_wav_whole_and_cut(tmp_path, speech, subtype):
    path = written(tmp_path / "a.wav", speech, subtype=subtype)
    counts = by_every_reader(path)
    assert len(set(counts)) == 1 and FRAMES <= counts[0] < FRAMES + 1400  # blocks of a codec are filled up
    got = read_audio(str(path))[:FRAMES]
    assert np.corrcoef(got, speech)[0, 1] > 0.9
    refused_by_every_reader(cut(path))


def header(form, size):
    """A 16-bit mono header of a streaming writer, which announces `size` bytes of samples."""
    fmt = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    if form == "wav":
        return b"RIFF" + struct.pack("<I", min(size + 36, 2**32 - 1)) + b"WAVEfmt \x10\0\0\0" + fmt + b"data" + struct.pack("<I", size)
    if form == "rf64":
        sizes = struct.pack("<QQQI", 0, size, 0, 0)
        return b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0" + sizes + b"fmt \x10\0\0\0" + fmt + b"data\xff\xff\xff\xff"
    if form == "au":
        return b".snd" + struct.pack(">5I", 24, size, 3, RATE, 1)
    if form == "caf":
        desc = struct.pack(">d4sIIIII", RATE, b"lpcm", 2, 2, 1, 1, 16)
        return b"caff\0\1\0\0desc" + struct.pack(">Q", 32) + desc + b"data" + struct.pack(">q", size) + bytes(4)
    rate = bytes.fromhex("400cfa00000000000000")
    comm = struct.pack(">hIh", 1, max(size - 8, 0) // 2, 16) + rate
    return b"FORM" + struct.pack(">I", size) + b"AIFFCOMM\0\0\0\x12" + comm + b"SSND" + struct.pack(">I", size) + bytes(8)


PLACEHOLDERS = [
    ("wav", 0), ("wav", 0x7FFFF000), ("wav", 0x7FFFFFFF), ("wav", 0x80000000), ("wav", 0xFFFFFFFF), ("wav", 0xFFFFFFFF - 44),
    ("rf64", 0), ("rf64", 2**64 - 1), ("au", 0xFFFFFFFF), ("caf", -1), ("aiff", 0), ("aiff", 0x7F000008),
]  # fmt: skip


@pytest.mark.parametrize("form, size", PLACEHOLDERS)
def test_a_placeholder_for_the_length_is_not_believed(tmp_path, speech, form, size):
    pcm = (speech * 32767).astype("<i2" if form in ("wav", "rf64", "caf") else ">i2").tobytes()
    path = tmp_path / f"a.{form.replace('rf64', 'wav')}"
    path.write_bytes(header(form, size) + pcm)
    assert by_every_reader(path) == [FRAMES] * 4
    np.testing.assert_allclose(read_audio(str(path)), speech, atol=2 / 32768)


def test_no_samples_before_other_chunks_are_not_read_as_samples(tmp_path):
    path = tmp_path / "none.wav"
    path.write_bytes(header("wav", 0) + b"LIST" + struct.pack("<I", 400) + bytes(400))
    with pytest.raises(InputError, match="holds no samples"):
        read_audio(str(path))
    with pytest.raises(InputError, match="holds no sound"):
        read_header(str(path))


def test_flac_without_a_length(tmp_path, speech):
    path = written(tmp_path / "a.flac", speech)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26], content[26:42] = bytes(4), bytes(16)
    path.write_bytes(content)
    assert by_every_reader(path) == [FRAMES] * 4
    np.testing.assert_allclose(read_audio(str(path)), speech, atol=1 / 32768)
    with pytest.raises(InputError, match="not audio that can be read"):
        read_audio(str(cut(path)))


def mp3(path, wave, **options):
    """An MP3 file, and where its first frame, which holds the length, ends."""
    content = written(path, wave, format="MP3", **options).read_bytes()
    tag = max(content.find(b"Xing", 0, 400), content.find(b"Info", 0, 400))
    assert tag > 0
    return content, next(at for at in range(tag, len(content)) if content[at] == 0xFF and content[at + 1] & 0xE0 == 0xE0)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_mp3_is_read_to_its_end(tmp_path, speech, mode):
    noise = np.random.default_rng(0).normal(0, 0.2, FRAMES)
    wave = np.concatenate([speech, noise, np.zeros(FRAMES)]).astype(np.float32)  # rates far apart: a bad estimate
    content, first = mp3(tmp_path / "a.mp3", wave, bitrate_mode=mode, compression_level=0.5)
    assert by_every_reader(tmp_path / "a.mp3") == [len(wave)] * 4
    path = tmp_path / "b.mp3"
    path.write_bytes(content[first:])
    counts = by_every_reader(path)
    assert len(set(counts)) == 1 and len(wave) <= counts[0] < len(wave) + 3 * FRAME
    with pytest.raises(InputError, match="truncated"):
        read_audio(str(cut(tmp_path / "a.mp3")))


def test_mp3_within_wav(tmp_path, speech):
    content, first = mp3(tmp_path / "a.mp3", speech)
    sound = content[first:]
    fmt = struct.pack("<HHIIHHH", 0x55, 1, RATE, 4000, 1, 0, 12) + struct.pack("<HIHHH", 1, 2, 576, 1, 0)
    head = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(sound))
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(head) + len(sound)) + head + sound)
    counts = by_every_reader(path)
    assert len(set(counts)) == 1 and FRAMES <= counts[0] < FRAMES + 3 * FRAME
    refused_by_every_reader(cut(path))


@pytest.mark.parametrize("name, subtype", [("a.ogg", "VORBIS"), ("a.opus", "OPUS")])
def test_ogg_cut_within_a_page(tmp_path, speech, name, subtype):
    path = written(tmp_path / name, speech, format="OGG", subtype=subtype)
    counts = by_every_reader(path)
    assert len(set(counts)) == 1 and abs(counts[0] - FRAMES) <= 1
    refused_by_every_reader(cut(path, 0.7), "truncated: it ends within a page")


CONTAINERS = {  # name: (FFmpeg's format, its options, codec, rate)
    "a.aac": ("adts", {}, "aac", 16000),
    "a.m4a": ("mp4", {}, "aac", 16000),
    "fragments.mp4": ("mp4", {"movflags": "frag_keyframe+empty_moov"}, "aac", 16000),
    "a.mka": ("matroska", {}, "libmp3lame", 16000),
    "live.webm": ("webm", {"live": "1"}, "libopus", 48000),
    "a.webm": ("webm", {}, "libopus", 48000),
    "a.avi": ("avi", {}, "libmp3lame", 16000),
    "a.tta": ("tta", {}, "tta", 16000),
    "flac.oga": ("oga", {}, "flac", 16000),
}


def contained(path, wave, form, options, codec, rate):
    av = pytest.importorskip("av", reason="PyAV is not installed")
    with av.open(str(path), "w", format=form, options=options) as container:
        stream = container.add_stream(codec, rate)
        stream.layout = "mono"
        context = stream.codec_context
        wave = np.repeat(wave, rate // RATE)
        fifo, resampler = av.AudioFifo(), av.AudioResampler(format=context.format, layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[None]), format="fltp", layout="mono")
        frame.sample_rate = rate
        for one in resampler.resample(frame):
            fifo.write(one)
        at = 0
        while part := fifo.read(context.frame_size or 1024, partial=True):
            part.pts, part.time_base = at, Fraction(1, rate)
            at += part.samples
            for packet in stream.encode(part):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_are_read_to_their_end_by_every_reader(tmp_path, speech, name):
    path = contained(tmp_path / name, speech, *CONTAINERS[name])
    file, bare, command, frames = by_every_reader(path)
    rate = read_header(str(path))[1]
    assert file == bare == command == pytest.approx(frames * RATE / rate, abs=1)
    assert FRAMES - 1024 <= file < FRAMES + 4 * FRAME


@pytest.mark.parametrize("name", ["a.m4a", "a.mka", "a.webm", "a.avi", "flac.oga"])
def test_a_cut_container_is_refused(tmp_path, speech, name):
    path = cut(contained(tmp_path / name, speech, *CONTAINERS[name]))
    refused_by_every_reader(path, "truncated|cut|cannot be decoded|cannot be opened")


def test_floats_beyond_their_range(tmp_path, speech, caplog):
    loud = speech / np.abs(speech).max()
    for scale in (32768, 100, 2**31):
        path = written(tmp_path / "int.wav", loud * scale, subtype="FLOAT")
        with pytest.raises(InputError, match="int.wav: its samples reach .* look like integers; divide"):
            read_audio(str(path))
    whole = np.array([0, 1, -2, 3, 2, -3] * 100, np.float32)
    with pytest.raises(InputError, match="its samples reach 3, .* look like integers"):
        read_audio(str(written(tmp_path / "whole.wav", whole, subtype="FLOAT")))
    path = written(tmp_path / "loud.wav", loud * 3, subtype="FLOAT")
    count = int((np.abs(loud * 3) > 1).sum())
    with caplog.at_level("WARNING"):
        got = read_audio(str(path))
    assert f"loud.wav: {count} of {FRAMES} samples lie beyond ±1 (at most 3)" in caplog.text
    np.testing.assert_allclose(got, np.clip(loud * 3, -1, 1), atol=1e-6)


def test_floats_beyond_their_range_in_every_command(tmp_path, speech, caplog):
    """Commands that only read headers of other files look at floats: what one refuses, all refuse; what one warns of, too."""
    loud = speech / np.abs(speech).max()
    files = {"a": loud * 32768, "b": loud * 3, "c": np.array([0, np.nan] * 500), "d": loud}
    paths = {name: str(written(tmp_path / f"{name}.wav", wave, subtype="FLOAT")) for name, wave in files.items()}
    data = DataDir(tmp_path / "data")
    data.write("wav.scp", paths)
    data.write_speakers(dict.fromkeys(paths, "s"))
    refused = {"a": "look like integers", "c": "NaN or infinite"}
    count = sum(abs(value) > 1 for value in (loud * 3).tolist())

    dump_audio.main(["--data_dir", str(data.path), "--out_dir", str(tmp_path / "dump"), "--skip_bad", "true"])
    excluded = read_table(tmp_path / "dump/excluded.1")
    assert list(excluded) == list(refused) and all(words in excluded[name] for name, words in refused.items())
    dumped = read_audio(read_table(tmp_path / "dump/audio.1.scp")["b"])
    np.testing.assert_allclose(dumped, read_audio(paths["b"]), atol=1 / 32768)  # what predict hears

    faults = audio_faults(scan_tables(data.path))
    assert [fault.line for fault in faults] == [1, 3]
    assert all(words in fault.message for fault, words in zip(faults, refused.values()))

    for name, words in refused.items():
        data.write("wav.scp", {name: paths[name]})
        for refuse in (lambda: read_rows(data), lambda name=name: read_header(paths[name])):
            with pytest.raises(InputError, match=words):
                refuse()
    samples = soundfile.read(paths["b"], dtype="float32")[0]
    for read in (lambda: read_header(paths["b"]), lambda: read_audio(paths["b"]), lambda: read_speech(samples)):
        caplog.clear()
        read()
        assert [f"{count} of {FRAMES} samples lie beyond" in line for line in caplog.messages] == [True]


def test_resampling_does_not_lead_out_of_the_range(tmp_path):
    """A square wave at full scale overshoots by a tenth where its upper harmonics are taken away."""
    wave = np.sign(np.sin(2 * np.pi * 300 * np.arange(44100) / 44100))
    soundfile.write(tmp_path / "square.wav", wave, 44100, subtype="FLOAT")
    assert np.abs(read_audio(str(tmp_path / "square.wav"))).max() == 1.0


def test_less_than_a_sample_after_resampling_is_refused(tmp_path):
    path = tmp_path / "one.wav"
    soundfile.write(path, np.array([0.5], np.float32), 44100)
    with pytest.raises(InputError, match="one.wav: shorter than one sample at 16000 Hz"):
        read_audio(str(path))


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="the ffmpeg program is not installed")
@pytest.mark.parametrize("form", ["wav", "aiff", "au", "caf", "w64", "flac", "ogg", "mp3", "adts", "matroska", "webm", "nut"])
def test_what_ffmpeg_writes_into_a_pipe(tmp_path, speech, form):
    whole = written(tmp_path / "whole.wav", speech)
    path = tmp_path / f"a.{form}"
    path.write_bytes(subprocess.run(["ffmpeg", "-v", "error", "-i", whole, "-f", form, "-"], capture_output=True, check=True).stdout)
    file, bare, command, frames = by_every_reader(path)
    assert file == bare == command == pytest.approx(frames * RATE / read_header(str(path))[1], abs=1)
    assert FRAMES <= file < FRAMES + 2 * FRAME


@pytest.mark.skipif(not shutil.which("sox"), reason="the sox program is not installed")
@pytest.mark.parametrize("form", ["wav", "aiff", "au", "flac", "ogg"])
def test_what_sox_writes_into_a_pipe(tmp_path, speech, form):
    whole = written(tmp_path / "whole.wav", speech)
    path = tmp_path / f"a.{form}"
    sox = ["sox", "--ignore-length", "-t", "wav", "-", "-t", form, "-"]
    path.write_bytes(subprocess.run(sox, input=whole.read_bytes(), capture_output=True, check=True).stdout)
    assert by_every_reader(path) == [FRAMES] * 4
