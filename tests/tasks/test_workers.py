"""A data loader's worker that fails or is killed ends the training, which does not wait for it for ever."""

import logging
import os
import shutil
import signal
from pathlib import Path

import pytest
from torch.utils.data import get_worker_info

from c2ser.bin import train_emotion_classifier
from c2ser.datadir import read_table, write_table
from c2ser.tasks import emotion_classifier


def test_a_fault_names_the_utterance(options, inputs, tmp_path):
    """The dump of one utterance is cut off."""
    own = tmp_path / "inputs"
    shutil.copytree(inputs / "train", own)
    table = read_table(own / "wav.scp")
    bad = sorted(table)[4]
    ark, offset = table[bad].rsplit(":", 1)
    (own / "bad.ark").write_bytes(Path(ark).read_bytes()[: int(offset) + 10])  # within its header
    write_table(own / "wav.scp", {**table, bad: f"{own}/bad.ark:{offset}"})
    command = [word.replace(f"{inputs}/train/", f"{own}/") for word in options("emotion_classifier", tmp_path, 3, num_workers=2)]
    handler = logging.FileHandler(tmp_path / "log")  # workers write into it, too
    logging.getLogger().addHandler(handler)
    try:
        with pytest.raises(Exception, match="in DataLoader worker process"):
            train_emotion_classifier.main(command)
    finally:
        logging.getLogger().removeHandler(handler)
    assert f"Error happened with path={own}/wav.scp, type=kaldi_ark, id={bad}" in (tmp_path / "log").read_text()


def test_a_killed_worker_is_told(train, tmp_path, monkeypatch):
    """As where memory runs out."""
    real = emotion_classifier.scale_speech

    def dying(utterance, data):
        if get_worker_info():
            os.kill(os.getpid(), signal.SIGKILL)
        return real(utterance, data)

    monkeypatch.setattr(emotion_classifier, "scale_speech", dying)
    with pytest.raises(RuntimeError, match=r"DataLoader worker.* (is killed by signal: Killed|exited unexpectedly)"):
        train("emotion_classifier", tmp_path, 1, num_workers=2)
