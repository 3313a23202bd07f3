"""Whisper's first blocks alone, and learned sums over layers."""

from types import SimpleNamespace

import pytest
import torch

from c2ser.errors import InputError
from c2ser.models.build import build_c2ser, build_encoder
from c2ser.options import blocks_or_mix
from tests.builders import c2ser_config, waves, whisper_file
from tests.closeness import assert_rounds_alike, nearly


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("whisper") / "two.pt"
    whisper_file(path, n_audio_layer=2)
    return path


@torch.no_grad()
def test_they_give_what_that_depth_gives_under_the_final_norm(file):
    whole, first = (build_encoder(SimpleNamespace(whisper=file, whisper_blocks=blocks)).eval() for blocks in (None, 1))
    speech, lengths = waves([5000, 3200])
    *_, after_first, _, _ = whole.depths(speech, lengths)
    frames, counts = first(speech, lengths)
    inside = torch.arange(frames.shape[1]) < counts[:, None]
    wanted = whole.encoder.ln_post(after_first[0])
    assert_rounds_alike(frames[inside], wanted[inside])
    assert not torch.allclose(frames[inside], whole(speech, lengths)[0][inside], atol=1e-3)


@pytest.mark.parametrize("blocks", [0, 3])
def test_there_must_be_as_many(file, blocks):
    with pytest.raises(InputError, match=f"--whisper_blocks {blocks}: .*two.pt has 2"):
        build_encoder(SimpleNamespace(whisper=file, whisper_blocks=blocks))


def system(llm_dir, file, blocks, keep=True, **conf):
    config = c2ser_config(llm_dir, file, emotion_dim=0, whisper_blocks=blocks, specaug=False)
    torch.manual_seed(0)
    config["model_conf"] = {"freeze_encoder": True, "keep_frames": keep, **conf}
    return build_c2ser(SimpleNamespace(**config)).eval()


def hear(model, conf=None):
    speech, lengths = waves([5000, 3200])
    means = None
    if conf:
        means = torch.stack([model.encode(speech[row : row + 1], lengths[row : row + 1])[0][0].mean(0) for row in (1, 0)])
    return model.hear(speech, lengths, names=["a", "b"], speaker_frames=means)[0]


@torch.no_grad()
@pytest.mark.parametrize("conf", [{}, {"standardize": "speaker"}])
def test_a_sum_with_one_weight_is_that_block(file, llm_dir, conf):
    mixed = system(llm_dir, file, "mix", **conf)
    assert mixed.mixture.weights.tolist() == [0, 0]
    heard = [hear(mixed, conf)]
    for blocks in (1, 2):
        mixed.mixture.weights.copy_(torch.tensor([50.0, -50.0] if blocks == 1 else [-50.0, 50.0]))
        alone = system(llm_dir, file, blocks, **conf)
        shared = {name: value for name, value in mixed.state_dict().items() if not name.startswith(("encoder.", "mixture."))}
        alone.load_state_dict(shared, strict=False)
        heard.append(hear(mixed, conf))
        assert_rounds_alike(heard[-1], hear(alone, conf))
    assert all((one - other).abs().max() > 1e-3 for one, other in ((heard[0], heard[1]), (heard[1], heard[2])))


@torch.no_grad()
def test_equal_weights_are_the_mean(file, llm_dir):
    """Of the blocks' outputs under the final norm, by PyTorch's own layer norm."""
    mixed, (speech, lengths) = system(llm_dir, file, "mix"), waves([5000, 3200])
    whole = build_encoder(SimpleNamespace(whisper=file, whisper_blocks=None)).eval()
    _, first, second, _ = (frames for frames, _ in whole.depths(speech, lengths))
    norm = whole.encoder.ln_post
    wanted = sum(torch.nn.functional.layer_norm(one, (16,), norm.weight, norm.bias) for one in (first, second)) / 2
    frames, counts = mixed.encode(speech, lengths)
    found, inside = mixed.mixture(frames), torch.arange(frames.shape[1]) < counts[:, None]
    assert_rounds_alike(found[inside], wanted[inside])


def test_the_sum_is_learnt_from_kept_frames(file, llm_dir, batch):
    batch = {name: value for name, value in batch.items() if not name.startswith("emotion")}
    losses, gradients = [], []
    for keep in (True, False):
        model = system(llm_dir, file, "mix", keep).train()
        model.connector.eval(), model.llm.eval()
        for _ in range(2):  # the second time from what is kept
            model.zero_grad()
            torch.manual_seed(1)
            loss = model(**batch, utt_id=["a", "b", "c"])[0]
            loss.backward()
        losses.append(loss.item())
        gradients.append(model.mixture.weights.grad.clone())
    assert losses[0] == nearly(losses[1]) and gradients[0].abs().min() > 0
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-6)
    assert "mixture.weights" in model.state_dict()
    assert not any(weight.requires_grad for weight in model.encoder.parameters())


@torch.no_grad()
@pytest.mark.parametrize("standardize", [False, "speaker"])
def test_a_sum_over_emotion_tokens(llm_dir, standardize):
    """With one weight it is that layer alone."""
    torch.manual_seed(0)
    tokens, means = torch.randn(2, 10, 3 * 8), torch.randn(2, 3 * 8)

    def made(width, **conf):
        torch.manual_seed(1)
        conf = {"standardize": standardize, **conf}
        return build_c2ser(SimpleNamespace(**c2ser_config(llm_dir, None, emotion_dim=width, model_conf=conf))).eval()

    mixed, alone = made(24, emotion_layers=3), made(8)
    alone.load_state_dict(mixed.state_dict(), strict=False)
    for layer in range(3):
        mixed.emotion_mixture.weights.copy_(torch.eye(3)[layer] * 100)
        own = slice(8 * layer, 8 * layer + 8)
        wanted = alone.hear(emotion=tokens[..., own], speaker_emotion=means[:, own])[0]
        assert_rounds_alike(mixed.hear(emotion=tokens, speaker_emotion=means)[0], wanted)
    with pytest.raises(InputError, match="emotion_layers 5: no such parts of tokens of width 24"):
        made(24, emotion_layers=5)


def test_how_the_option_is_written():
    assert [blocks_or_mix(value) for value in ("3", "mix", "none")] == [3, "mix", None]
    with pytest.raises(ValueError):
        blocks_or_mix("all")
