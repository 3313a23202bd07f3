"""Our backbone against FunASR's emotion2vec, under the same weights."""

import pytest
import torch
import torch.nn.functional as F
import yaml

from c2ser.checkpoints.configuration import to_funasr
from c2ser.checkpoints.layouts import Backbone, load
from c2ser.checkpoints.names import backbone_names
from c2ser.checkpoints.writing import write
from tests.builders import waves

EVEN_KERNELS = {"position_width": 12, "position_depth": 3, "position_groups": 2}
FLAVOURS = {
    "plain": {}, "no waveform norm": {"normalise": False}, "even kernels": EVEN_KERNELS, "norm_eps": {"norm_eps": 0.05},
    "data2vec 2.0": {"prenet_depth": 0, "extra_tokens": 0, "depth": 3}, "narrow": {"mlp_ratio": 1.5, "heads": 6},
}  # fmt: skip


def same_in_funasr(funasr, ours, **options):
    """FunASR's model with the weights of ours, put there by hand."""
    theirs = funasr.model(model_conf=to_funasr(ours.config), **options).eval()
    own, wanted = ours.state_dict(), theirs.state_dict()
    names = backbone_names(ours.config)
    assert set(names.values()) == {name for name in wanted if not name.startswith("proj.")}
    theirs.load_state_dict({**wanted, **{name: own[key].view_as(wanted[name]) for key, name in names.items()}})
    return theirs


def features(theirs, speech):
    """FunASR's frames and tokens of utterances of one length: `(batch, frames, dim)`, `(batch, extra_tokens, dim)`."""
    if theirs.cfg.normalize:
        speech = torch.stack([F.layer_norm(row, row.shape) for row in speech])
    x = theirs.extract_features(speech, remove_extra_tokens=False)["x"]
    extra = theirs.cfg.modalities.audio.num_extra_tokens
    return x[:, extra:], x[:, :extra]


@torch.no_grad()
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_frames_and_tokens_are_those_of_funasr(funasr, make_lively, flavour):
    ours = make_lively(**FLAVOURS[flavour])
    ours.alibi_scale[0] = -0.5  # counts as zero in both
    theirs = same_in_funasr(funasr, ours)
    lengths = [400, 719, 4321, 16000, 80000]
    speech, counts = waves(lengths)
    together, tokens, number = ours(speech, counts)
    for row, length in enumerate(lengths):
        wanted, wanted_tokens = features(theirs, speech[row : row + 1, :length])
        single, single_tokens, _ = ours(speech[row : row + 1, :length], counts[row : row + 1])
        assert wanted.shape == single.shape and int(number[row]) == wanted.shape[1]
        for made in (single[0], together[row, : number[row]]):
            torch.testing.assert_close(made, wanted[0], atol=1e-4, rtol=0)
        for made in (single_tokens[0], tokens[row]):
            torch.testing.assert_close(made, wanted_tokens[0], atol=1e-4, rtol=0)
    assert wanted[0].std(0).mean() > 0.1  # frames differ: agreement of a constant would mean little


@torch.no_grad()
def test_batches_of_one_length_agree(funasr, make_lively):
    ours = make_lively()
    theirs = same_in_funasr(funasr, ours)
    speech, counts = waves([6000, 6000, 6000])
    frames, tokens, _ = ours(speech, counts)
    wanted, wanted_tokens = features(theirs, speech)
    torch.testing.assert_close(frames, wanted, atol=1e-4, rtol=0)
    torch.testing.assert_close(tokens, wanted_tokens, atol=1e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("weight", ["alibi_scale", "extra_tokens", "positions.convs.1.bias", "blocks.1.norm2.bias"])
def test_the_comparison_is_sharp(funasr, make_lively, weight):
    """Half of one weight a twentieth off is seen in frames or tokens."""
    ours = make_lively()
    theirs = same_in_funasr(funasr, ours)
    speech, counts = waves([16000])
    wanted = torch.cat(features(theirs, speech), dim=1)
    ours.get_parameter(weight).view(-1)[::2].mul_(1.05)
    assert (torch.cat(ours(speech, counts)[:2], dim=1) - wanted).abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("labels", [["生气/angry", "中立/neutral", "<unk>"], ["angry", "sad", "other"], None])
def test_funasr_loads_what_we_write(funasr, make_lively, tmp_path, labels):
    ours = make_lively()
    torch.manual_seed(0)
    head = {"weight": torch.randn(3, 24), "bias": torch.randn(3)}
    write(Backbone(ours.config, ours.state_dict(), "c2ser", head, labels), tmp_path / "made", "funasr")
    options = yaml.safe_load((tmp_path / "made/config.yaml").read_text(encoding="utf-8"))
    assert options["model"] == "Emotion2vec" and options["tokenizer"] == "CharTokenizer"
    tokenizer = funasr.tokenizer(token_list=str(tmp_path / "made/tokens.txt"), **options["tokenizer_conf"])
    theirs = funasr.model(model_conf=options["model_conf"], vocab_size=len(tokenizer.token_list))
    saved = torch.load(tmp_path / "made/model.pt", weights_only=True)["model"]
    assert set(saved) == set(theirs.state_dict())  # FunASR itself would only print a warning
    funasr.load(str(tmp_path / "made/model.pt"), theirs.eval(), ignore_init_mismatch=False, scope_map=[])
    speech, counts = waves([9000])
    results, _ = theirs.inference([speech[0]], key=["utt"], tokenizer=tokenizer, device="cpu")
    mean = ours(speech, counts)[0].mean(1)
    torch.testing.assert_close(torch.tensor(results[0]["feats"]), mean[0], atol=1e-4, rtol=0)
    scores = torch.softmax(mean @ head["weight"].T + head["bias"], dim=-1)
    torch.testing.assert_close(torch.tensor(results[0]["scores"]), scores[0], atol=1e-4, rtol=0)
    assert results[0]["labels"] == (labels or ["class0", "class1", "class2"])


@torch.no_grad()
def test_what_funasr_saves_is_read(funasr, make_lively, tmp_path):
    """From FunASR's own state dict, decoder and all, saved as its files are."""
    conf = to_funasr(make_lively().config)
    decoder = {"decoder_dim": 8, "decoder_groups": 2, "decoder_kernel": 5, "decoder_layers": 2, "input_dropout": 0.1}
    conf["modalities"]["audio"]["decoder"] = {**decoder, "projection_layers": 1, "decoder_residual": True}
    theirs = funasr.model(model_conf=conf, vocab_size=9).eval()
    torch.save({"model": theirs.state_dict()}, tmp_path / "model.pt")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"model": "Emotion2vec", "model_conf": conf}))
    backbone = load(tmp_path)
    assert backbone.layout == "funasr" and backbone.head["weight"].shape == (9, 24) and backbone.labels is None
    (note,) = backbone.notes
    assert note.startswith("left out: modality_encoders.AUDIO.decoder.blocks.0.0.bias") and "only pretraining" in note
    speech, counts = waves([7000])
    wanted, wanted_tokens = features(theirs, speech)
    frames, tokens, _ = backbone.build()(speech, counts)
    torch.testing.assert_close(frames, wanted, atol=1e-4, rtol=0)
    torch.testing.assert_close(tokens, wanted_tokens, atol=1e-4, rtol=0)
