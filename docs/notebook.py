# The cells of docs/notebook.ipynb, which tools/make_notebook.py runs and writes. %% begins a cell, %% md one of text.
# %% md
# # From recordings to a table
#
# Five minutes, no corpus and no GPU: recordings become a data directory, a classifier is trained and scored, a trained
# system labels files in classes of your own, and a long recording becomes a picture. Install with `make install`, then open this
# notebook with the interpreter of `.venv` (`.venv/bin/pip install jupyterlab`).
#
# The voices here are made of pulses and formants, so that nothing has to be fetched. What holds of them holds of no people.
# %% md
# ## Recordings
#
# Six speakers, each twice angry (higher, louder, quicker) and twice sad; every recording a little different.
# %%
import os

import numpy as np
import soundfile
from scipy.signal import lfilter

MODEL = os.environ.get("C2SER_MODEL", "exp/demo/packed")  # what `make demo` leaves, or any other packed system
SPEAKERS = {"anna": 210, "carl": 115, "dana": 190, "emil": 100, "jana": 230, "petr": 125}  # pitch in Hz
random = np.random.default_rng(7)


def voice(pitch, loudness, syllables, seconds=1.2):
    """Pulses of a voice through three formants, `syllables` a second."""
    times = np.arange(round(16000 * seconds)) / 16000
    phase = np.cumsum(pitch * (1 + 0.08 * np.sin(5 * times + 6 * random.random()))) / 16000
    sound = (np.diff(np.floor(phase), prepend=0) > 0).astype(float)
    for formant, width in ((700, 80), (1220, 90), (2600, 120)):
        radius = np.exp(-np.pi * width / 16000)
        sound = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * formant / 16000), radius**2], sound)
    sound *= 0.55 - 0.45 * np.cos(2 * np.pi * syllables * times)
    return loudness * sound / np.abs(sound).max()


os.makedirs("speech", exist_ok=True)
recordings = {}
for speaker, pitch in SPEAKERS.items():
    for emotion, higher, louder, quicker in (("angry", 1.25, 0.4, 5.0), ("sad", 0.95, 0.15, 3.0)):
        for take in range(2):
            change = 1 + 0.15 * random.normal(size=3)
            sound = voice(pitch * higher * change[0], min(louder * change[1], 0.9), quicker * change[2])
            recordings[f"{speaker}-{emotion}{take}"] = speaker, emotion, f"speech/{speaker}-{emotion}{take}.wav"
            soundfile.write(f"speech/{speaker}-{emotion}{take}.wav", sound, 16000)
print(len(recordings), "recordings")
# %% md
# ## A data directory
#
# Kaldi's: one text table for each thing that is known, `key value` a line. Speakers of the test set are in no other.
# %%
from c2ser.datadir import write_table

for part, speakers in {"all": tuple(SPEAKERS), "train": ("anna", "carl", "dana", "emil"), "test": ("jana", "petr")}.items():
    chosen = {name: values for name, values in recordings.items() if values[0] in speakers}
    write_table(f"data/{part}/wav.scp", {name: path for name, (_, _, path) in chosen.items()})
    write_table(f"data/{part}/utt2spk", {name: speaker for name, (speaker, _, _) in chosen.items()})
    write_table(f"data/{part}/utt2emo", {name: emotion for name, (_, emotion, _) in chosen.items()})
    write_table(f"data/{part}/utt2lang", dict.fromkeys(chosen, "en"))
    write_table(f"data/{part}/spk2utt", {one: " ".join(name for name in chosen if name.startswith(one)) for one in speakers})
# %%
!c2ser validate-data-dir data/test --no_text
# %% md
# ## A classifier on pitch, loudness and timing
#
# Statistics of prosody for every recording, then a logistic regression that is fitted on four speakers and labels the other two.
# %%
!c2ser prosody-features --data_dir data/all --out_dir prosody
!c2ser probe --feats_scp prosody/feats.scp --train_dir data/train --test_dir data/test --choose_by cross_speaker --out_dir probe
# %% md
# ## The table
#
# UA is the mean recall of the classes, WA the share of right answers. Two speakers are far too few for intervals to say much, and
# the page says so itself.
# %%
!c2ser score data/test probe/utt2pred
# %% md
# ## Files, labelled by a trained system in classes of your own
#
# What you see below was answered by a system with **random weights**, as the tests use: it shows the form, and its answers mean
# nothing. Take the one that `make demo` leaves, or your own.
# %%
!c2ser predict speech/jana-angry0.wav speech/petr-sad1.wav --model {MODEL} --labels "angry sad calm"
# %%
from c2ser import Predictor

predictor = Predictor(MODEL)
for prediction in predictor(["speech/jana-angry0.wav", "speech/petr-sad1.wav"]):
    print(prediction.label, {label: round(value, 3) for label, value in prediction.posterior.items()})
# %% md
# ## A long recording
#
# Windows of four seconds every two; an hour takes no more memory than this quarter of a minute.
# %%
talk = [soundfile.read(path)[0] for _, _, path in list(recordings.values())[:12]]
soundfile.write("talk.wav", np.concatenate(talk), 16000)
# %%
!c2ser timeline talk.wav --model {MODEL} --out talk.png talk.json talk.TextGrid talk.vtt
# %%
from PIL import Image

Image.open("talk.png").reduce(3)
# %%
print(open("talk.vtt").read()[:180])
