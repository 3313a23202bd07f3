"""Emotion2Vec-S as a feature extractor: its three kinds of utterance features, and files that do not fit."""

import pytest
import torch

from c2ser.errors import InputError
from c2ser.inference.emotion_encoder import EmotionEncoder
from c2ser.models.emotion2vec import Emotion2Vec, backbone_config
from c2ser.tasks.emotion2vec_s import Emotion2VecSTask
from tests.builders import BACKBONE, PRETRAINING, backbone, pretraining, task_config, waves, write_parts
from tests.closeness import assert_rounds_alike

LENGTHS = [8000, 400, 3000, 16000]


@pytest.fixture(scope="module")
def pretrained():
    return pretraining()


@pytest.fixture(scope="module")
def files(tmp_path_factory, pretrained):
    config = task_config(Emotion2VecSTask, backbone_conf=BACKBONE, model_conf=PRETRAINING)
    return write_parts(tmp_path_factory.mktemp("e2v") / "e2v_s", config, pretrained)


@torch.no_grad()
def alone(pretrained, speech, length):
    """Frames and tokens of one utterance from the student."""
    frames, tokens, _ = pretrained.student.eval()(speech[None, :length], torch.tensor([length]))
    return frames[0], tokens[0]


def test_tokens_are_the_learned_ones(files, pretrained):
    speech, lengths = waves(LENGTHS)
    tokens, mean = EmotionEncoder(**files)(speech, lengths)
    assert tokens.shape == (4, 10, 24) and mean.shape == (4, 24) and tokens.dtype == mean.dtype == torch.float32
    for row, length in enumerate(LENGTHS):
        frames, own = alone(pretrained, speech[row], length)
        assert_rounds_alike(tokens[row], own)
        assert_rounds_alike(mean[row], frames.mean(0))


def test_first_frames_are_those_of_the_released_script(files, pretrained):
    speech, lengths = waves(LENGTHS)
    tokens, mean = EmotionEncoder(**files, utterance_mode="first10_frames")(speech, lengths)
    for row, length in enumerate(LENGTHS):
        frames, _ = alone(pretrained, speech[row], length)
        shown = min(10, len(frames))
        assert_rounds_alike(tokens[row, :shown], frames[:shown])
        assert tokens.shape == (4, 10, 24) and not tokens[row, shown:].any()
        assert_rounds_alike(mean[row], frames.mean(0))
    short = EmotionEncoder(**files, utterance_mode="first10_frames")(speech[1:2, :400], lengths[1:2])[0]
    assert short.shape == (1, 10, 24) and not short[:, 1:].any()


def test_mean_is_repeated(files):
    speech, lengths = waves(LENGTHS)
    tokens, mean = EmotionEncoder(**files, utterance_mode="mean")(speech, lengths)
    torch.testing.assert_close(tokens, mean[:, None].expand(-1, 10, -1), atol=0, rtol=0)


@torch.no_grad()
def states(pretrained, speech, length):
    """Tokens and frames at every depth of one utterance, by hand: `(depths, 10 + frames, dim)`."""
    model = pretrained.student.eval()
    x, inside = model.embed(speech[None, :length], torch.tensor([length]))
    index = torch.arange(x.shape[1])[None]
    x = torch.cat([model.extra_tokens, x + model.positions(x, inside)], dim=1)
    depths = [model.prenet_norm(x)]
    for block in [*model.prenet, *model.blocks]:
        depths.append(block(depths[-1], model.attention_bias(index, inside))[0])
    return torch.cat(depths)


@pytest.mark.parametrize("mode", ["extra_tokens", "first10_frames", "mean"])
def test_every_depth_in_one_pass(files, pretrained, mode):
    speech, lengths = waves(LENGTHS)
    encoder = EmotionEncoder(**files, utterance_mode=mode)
    tokens, layers, counts = encoder.depths(speech, lengths)
    assert_rounds_alike(tokens, encoder(speech, lengths)[0])
    assert layers.shape == (4, 4, 3 * 24) and layers.dtype == torch.float32  # before three blocks, and after each
    for row, length in enumerate(LENGTHS):
        own = states(pretrained, speech[row], length)
        frames = own[:, 10:]
        wanted = torch.cat([own[:, :10].mean(1), frames.mean(1), frames.std(1, unbiased=False)], dim=1)
        assert_rounds_alike(layers[row], wanted)
        assert int(counts[row]) == frames.shape[1]


def test_no_hook_stays(files):
    encoder = EmotionEncoder(**files)
    encoder.depths(*waves([4000]))
    with pytest.raises(RuntimeError, match="10 samples; the front end needs 400"):
        encoder.depths(*waves([10]))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in encoder.model.modules())


def test_bfloat16_is_close(files):
    speech, lengths = waves(LENGTHS)
    exact, rough = (EmotionEncoder(**files, precision=name).depths(speech, lengths) for name in ("fp32", "bf16"))
    for one, other in zip(exact[:2], rough[:2]):
        assert other.dtype == torch.float32 and 0 < (one - other).std() < 0.03 * one.std()


def test_a_network_without_tokens(tmp_path):
    config = task_config(Emotion2VecSTask, backbone_conf={**BACKBONE, "extra_tokens": 0}, model_conf=PRETRAINING)
    files = write_parts(tmp_path / "plain", config, backbone(extra_tokens=0))
    with pytest.raises(InputError, match="no utterance tokens in it; choose utterance_mode mean or first10_frames"):
        EmotionEncoder(**files)
    tokens, layers, _ = EmotionEncoder(**files, utterance_mode="mean").depths(*waves([4000]))
    assert tokens.shape == (1, 10, 24) and layers.shape == (1, 4, 48)
    assert_rounds_alike(tokens[0, 3], layers[0, -1, :24])


def test_features_are_the_same_every_time(files):
    encoder, (speech, lengths) = EmotionEncoder(**files), waves(LENGTHS)
    first, second = encoder(speech, lengths), encoder(speech, lengths)
    assert_rounds_alike(second[0], first[0])
    assert not first[0].requires_grad and not encoder.model.training


def test_a_backbone_alone_is_read_too(files, tmp_path, pretrained):
    torch.save(pretrained.student.state_dict(), tmp_path / "backbone.pth")
    speech, lengths = waves(LENGTHS)
    made = EmotionEncoder(files["config"], tmp_path / "backbone.pth")(speech, lengths)[0]
    assert_rounds_alike(made, EmotionEncoder(**files)(speech, lengths)[0])


def test_faults_are_named(files, tmp_path):
    with pytest.raises(InputError, match="utterance_mode 'max': expected one of extra_tokens, first10_frames, mean"):
        EmotionEncoder(**files, utterance_mode="max")
    with pytest.raises(InputError, match="none.yaml: no such file"):
        EmotionEncoder(tmp_path / "none.yaml", files["checkpoint"])
    with pytest.raises(InputError, match="none.pth: no such file; has the training finished"):
        EmotionEncoder(files["config"], tmp_path / "none.pth")
    (tmp_path / "text").write_text("- no: config\n")
    with pytest.raises(InputError, match="text: not the config.yaml of a training"):
        EmotionEncoder(tmp_path / "text", files["checkpoint"])
    with pytest.raises(InputError, match="text: not a state dict"):
        EmotionEncoder(files["config"], tmp_path / "text")


@pytest.mark.parametrize("changes", [{"dim": 48}, {"depth": 3}, {"extra_tokens": 4}])
def test_weights_of_another_size_are_refused(files, tmp_path, changes):
    torch.save(Emotion2Vec(backbone_config({**BACKBONE, **changes})).state_dict(), tmp_path / "other.pth")
    with pytest.raises(InputError, match="other.pth: does not fit the config.yaml"):
        EmotionEncoder(files["config"], tmp_path / "other.pth")


@torch.no_grad()
def test_tokens_of_all_layers(files, pretrained):
    """By hand through the blocks, of one utterance; the last are the learned tokens, and depths tell their means."""
    speech, lengths = waves(LENGTHS)
    encoder, model = EmotionEncoder(**files, utterance_mode="all_layers"), pretrained.student.eval()
    tokens, mean = encoder(speech, lengths)
    assert encoder.layers == 3 and tokens.shape == (4, 10, 3 * 24) and mean.shape == (4, 24)
    assert_rounds_alike(tokens[..., -24:], EmotionEncoder(**files)(speech, lengths)[0])
    x, inside = model.embed(speech[:1, :8000], lengths[:1])
    states, wanted = model.prenet_norm(torch.cat([model.extra_tokens, x + model.positions(x, inside)], dim=1)), []
    bias = model.attention_bias(torch.arange(inside.shape[1])[None], inside)
    for block in (model.prenet[0], *model.blocks):
        states = block(states, bias)[0]
        wanted.append(states[0, :10])
    assert_rounds_alike(tokens[0], torch.cat(wanted, dim=1))
    again, layers, _ = encoder.depths(speech, lengths)
    assert torch.equal(again, tokens)
    assert_rounds_alike(tokens.unflatten(2, (3, 24)).mean(1), layers[:, 1:, :24])
