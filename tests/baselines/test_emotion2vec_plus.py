"""emotion2vec+ with its own classifier."""

import json

import numpy as np
import pytest
import torch

from c2ser.audio import read_audio
from c2ser.baselines.emotion2vec_plus import group, name_of
from c2ser.bin import convert, emotion2vec_plus
from c2ser.datadir import read_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.predictions import read_posteriors, read_set
from tests.baselines.conftest import THEIRS
from tests.closeness import nearly


def run(test_set, model, out, *options):
    argv = ["--model", model, "--data_dir", test_set.path, "--audio_scp", test_set.path / "wav.scp", "--num_samples",
            test_set.path / "utt2num_samples", "--out_dir", out, *options]  # fmt: skip
    emotion2vec_plus.main([str(word) for word in argv])
    labels, rows = read_posteriors(out)
    return labels, {utterance: row.tolist() for utterance, row in rows.items()}


def probabilities(network, head, pieces):
    """Their nine probabilities for one utterance, given in pieces that are heard apart; one utterance at a time."""
    frames = []
    for piece in pieces:
        wave = torch.from_numpy(np.pad(piece, (0, max(0, 400 - len(piece)))))[None]
        with torch.no_grad():
            frames.append(network(wave, torch.tensor([wave.shape[1]]))[0][0])
    mean = torch.cat(frames).mean(0)
    return (head["proj.weight"] @ mean + head["proj.bias"]).softmax(0).tolist()


OURS = [0, 1, 2, 3, 4, 6, 7]
"""Places of our classes, in our order, among THEIRS; 5 is other and 8 unknown."""


def test_posteriors_are_those_of_the_classifier_over_our_classes(test_set, make_plus, tmp_path):
    folder, network, head = make_plus()
    labels, rows = run(test_set, folder, tmp_path / "out")
    left_out, audio = read_table(tmp_path / "out/utt2left_out"), test_set.read("wav.scp")
    assert labels == list(EMOTIONS)
    shares = {utterance: probabilities(network, head, [read_audio(entry)]) for utterance, entry in audio.items()}
    for utterance, theirs in shares.items():
        ours = [theirs[index] for index in OURS]
        assert rows[utterance] == nearly([value / sum(ours) for value in ours])
        assert float(left_out[utterance]) == nearly(theirs[5] + theirs[8])
    assert len({round(float(value), 3) for value in left_out.values()}) > 2
    account = json.loads((tmp_path / "out/decode.json").read_text())
    assert account["peak_memory_bytes"] > 50e6 and "thread" in account["device"]
    for name, index in (("other", 5), ("unknown", 8)):
        mean = np.mean([theirs[index] for theirs in shares.values()])
        assert account["left_out"][name] == nearly(mean)
    assert set(account["left_out"]) == {"other", "unknown"} and account["cut_into_chunks"] == []
    assert read_set(test_set.path, tmp_path / "out").confidence is not None


def test_batches_and_the_layout_change_nothing(test_set, make_plus, tmp_path):
    folder, _, _ = make_plus()
    _, together = run(test_set, folder, tmp_path / "together")
    convert.main(["--from", str(folder), "--to", str(tmp_path / "ours")])
    _, alone = run(test_set, tmp_path / "ours", tmp_path / "alone", "--batch_seconds", "0.01")
    assert together == {utterance: nearly(row) for utterance, row in alone.items()}


def test_frames_of_chunks_are_averaged_together(test_set, make_plus, tmp_path):
    folder, network, head = make_plus()
    _, rows = run(test_set, folder, tmp_path / "out", "--chunk_seconds", "0.7")
    wave = read_audio(test_set.read("wav.scp")["b-1"])
    theirs = probabilities(network, head, [wave[:10000], wave[10000:]])
    ours = np.array([theirs[index] for index in OURS])
    assert rows["b-1"] == nearly((ours / ours.sum()).tolist())
    account = json.loads((tmp_path / "out/decode.json").read_text())
    assert account["cut_into_chunks"] == ["b-1", "b-2", "b-3"]


def test_fewer_classes_and_outputs_that_were_never_trained(test_set, make_plus, tmp_path, caplog):
    tokens = [*THEIRS[:2], "unuse_0", "开心/joy", *THEIRS[4:]]
    folder, network, head = make_plus(tokens)
    labels, rows = run(test_set, folder, tmp_path / "out", "--labels", "sad", "happy", "fearful")
    assert labels == ["happy", "sad"] and "no class fearful, which is never answered" in caplog.text
    theirs = probabilities(network, head, [read_audio(test_set.read("wav.scp")["b-1"])])
    assert rows["b-1"][0] == nearly(theirs[3] / (theirs[3] + theirs[6]))
    elsewhere = (1 - theirs[2] - theirs[3] - theirs[6]) / (1 - theirs[2])
    assert float(read_table(tmp_path / "out/utt2left_out")["b-1"]) == nearly(elsewhere)
    account = json.loads((tmp_path / "out/decode.json").read_text())
    assert account["classes_never_answered"] == ["fearful"]
    assert list(account["left_out"]) == ["angry", "disgusted", "neutral", "other", "surprised", "unknown"]


def test_their_names():
    assert [name_of(name) for name in (*THEIRS[:2], "<unk>", "难过/sad", "怀疑/doubting")] == [
        "angry", "disgusted", "unknown", "sad", "doubting",
    ]  # fmt: skip
    assert group(["joy", "sad", "happy", "unuse_1"]) == {"happy": [0, 2], "sad": [1]}


def test_what_cannot_classify_is_named(test_set, make_plus, tmp_path):
    def refused(message, model, *options):
        with pytest.raises(InputError, match=message):
            run(test_set, model, tmp_path / "out", *options)
        assert not (tmp_path / "out").exists()

    refused("no classifier; emotion2vec. has one", make_plus(head=False)[0])
    refused("the classes of its classifier have no names", make_plus(tokens=None)[0])
    refused("fewer than two of sad, surprised are among its classes: ", make_plus([*"abcdefgh", "sad"])[0],
            "--labels", "sad", "surprised")  # fmt: skip
    refused("--batch_seconds must be above 0", tmp_path, "--batch_seconds", "0")
    refused("a folder with 0 of model.pth and model.pt", tmp_path)
