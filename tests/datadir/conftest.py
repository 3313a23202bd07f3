"""A sound data directory with real audio, for tests to damage."""

from itertools import cycle

import numpy as np
import pytest
import soundfile

from c2ser.datadir.datadir import DataDir

SPEAKERS = {"ann": ("ann-1", "ann-2", "ann-3"), "李雷": ("李雷-1", "李雷-2")}
EMOTIONS = ("angry", "happy", "neutral")


def make_data_dir(path, audio, speakers=SPEAKERS):
    """Write a whole data directory; every utterance lasts a second and has its own audio file."""
    audio.mkdir(parents=True, exist_ok=True)
    utt2spk = {utterance: speaker for speaker, utterances in speakers.items() for utterance in utterances}
    data_dir = DataDir(path)
    wav_scp = {}
    for number, utterance in enumerate(utt2spk, 1):
        wav = audio / f"声音 {utterance}.wav"
        soundfile.write(wav, np.sin(np.arange(16000) * 0.02 * number).astype(np.float32) / 2, 16000)
        wav_scp[utterance] = str(wav)
    every = list(utt2spk)
    data_dir.write("wav.scp", wav_scp)
    data_dir.write_speakers(utt2spk)
    data_dir.write("text", {utterance: f"stop tak {utterance}" for utterance in every[:-1]} | {every[-1]: ""})
    data_dir.write("utt2emo", {utterance: EMOTIONS[number % 3] for number, utterance in enumerate(every)})
    data_dir.write("utt2lang", dict.fromkeys(every, "pl"))
    data_dir.write("utt2corpus", dict.fromkeys(every, "toy"))
    data_dir.write("utt2dur", dict.fromkeys(every, "1.00"))
    data_dir.write("utt2num_samples", dict.fromkeys(every, "16000"))
    data_dir.write("utt2f0", dict(zip(every, cycle(("210.55", "nan", "98.00", "101.2", "0")))))
    data_dir.write("utt2loudness", dict(zip(every, cycle(("-23.10", "-inf", "nan", "-30", "-0.5")))))
    data_dir.write("utt2rate", dict(zip(every, cycle(("10.500", "nan", "0.000", "12", "8.25")))))
    data_dir.write("utt2style", dict.fromkeys(every, "speed=low pitch=medium volume=high"))
    data_dir.write("spk2gender", dict.fromkeys(speakers, "f"))
    data_dir.write("reco2channel", dict(zip(every, ("1", "mean"))))
    return data_dir


def add_segments(data_dir):
    """Turn it into one with segments: a recording per speaker, its utterances end to end."""
    utt2spk, wav_scp = data_dir.read("utt2spk"), {}
    segments = {}
    for speaker, utterances in data_dir.read("spk2utt").items():
        recording = f"{speaker}-rec"
        wav_scp[recording] = str(data_dir.path / f"{speaker} 录音.wav")
        soundfile.write(wav_scp[recording], np.zeros(16000 * len(utterances.split())) + 0.1, 16000)
        segments |= {key: f"{recording} {number}.0 {number + 1}.0" for number, key in enumerate(utterances.split())}
    assert set(segments) == set(utt2spk)
    data_dir.write("wav.scp", wav_scp)
    data_dir.write("segments", segments)
    data_dir.write("reco2channel", {recording: "1" for recording in wav_scp})
    return data_dir


@pytest.fixture
def good(tmp_path):
    """A sound directory; its path and those of the audio hold blanks and Chinese characters."""
    return make_data_dir(tmp_path / "数据 set" / "train", tmp_path / "音频 files")


@pytest.fixture
def segmented(good):
    """A sound directory with segments."""
    return add_segments(good)


@pytest.fixture
def make():
    """The maker itself, for tests that need several directories."""
    return make_data_dir
