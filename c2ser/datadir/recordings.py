"""Checking the audio behind a data directory by decoding all of it."""

from tqdm import tqdm

from c2ser.audio import OVERRUN, SAMPLE_RATE, read_audio, segment_end
from c2ser.datadir.faults import Fault
from c2ser.errors import InputError


def audio_faults(scans, allow_commands=False):
    """Decode every recording of wav.scp, given name → Scan. Returns the faults.

    Found are files that are missing, empty, truncated, no audio, without samples, NaN or of several channels with none
    chosen in reco2channel; commands, unless `allow_commands`; segments beyond the end of their recording; utt2dur that
    differs from the audio.
    """
    if "wav.scp" not in scans:
        return []
    channels = {row.key: row.value for row in scans["reco2channel"].rows} if "reco2channel" in scans else {}
    found, seconds = [], {}
    for row in tqdm(scans["wav.scp"].rows, desc="checking audio", unit="recording", disable=None):
        if row.value is None:
            continue
        try:
            samples = read_audio(row.value, channels.get(row.key), allow_commands=allow_commands)
            seconds[row.key] = len(samples) / SAMPLE_RATE
        except InputError as error:
            found.append(Fault("audio", str(scans["wav.scp"].path), row.line, f"{row.key}: {error}"))
    if "segments" in scans:
        return found + _segment_faults(scans["segments"], seconds)
    return found + (_duration_faults(scans["utt2dur"], seconds) if "utt2dur" in scans else [])


def _segment_faults(segments, seconds):
    found = []
    for row in segments.rows:
        try:
            recording, start, end = (row.value or "").split()
            lasts = seconds[recording]
            inside = segment_end(float(start), float(end), lasts) is not None
        except (KeyError, ValueError):
            continue  # reported as a fault of its own
        if not inside:
            message = f"{row.key}: the segment {start}–{end} s lies outside its recording {recording} of {lasts:.4f} s"
            found.append(Fault("segment", str(segments.path), row.line, f"{message}; correct the times"))
    return found


def _duration_faults(utt2dur, seconds):
    found = []
    for row in utt2dur.rows:
        try:
            difference = abs(float(row.value or "nan") - seconds[row.key])
        except (KeyError, ValueError):
            continue  # reported as a fault of its own
        if difference > OVERRUN:
            message = f"{row.key}: {row.value} s, but its audio lasts {seconds[row.key]:.2f} s; measure utt2dur again"
            found.append(Fault("duration", str(utt2dur.path), row.line, message))
    return found
