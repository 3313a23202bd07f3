"""Sound handed over in memory: every dtype, form and holder gives the samples of the file, or one line that says what to give."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from c2ser.audio import read_audio
from c2ser.errors import InputError
from c2ser.given import as_list, name_of, read_speech

RATE = 16000
WAVE = 0.4 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, WAVE, RATE)
    return path


@pytest.mark.parametrize(
    "dtype, values",
    [
        ("int8", [-128, -64, 0, 64]), ("int16", [-32768, -16384, 0, 16384]), (">i2", [-32768, -16384, 0, 16384]),
        ("int32", [-(2**31), -(2**30), 0, 2**30]), ("uint8", [0, 64, 128, 192]), ("uint16", [0, 16384, 32768, 49152]),
        ("uint32", [0, 2**30, 2**31, 3 * 2**30]), ("float16", [-1, -0.5, 0, 0.5]), ("float64", [-1, -0.5, 0, 0.5]),
    ],
)  # fmt: skip
def test_samples_are_scaled_by_their_dtype(dtype, values):
    """Full scale is the dtype's: by hand, the four values are -1, -1/2, 0 and 1/2 in each."""
    given = np.array(values * 200, dtype)
    before = given.copy()
    made = read_speech(given)
    assert made.dtype == np.float32 and made.tolist() == [-1, -0.5, 0, 0.5] * 200
    assert made is not given and (given == before).all() and made.flags.writeable


@pytest.mark.parametrize("subtype, dtype", [("PCM_16", "int16"), ("PCM_16", "int32"), ("FLOAT", "float32"), ("FLOAT", "float64")])
def test_what_soundfile_reads_is_what_the_file_gives(tmp_path, subtype, dtype):
    path = tmp_path / "a.wav"
    soundfile.write(path, WAVE, RATE, subtype=subtype)
    samples, _ = soundfile.read(path, dtype=dtype)
    np.testing.assert_array_equal(read_speech(samples), read_audio(str(path)))


def test_forms_of_the_same_sound(wav):
    """Whatever holds the samples, they are those of the file."""
    wanted, rate = soundfile.read(wav, dtype="float32")
    pcm = soundfile.read(wav, dtype="int16")[0]
    forms = {
        "path": wav, "words": str(wav), "array": wanted, "list": wanted.tolist(), "tuple": tuple(wanted.tolist()),
        "reversed twice": wanted[::-1].copy()[::-1], "tensor": torch.tensor(wanted),
        "gradient": torch.tensor(wanted, requires_grad=True), "int tensor": torch.tensor(pcm),
        "torchaudio": torch.tensor(wanted)[None], "column": wanted[:, None], "row": wanted[None],
        "dict": {"array": wanted, "sampling_rate": rate, "path": None}, "dict of int16": {"array": pcm, "sampling_rate": rate},
        "dict of tensor": {"array": torch.tensor(wanted), "sampling_rate": torch.tensor(rate)},
        "undecoded": {"bytes": wav.read_bytes(), "path": "a.wav"}, "path alone": {"bytes": None, "path": str(wav)},
        "bytes": wav.read_bytes(), "stream": io.BytesIO(wav.read_bytes()), "decoder": decoder(torch.tensor(wanted)[None], rate),
    }  # fmt: skip
    for form, given in forms.items():
        (alone,) = as_list(given)
        np.testing.assert_array_equal(read_speech(alone), wanted, err_msg=form)
    half = torch.tensor(wanted).bfloat16()
    np.testing.assert_array_equal(read_speech(half), half.float().numpy())


def decoder(data, rate):
    """What torchcodec's AudioDecoder and datasets' show: all samples, `(channels, samples)`, and their rate in Hz."""
    return SimpleNamespace(get_all_samples=lambda: SimpleNamespace(data=data, sample_rate=rate))


def test_a_real_decoder(wav):
    decoders = pytest.importorskip("torchcodec.decoders", reason="torchcodec is not installed", exc_type=Exception)
    np.testing.assert_array_equal(read_speech(decoders.AudioDecoder(str(wav))), read_audio(str(wav)))


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000])
def test_rates_that_come_with_the_samples_are_heeded(tmp_path, rate):
    wave = 0.4 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    soundfile.write(tmp_path / "a.wav", wave, rate, subtype="DOUBLE")
    wanted = read_audio(str(tmp_path / "a.wav"))
    assert abs(len(wanted) - RATE) <= 1
    for given in ({"array": wave, "sampling_rate": rate}, decoder(torch.tensor(wave)[None], rate)):
        np.testing.assert_array_equal(read_speech(given), wanted)
    wanted = read_audio(str(tmp_path / "a.wav"), sample_rate=24000)
    np.testing.assert_array_equal(read_speech({"array": wave, "sampling_rate": rate}, sample_rate=24000), wanted)


def test_channels_stand_on_the_shorter_axis():
    both = np.stack([WAVE, 0.5 * WAVE]).astype(np.float32)
    for given in (both, both.T, torch.tensor(both), {"array": both, "sampling_rate": RATE}, decoder(torch.tensor(both), RATE)):
        np.testing.assert_array_equal(read_speech(given, channel=2), both[1])
        np.testing.assert_allclose(read_speech(given, "mean"), 0.75 * WAVE, atol=1e-7)
        with pytest.raises(InputError, match="array 0: 2 channels; choose one"):
            read_speech(given)


REFUSED = {
    "no samples": (np.zeros(0), "holds no samples"),
    "no channels": (np.zeros((0, 5)), "holds no samples"),
    "nan": (np.array([0.1, np.nan] * 500), "NaN or infinite"),
    "infinite": (np.array([0.1, np.inf] * 500, np.float32), "NaN or infinite"),
    "too large for float32": (np.array([0.1, 1e300] * 500), "NaN or infinite"),
    "integers as floats": (np.array([0.0, 12000.0] * 500), "look like integers; divide them by 32768"),
    "int64": (np.arange(1000), "int64 does not say how loud its loudest sample is: give int16, int32 or floats"),
    "whole numbers": (list(range(1000)), "int64 does not say"),
    "int64 tensor": (torch.arange(1000), "int64 does not say"),
    "complex": (np.zeros(1000, complex), "an array of complex128: give a path, floats"),
    "truths": (np.zeros(1000, bool), "an array of bool"),
    "nothing": (None, "NoneType: give a path"),
    "a number": (16000, "int: give a path"),
    "soundfile's pair": ((WAVE, RATE), r'tuple: give a path, .* or {"array": samples, "sampling_rate": rate in Hz}'),
    "words in a list": (["a", "b"], "an array of <U1"),
    "three axes": (np.zeros((1, 1, 1000)), r"shape \(1, 1, 1000\); expected `\(samples,\)`"),
    "no rate": ({"array": WAVE}, "a dict of array; give a path"),
    "no array": ({"sampling_rate": RATE}, "a dict of sampling_rate; give"),
    "a row of a data set": ({"audio": {"array": WAVE, "sampling_rate": RATE}, "text": "x"}, "a dict of audio, text; give"),
    "empty dict": ({}, "a dict of nothing; give"),
    "rate 0": ({"array": WAVE, "sampling_rate": 0}, "sampling_rate 0: expected a number of Hz above 0"),
    "rate in words": ({"array": WAVE, "sampling_rate": "16k"}, "sampling_rate '16k': expected a number"),
    "rate nan": ({"array": WAVE, "sampling_rate": float("nan")}, "sampling_rate nan"),
    "bytes of no file": (b"these are words" * 20, "not audio that can be read"),
    "raw samples": (WAVE.astype(np.int16).tobytes(), "not audio that can be read"),
}


@pytest.mark.parametrize("given, words", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_heard_is_refused_in_a_line(given, words):
    with pytest.raises(InputError, match=f"^array 7: .*({words})") as caught:
        read_speech(given, name="array 7")
    assert "\n" not in str(caught.value)


def test_floats_a_little_beyond_their_range_are_clipped_with_a_count(caplog):
    made = read_speech(3 * WAVE)
    beyond = sum(abs(3 * value) > 1 for value in WAVE.tolist())
    assert f"array 0: {beyond} of {RATE} samples lie beyond ±1 (at most 1.2) and are clipped" in caplog.text
    assert np.abs(made).max() == 1.0


def test_one_input_and_several(wav):
    pair = [WAVE, {"array": WAVE, "sampling_rate": RATE}]
    assert as_list(pair) is not pair and as_list(pair) == pair
    assert as_list(iter([wav, "b.wav"])) == [wav, "b.wav"] and as_list([]) == []
    assert as_list(np.array(["a.wav", "b.wav"])) == ["a.wav", "b.wav"]
    assert [name_of(item, number) for number, item in enumerate([Path("a.wav"), "b", WAVE])] == ["a.wav", "b", "array 2"]
    with pytest.raises(InputError, match=r"shape \(2, 16000\) may hold channels or several inputs: give a list of inputs"):
        as_list(np.stack([WAVE, WAVE]))
    with pytest.raises(InputError, match="int: give a path, .* or a list of these"):
        as_list(5)
