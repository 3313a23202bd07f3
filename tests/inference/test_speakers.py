"""Normalisation by speaker: means against each utterance encoded alone, answers against a model with the mean put in."""

import copy

import numpy as np
import pytest
import soundfile
import torch
import yaml

from c2ser.ark import read_ark
from c2ser.audio import read_audio
from c2ser.bin import decode, predict, speaker_means
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.predictor import Decoding, Predictor
from c2ser.inference.speakers import means_of_speakers
from c2ser.models.whisper_encoder import WhisperEncoder
from tests.builders import c2ser_config, c2ser_model, dump, write_parts
from tests.closeness import nearly
from tests.inference.conftest import assert_same


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = dump(tmp_path_factory.mktemp("speakers") / "dump", 5)
    write_table(folder / "utt2spk", {utt: "ab"[number % 2] for number, utt in enumerate(read_table(folder / "wav.scp"))})
    return folder


@pytest.fixture(scope="module")
def made(data, whisper_pt, tmp_path_factory):
    out = tmp_path_factory.mktemp("means")
    (out / "train.yaml").write_text("whisper_blocks: 1\n")
    argv = ["--data_dir", data, "--audio_scp", data / "wav.scp", "--num_samples", data / "speech_shape", "--batch_seconds", "0.5",
            "--whisper", whisper_pt, "--config", out / "train.yaml", "--emotion_scp", data / "emotion.scp", "--out_dir", out]  # fmt: skip
    speaker_means.main([str(word) for word in argv])
    return {name: read_table(out / f"{name}.scp") for name in ("frames", "emotion")}


@pytest.fixture(scope="module")
def by_speaker(tmp_path_factory, system_dir, llm_dir, whisper_pt):
    """The small system with `standardize: speaker`, in implicit mode."""
    options = {"train_mode": "implicit", "standardize": "speaker", "freeze_encoder": True}
    config = c2ser_config(llm_dir, whisper_pt, prompt_language="zh", model_conf=options)
    model, folder = c2ser_model(config, 10), tmp_path_factory.mktemp("by_speaker")
    for layer in model.standardize.values():
        layer.mean.normal_()
        layer.scale.uniform_(0.5, 2)
    bundle = Bundle.read(system_dir)
    bundle.modes = {"implicit": write_parts(folder / "implicit", config, model)}
    bundle.write(folder)
    return folder


@pytest.fixture(scope="module")
def predictor(by_speaker):
    return Predictor(by_speaker, decoding=Decoding(batch_size=2, methods=["score"]))


def speakers_of(data):
    own = {}
    for utterance, speaker in read_table(data / "utt2spk").items():
        own.setdefault(speaker, []).append(utterance)
    return own


def test_a_speaker_is_the_mean_of_utterances_each_counting_alike():
    features = [("x", np.array([1.0, 2.0])), ("y", np.array([3.0, 8.0])), ("z", np.array([5.0, 5.0]))]
    means = means_of_speakers(features, {"x": "a", "y": "a", "z": "b"})
    assert {speaker: mean.tolist() for speaker, mean in means.items()} == {"a": [2.0, 5.0], "b": [5.0, 5.0]}


@torch.no_grad()
def test_means_are_those_of_utterances_encoded_alone(data, made, whisper_pt):
    encoder = WhisperEncoder.from_checkpoint(whisper_pt).eval()
    encoder.encoder.blocks = encoder.encoder.blocks[:1]
    for own in speakers_of(data).values():
        alone = []
        for utterance in own:
            wave = torch.from_numpy(read_audio(read_table(data / "wav.scp")[utterance]))
            alone.append(encoder(wave[None], torch.tensor([len(wave)]))[0][0].double().mean(0))
        tokens = [read_ark(read_table(data / "emotion.scp")[utterance]).mean(0) for utterance in own]
        for utterance in own:
            assert read_ark(made["frames"][utterance]).tolist() == nearly(torch.stack(alone).mean(0).tolist())
            assert read_ark(made["emotion"][utterance]).tolist() == nearly(np.mean(tokens, axis=0).tolist())


def test_answers_are_those_of_a_model_with_the_speakers_mean_for_its_own(predictor, speech):
    first, second = predictor.enrol(speech[:3]), predictor.enrol(iter(speech[3:]))
    told = predictor(speech, speakers=[first, second, None, first, second])
    model = predictor._model("implicit")
    for number, means in enumerate((first, second, None, first, second)):
        other = copy.deepcopy(model)
        for name, layer in other.standardize.items():
            layer.mean.copy_(layer.mean if means is None else means[f"speaker_{name}"])
        predictor._models["implicit"] = other
        assert_same(predictor([speech[number]]), [told[number]])
    predictor._models["implicit"] = model
    assert told[0].posterior != predictor(speech)[0].posterior  # it does change something


def test_decoding_enrols_each_speaker_of_the_set(data, by_speaker, predictor, tmp_path):
    (tmp_path / "decode.yaml").write_text("batch_size: 3\nmethods: [score]\n")
    argv = ["--model", by_speaker, "--mode", "implicit", "--data_dir", data, "--audio_scp", data / "wav.scp",
            "--config", tmp_path / "decode.yaml", "--out_dir", tmp_path / "out"]  # fmt: skip
    decode.main([str(word) for word in argv])
    made, audio = read_table(tmp_path / "out/posteriors"), read_table(data / "wav.scp")
    for own in speakers_of(data).values():
        speech = [read_audio(audio[utterance]) for utterance in own]
        wanted = predictor(speech, speakers=[predictor.enrol(speech)] * len(own))
        for utterance, prediction in zip(own, wanted, strict=True):
            assert [float(word) for word in made[utterance].split()] == nearly(list(prediction.posterior.values()))
    assert yaml.safe_load((tmp_path / "out/decode.json").read_text())["normalised_by_speaker"]


def test_predict_says_where_no_speaker_is_enrolled(by_speaker, speech, tmp_path, caplog, capsys):
    soundfile.write(tmp_path / "a.wav", speech[1], 16000)
    for more, warned in (([], 1), (["--enrol", f"{tmp_path}/a.wav"], 0)):
        caplog.clear()
        predict.main([f"{tmp_path}/a.wav", "--model", str(by_speaker), *more])
        assert sum("without --enrol" in line for line in caplog.messages) == warned
    head, first, same, second = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head == same and len(first) == len(second) == len(head) and first[2:] != second[2:]


def test_what_does_not_fit_is_told(predictor, system_dir, make_c2ser, tmp_path):
    with pytest.raises(InputError, match="no recording of the speaker"):
        predictor.enrol([])
    with pytest.raises(InputError, match="is not normalised by speaker; leave it out"):
        predict.main(["a.wav", "--model", str(system_dir), "--enrol", "b.wav"])
    with pytest.raises(InputError, match="standardize: speaker: needs freeze_encoder: true"):
        make_c2ser(model_conf={"standardize": "speaker"})
    with pytest.raises(InputError, match="standardize: 'utterance': expected true, false or speaker"):
        make_c2ser(model_conf={"standardize": "utterance"})
