"""Sound as programs hand it over: paths, arrays of any dtype, tensors, lists, Hugging Face's dicts, decoders → mono speech."""

import os
from collections.abc import Mapping
from numbers import Real

import numpy as np

from c2ser.audio import SAMPLE_RATE, prepare, read_audio
from c2ser.errors import InputError
from c2ser.soundfiles import decode

WANTED = 'give a path, floats or integers `(samples,)` at {rate} Hz, or {{"array": samples, "sampling_rate": rate in Hz}}'


def as_list(inputs):
    """Several inputs as a list; one alone, in any form that `read_speech` takes, as a list of one.

    Raises InputError for what is neither, and for an array of two dimensions: these may be channels or several inputs.
    """
    if isinstance(inputs, str | os.PathLike | Mapping | bytes) or _opens(inputs):
        return [inputs]
    if hasattr(inputs, "dtype") and getattr(inputs.dtype, "kind", "f") not in "OU":  # O, U: an array of paths
        if inputs.ndim == 1 or 1 in inputs.shape:
            return [inputs]
        raise InputError(
            f"an array of shape {tuple(inputs.shape)} may hold channels or several inputs: give a list of inputs"
        )
    try:
        inputs = list(inputs)
    except TypeError:
        raise InputError(f"{type(inputs).__name__}: {WANTED.format(rate=SAMPLE_RATE)}, or a list of these") from None
    return [inputs] if inputs and all(isinstance(one, Real) for one in inputs) else inputs


def name_of(item, number):
    """What messages call the input of that number, from 0."""
    return str(item) if isinstance(item, str | os.PathLike) else f"array {number}"


def read_speech(item, channel=None, sample_rate=SAMPLE_RATE, name="array 0"):
    """One input as `read_audio` would read it: float32 `(samples,)` at `sample_rate` Hz, with its errors and warnings.

    item: a path; samples at `sample_rate` Hz as an array, a tensor or a list, `(samples,)` or two-dimensional, where the
    shorter axis holds the channels; a dict of "array" and "sampling_rate" (Hz), or of the "bytes" or the "path" of a
    file; an AudioDecoder of torchcodec or datasets; the bytes of a file, or an open one. Integers are scaled by their
    dtype: int16 by 32768, uint8 about 128; floats are taken to lie within ±1. channel: as of `read_audio`. Raises
    InputError, beginning with `name`, for anything else.
    """
    if isinstance(item, str | os.PathLike):
        return read_audio(str(item), channel, sample_rate)
    if isinstance(item, Mapping) and item.get("array") is None and (item.get("bytes") or item.get("path")):
        return read_speech(item.get("bytes") or item["path"], channel, sample_rate, name)
    if _opens(item) and not hasattr(item, "get_all_samples"):
        item = item.read()
    if isinstance(item, bytes | bytearray):
        samples, rate = decode(bytes(item), name)
    elif hasattr(item, "get_all_samples"):
        sound = item.get_all_samples()
        samples, rate = _floats(sound.data, name, sample_rate).T, sound.sample_rate
    elif isinstance(item, Mapping):
        samples, rate = _with_rate(item, name, sample_rate)
    else:
        samples, rate = _by_shape(_floats(item, name, sample_rate), name), sample_rate
    return prepare(samples, rate, channel, sample_rate, name)


def _opens(item):
    return hasattr(item, "get_all_samples") or hasattr(item, "read")


def _with_rate(item, name, wanted):
    """A dict's samples `(samples, channels)` and their rate in Hz."""
    if item.get("array") is None or item.get("sampling_rate") is None:
        raise InputError(f"{name}: a dict of {', '.join(map(str, item)) or 'nothing'}; {WANTED.format(rate=wanted)}")
    try:
        rate = float(item["sampling_rate"])
    except (TypeError, ValueError):
        rate = 0.0
    if not 0 < rate < np.inf:
        raise InputError(f"{name}: sampling_rate {item['sampling_rate']!r}: expected a number of Hz above 0")
    return _by_shape(_floats(item["array"], name, wanted), name), rate


def _by_shape(samples, name):
    """`(samples,)`, `(samples, channels)` or `(channels, samples)` → `(samples, channels)`."""
    if samples.ndim == 1 or samples.size == 0:
        return samples.reshape(-1, 1)
    if samples.ndim != 2:
        raise InputError(f"{name}: shape {samples.shape}; expected `(samples,)`, or two dimensions, one of channels")
    return samples.T if samples.shape[0] < samples.shape[1] else samples


def _floats(item, name, rate):
    """Samples of any dtype as a float32 copy of the same shape, integers scaled to ±1."""
    if hasattr(item, "detach"):  # a tensor of torch, maybe bfloat16, which numpy does not have
        item = item.detach().cpu()
        item = item.float() if item.is_floating_point() else item
    try:
        samples = np.asarray(item)
    except (TypeError, ValueError):  # ragged, or not to be had
        samples = np.asarray(None)
    kind, bits = samples.dtype.kind, 8 * samples.dtype.itemsize
    if kind not in "iuf" or samples.ndim == 0:
        found = type(item).__name__ if samples.ndim == 0 else f"an array of {samples.dtype}"
        raise InputError(f"{name}: {found}: {WANTED.format(rate=rate)}")
    if kind != "f" and bits > 32:
        raise InputError(
            f"{name}: {samples.dtype} does not say how loud its loudest sample is: give int16, int32 or floats within ±1"
        )
    if kind == "f":
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is refused
            return samples.astype(np.float32)
    full = 2.0 ** (bits - 1)
    return ((samples - (full if kind == "u" else 0.0)) / full).astype(np.float32)
