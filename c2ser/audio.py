"""Reading speech: files, commands and archives of any rate and channel count → mono float32 at one rate."""

import logging
import subprocess
from pathlib import Path

import numpy as np
import soxr

from c2ser.at_work import at_work
from c2ser.errors import InputError
from c2ser.soundfiles import blocks, decode

SAMPLE_RATE = 16000
"""The rate, in Hz, at which every model of the project hears."""

MIN_SAMPLES = 400
"""One frame of the feature extractors (25 ms at 16 kHz): anything shorter cannot be heard by them."""


LOUDEST = 32.0
"""Float samples beyond this (30 dB over full scale) are taken for integers."""

SILENCE_PEAK = 2.0**-15
"""What never strays further from its middle than one step of 16 bits holds no sound."""

CANCELLED = 0.02
"""Channels whose mean has less than this share (-17 dB) of their power are warned of: they cancel each other."""

OVERRUN = 0.1
"""Seconds by which a segment may end after its recording, as rounded times do; such a segment ends with the recording."""


def read_audio(entry, channel=None, sample_rate=SAMPLE_RATE, allow_commands=False, most=None):
    """Read one wav.scp entry as mono speech.

    entry: a path (anything libsndfile reads, else through FFmpeg, by content and not by suffix), `file.ark:offset`, or `command |`,
    which is run only with `allow_commands`. channel: 1-based number, "mean", or None, which demands mono; most: seconds
    that a file may last. Returns float32 `(samples,)` at `sample_rate` Hz in about [-1, 1]. Raises InputError, naming the
    entry, for a missing, empty, truncated or non-audio file, one that is longer or of a rate that no speech has, no samples,
    NaN or infinite samples, integers written as floats, a channel that is not there, or several channels and none chosen.
    Samples beyond ±1 are clipped, with a warning, and another tells of channels that cancel each other under "mean".
    """
    samples, rate = _decode(entry, allow_commands, most)
    return prepare(samples, rate, channel, sample_rate, entry)


def prepare(samples, rate, channel=None, sample_rate=SAMPLE_RATE, entry="audio"):
    """Decoded `(samples, channels)` at `rate` Hz → what `read_audio` returns, with its errors."""
    _check_rate(rate, entry)
    samples = within_range(select_channel(samples, channel, entry), entry)
    if rate != sample_rate:  # resampling overshoots where sound was clipped
        samples = np.clip(soxr.resample(samples, rate, sample_rate), -1.0, 1.0).astype(np.float32)
    if samples.shape[0] == 0:
        raise InputError(f"{entry}: shorter than one sample at {sample_rate} Hz; remove it")
    return samples


def audio_blocks(path, channel=None):
    """Yield float32 `(samples,)` at 16 kHz of a file, seconds at a time: together what `read_audio` gives, whatever its length.

    Raises InputError as it does; of several channels that cancel each other nothing is said.
    """
    check_file(path)
    resampler = None
    for block, rate in blocks(path):
        if resampler is None:
            _check_rate(rate, path)
            resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1)
        if len(block):
            samples = block.mean(axis=1) if channel == "mean" else select_channel(block, channel, path)
            samples = within_range(samples, path)
            yield samples if rate == SAMPLE_RATE else _resampled(resampler, samples)
    if rate != SAMPLE_RATE:
        yield _resampled(resampler, np.zeros(0, np.float32), last=True)


def _resampled(resampler, samples, last=False):
    return np.clip(resampler.resample_chunk(samples, last=last), -1.0, 1.0)


def _check_rate(rate, entry):
    if not 1000 <= rate <= 1_000_000:  # what is resampled from 1 Hz becomes 16,000 times as long
        raise InputError(f"{entry}: {rate:.10g} Hz: speech has 1,000 to 1,000,000 samples a second; its header is wrong")


def within_range(samples, entry):
    """Decoded samples, an array of any shape, clipped to ±1 as they are in dump/; a warning counts them.

    Raises InputError for none at all, NaN or infinite ones, and integers as floats.
    """
    if samples.shape[0] == 0:
        raise InputError(f"{entry}: holds no samples; remove it or fetch it again")
    if not np.isfinite(samples).all():
        raise InputError(f"{entry}: holds NaN or infinite samples; remove it or fetch it again")
    beyond = np.abs(samples) > 1.0
    if not beyond.any():
        return samples
    peak = float(np.abs(samples).max())
    if peak > LOUDEST or (samples == np.round(samples)).all():
        raise InputError(
            f"{entry}: its samples reach {peak:.6g}, but floats are to lie within ±1: these look like integers; divide "
            "them by 32768 (of 16 bits), 8388608 (24) or 2147483648 (32), and write it again"
        )
    logging.warning("%s: %d of %d samples lie beyond ±1 (at most %.3g) and are clipped", entry, beyond.sum(), samples.size, peak)
    return np.clip(samples, -1.0, 1.0)


def select_channel(samples, channel, entry="audio"):
    """`(samples, channels)` → `(samples,)` by a 1-based channel, "mean", or None, which demands a single channel."""
    channels = samples.shape[1]
    if channel in (None, "") and channels > 1:
        raise InputError(f"{entry}: {channels} channels; choose one with --channel 1|2|mean (reco2channel in a data dir)")
    if channel == "mean":
        mean = samples.mean(axis=1)
        if len(mean) and mean.var(dtype=np.float64) < CANCELLED * samples.var(axis=0, dtype=np.float64).mean():
            logging.warning("%s: its channels cancel each other, so that their mean holds little or nothing; choose one", entry)
        return mean
    try:
        number = 1 if channel in (None, "") else int(channel)
    except ValueError:
        raise InputError(f"{entry}: channel {channel!r}: expected a number from 1, or mean") from None
    if not 1 <= number <= channels:
        raise InputError(f"{entry}: channel {number} is not there; the file has {channels}")
    return np.ascontiguousarray(samples[:, number - 1])


def _decode(entry, allow_commands, most):
    """Decode an entry to float32 `(samples, channels)` and its rate in Hz."""
    entry = entry.strip()
    if entry.endswith("|"):
        return _decode_command(entry, allow_commands)
    if not Path(entry).is_file() and entry.rpartition(":")[2].isdigit():
        from c2ser.ark import read_ark

        loaded = read_ark(entry)
        if not isinstance(loaded, tuple):
            raise InputError(f"{entry}: holds a matrix, no audio; wav.scp must name an archive that stage 2 dumped")
        rate, samples = loaded
        return samples.reshape(len(samples), -1).astype(np.float32) / 32768.0, rate
    return _decode_file(entry, most)


def _decode_file(path, most):
    check_file(path)
    return decode(path, path, most)


def check_file(path):
    """Raise InputError where there is no file, or nothing in it."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    if Path(path).stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; fetch it again")


def _decode_command(entry, allow_commands):
    if not allow_commands:
        raise InputError(f"{entry}: a command; it is run only with --allow_commands true")
    done = subprocess.run(["bash", "-o", "pipefail", "-c", entry[:-1]], capture_output=True)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][-500:]
        why = f": {said}" if said else " and said nothing of why"
        raise InputError(f"{entry}: the command ended with status {done.returncode}{why}")
    if not done.stdout:
        raise InputError(f"{entry}: the command wrote nothing")
    return decode(done.stdout, entry)


def read_utterances(data_dir, utterances=None, allow_commands=False, bad=None):
    """Yield (utterance, float32 `(samples,)` at 16 kHz) of a data directory, segments and reco2channel honoured.

    utterances: the ids wanted, in any order (None: all); bad: a dict that faulty ones go into with their reason, as they
    are met. Recordings are decoded once each. Raises InputError naming the utterance, unless there is `bad`.
    """
    wav_scp, channels = data_dir.read("wav.scp"), data_dir.read("reco2channel", optional=True)
    segments = data_dir.segments() if data_dir.has("segments") else None
    decoded = None, None
    for utterance in data_dir.utterances() if utterances is None else utterances:
        recording, start, end = segments[utterance] if segments else (utterance, None, None)
        where = f"{data_dir.path}: utterance {utterance}: "
        at_work(utterance)
        try:
            if recording not in wav_scp:
                where = f"{data_dir.path}/wav.scp: "
                raise InputError(f"no entry for {recording}, which utterance {utterance} needs")
            if decoded[0] != recording:
                samples = read_audio(wav_scp[recording], channels.get(recording), allow_commands=allow_commands)
                decoded = recording, samples
            where = ""  # which a cut names by itself
            samples = decoded[1] if start is None else cut(decoded[1], start, end, utterance)
        except InputError as error:
            if bad is None:
                raise InputError(f"{where}{error}") from None
            bad[utterance] = f"{where}{error}"
            continue
        yield utterance, samples


def cut(samples, start, end, utterance):
    """The segment from `start` to `end` seconds of 16 kHz samples, see `segment_end`. Raises InputError where it lies outside."""
    seconds = len(samples) / SAMPLE_RATE
    last = segment_end(start, end, seconds)
    first, last = round(start * SAMPLE_RATE), round((last or 0) * SAMPLE_RATE)
    if not 0 <= first < last:
        raise InputError(f"utterance {utterance}: segment {start}–{end} s outside its {seconds:.4f} s recording")
    return samples[first:last]


def segment_end(start, end, seconds):
    """Where a segment from `start` to `end` s ends in its recording of `seconds`: there, or at the recording's end where
    it overruns it by at most `OVERRUN`; None for one that ends later still or starts no earlier than the recording ends."""
    return min(end, seconds) if start < seconds and end <= seconds + OVERRUN + 1e-9 else None


def is_silent(samples):
    """Whether float `(samples,)` are digital silence (`SILENCE_PEAK`), with an offset or without."""
    return len(samples) == 0 or np.ptp(samples) <= 2 * SILENCE_PEAK


def has_sound(samples, name):
    """Whether float `(samples,)` are more than digital silence; a warning names those that are not."""
    silent = is_silent(samples)
    if silent:
        logging.warning("%s: no sound in it (digital silence): an answer says nothing of anybody's voice", name)
    return not silent


def to_pcm16(samples):
    """Float samples `(samples,)` in [-1, 1] → int16, rounded and clipped: what dump/ holds."""
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
