"""Frames of a frozen Whisper that are computed once: against the encoder on each utterance alone, and in a model."""

import argparse

import numpy as np
import pytest
import torch

from c2ser.ark import ArkWriter, read_ark
from c2ser.audio import read_audio
from c2ser.bin import whisper_frames
from c2ser.datadir import read_table
from c2ser.errors import InputError
from c2ser.models.whisper_encoder import WhisperEncoder
from c2ser.tasks.c2ser import C2SERTask
from c2ser.tasks.dumped_frames import DumpedFrames
from tests.builders import WHISPER, dump, task_config
from tests.closeness import assert_rounds_alike


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return dump(tmp_path_factory.mktemp("frames") / "dump", 5)


@pytest.fixture(scope="module")
def make(data, whisper_pt, tmp_path_factory):
    """make(option, …): the command with one block; returns what it wrote, utterance → array, and its table."""

    def run(*options):
        out = tmp_path_factory.mktemp("made")
        argv = ["--audio_scp", data / "wav.scp", "--num_samples", data / "speech_shape", "--whisper", whisper_pt,
                "--whisper_blocks", 1, "--out_dir", out, *options]  # fmt: skip
        whisper_frames.main([str(word) for word in argv])
        return {utterance: read_ark(entry) for utterance, entry in read_table(out / "frames.scp").items()}, out / "frames.scp"

    return run


@torch.no_grad()
def test_frames_are_those_of_each_utterance_alone(data, make, whisper_pt):
    encoder = WhisperEncoder.from_checkpoint(whisper_pt).eval()
    encoder.encoder.blocks = encoder.encoder.blocks[:1]
    together, means = make()[0], make("--means")[0]
    for utterance, entry in read_table(data / "wav.scp").items():
        wave = torch.from_numpy(read_audio(entry))
        alone = encoder(wave[None], torch.tensor([len(wave)]))[0][0]
        assert_rounds_alike(together[utterance], alone)
        assert_rounds_alike(means[utterance], alone.double().mean(0, keepdim=True).float())


def test_batches_change_nothing(make):
    one, other = make("--batch_seconds", 0.01)[0], make()[0]
    assert one.keys() == other.keys()
    for utterance, frames in one.items():
        assert_rounds_alike(other[utterance], frames)


@pytest.mark.parametrize("training", [True, False])
def test_a_model_reads_them_instead_of_hearing(data, make, make_c2ser, training):
    scp, names = make()[1], list(read_table(data / "wav.scp"))
    waves = [torch.from_numpy(read_audio(entry)) for entry in read_table(data / "wav.scp").values()]
    speech, lengths = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True), torch.tensor([len(wave) for wave in waves])
    conf = {"freeze_encoder": True, "keep_frames": True}
    model = make_c2ser(model_conf=conf, specaug=False, whisper_blocks=1, emotion_dim=0, connector_conf={"dim": 32, "depth": 1,
                       "heads": 2, "feedforward": 32, "dropout": 0.0}).train(training)  # fmt: skip
    wanted = model.hear(speech, lengths, names=names)[0]
    model.kept_frames = DumpedFrames(scp, model.encoder.dim)
    model.encoder.register_forward_hook(lambda *_: pytest.fail("heard"))
    found = model.hear(speech, lengths, names=names)[0]
    assert_rounds_alike(found, wanted)
    backward = model.hear(speech.flip(0), lengths.flip(0), names=names[::-1])[0]
    assert_rounds_alike(backward.flip(0), wanted)


def test_frames_that_do_not_fit_are_named(make, tmp_path):
    scp = make()[1]
    with pytest.raises(InputError, match=rf"{scp}: no entry for nobody; make it again"):
        DumpedFrames(scp, WHISPER["n_audio_state"])["nobody"]
    with pytest.raises(InputError, match=r"s1_00: frames of shape \(\d+, 16\), where the encoder has width 17"):
        DumpedFrames(scp, 17)["s1_00"]
    with ArkWriter(tmp_path / "v.ark", tmp_path / "v.scp") as writer:
        writer["a"] = np.ones(16, np.float32)
    with pytest.raises(InputError, match=r"a: frames of shape \(16,\)"):
        DumpedFrames(tmp_path / "v.scp", 16)["a"]


def test_a_training_is_told_what_its_frames_need(data, make, llm_dir, whisper_pt):
    """What the option asks of the configuration, and that every utterance has an entry, is known before the first batch."""
    scp = make()[1]
    files = [[str(data / name), name.partition(".")[0].replace("wav", "speech"), kind] for name, kind in (("wav.scp", "kaldi_ark"),
             ("explicit", "text"), ("implicit", "text"))]  # fmt: skip
    options = {"llm": str(llm_dir), "whisper": str(whisper_pt), "whisper_blocks": 1, "specaug": False, "kept_frames": str(scp), "distributed": False, "ngpu": 0,
               "train_data_path_and_name_and_type": files, "train_shape_file": [str(data / "speech_shape")]}  # fmt: skip

    def build(**changes):
        return C2SERTask.build_model(argparse.Namespace(**task_config(C2SERTask, **{**options, **changes})))

    model = build(model_conf={"freeze_encoder": True, "keep_frames": True})
    assert isinstance(model.kept_frames, DumpedFrames)
    with pytest.raises(InputError, match="--kept_frames: needs model_conf: keep_frames: true"):
        build(model_conf={"freeze_encoder": True})
    scp.write_text("".join(scp.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(InputError, match=rf"{scp}: no entry, or an empty one, for 1 utterances of .*speech_shape: s1_00"):
        build(model_conf={"freeze_encoder": True, "keep_frames": True})
