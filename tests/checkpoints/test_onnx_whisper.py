"""Whisper's encoder out of quantised ONNX: made by torch's exporter and onnxruntime's quantiser, as what is published."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder as Theirs

from c2ser.checkpoints import onnx_whisper
from c2ser.checkpoints.onnx_whisper import convert, read_onnx_whisper
from c2ser.errors import InputError
from c2ser.models.whisper_encoder import WhisperEncoder
from tests.builders import randomise

CONTEXT = 20
WAVE = np.random.default_rng(0).normal(0, 0.1, 2 * CONTEXT * 160).astype(np.float32)
OURS = {
    "conv1": "conv1", "conv2": "conv2", "blocks.1.attn.query": "layers.1.self_attn.q_proj",
    "blocks.0.attn.key": "layers.0.self_attn.k_proj", "blocks.1.attn.value": "layers.1.self_attn.v_proj",
    "blocks.0.attn.out": "layers.0.self_attn.out_proj", "blocks.1.mlp.0": "layers.1.fc1", "blocks.0.mlp.2": "layers.0.fc2",
}  # fmt: skip


@pytest.fixture(scope="module")
def theirs():
    conf = {"d_model": 128, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 512}
    config = WhisperConfig(**conf, num_mel_bins=80, max_source_positions=CONTEXT)
    config._attn_implementation = "eager"
    return randomise(Theirs(config), 1, 0.1).eval()


@pytest.fixture(scope="module")
def files(theirs, tmp_path_factory):
    """The encoder as ONNX, as it is and quantised."""
    folder = tmp_path_factory.mktemp("onnx")
    how = {"input_names": ["input_features"], "output_names": ["last_hidden_state"], "dynamo": False, "opset_version": 14}
    torch.onnx.export(theirs, (torch.randn(1, 80, 2 * CONTEXT),), folder / "plain.onnx", **how)
    quantize_dynamic(folder / "plain.onnx", folder / "quantised.onnx", weight_type=QuantType.QUInt8)
    return folder / "plain.onnx", folder / "quantised.onnx"


def by_hand(path):
    """Name in Hugging Face's layout → (weight, scale), a loop over single numbers, from the product's own node."""
    graph, found = onnx.load(path).graph, {}
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type in ("ConvInteger", "MatMulInteger"):
            integers, zero = values[node.input[1]], int(values[node.input[3]])
            scale = float(values[node.input[1].replace("_quantized", "_scale")])
            weight = np.zeros(integers.shape if integers.ndim == 3 else integers.shape[::-1])
            for place in np.ndindex(integers.shape):
                weight[place if integers.ndim == 3 else place[::-1]] = (int(integers[place]) - zero) * scale
            found[".".join(node.name[1:].split("/")[:-1])] = weight, scale
    return found


def test_weights_are_those_that_were_quantised(files, theirs):
    dims, state = read_onnx_whisper(files[1])
    sizes = {"n_mels": 80, "n_audio_ctx": CONTEXT, "n_audio_state": 128, "n_audio_head": 2, "n_audio_layer": 2}
    assert dims == sizes and len([name for name in state if "key.bias" in name]) == 0
    dequantised = by_hand(files[1])
    assert len(dequantised) == 2 + 2 * 6
    for ours, name in OURS.items():
        wanted, scale = dequantised[name]
        np.testing.assert_allclose(state[f"encoder.{ours}.weight"], wanted, rtol=1e-6, atol=1e-7)
        original = theirs.get_submodule(name).weight.detach().numpy()
        assert np.abs(state[f"encoder.{ours}.weight"].numpy() - original).max() <= 0.5 * scale + 1e-6
    assert torch.equal(state["encoder.ln_post.bias"], theirs.layer_norm.bias)
    assert torch.equal(state["encoder.positional_embedding"], theirs.embed_positions.weight)


@torch.no_grad()
def test_the_file_is_an_openai_whisper_file(files, theirs, tmp_path):
    dims, (block, whole) = convert(files[1], tmp_path / "w.pt", WAVE)
    assert block > 0.9999 and whole > 0.99
    encoder = WhisperEncoder.from_checkpoint(tmp_path / "w.pt").encoder
    mel = torch.randn(1, 80, 2 * CONTEXT)
    found, wanted = encoder(mel)[0], theirs(mel).last_hidden_state[0]
    assert torch.nn.functional.cosine_similarity(found, wanted, dim=-1).min() > 0.99
    assert [path.name for path in tmp_path.iterdir()] == ["w.pt"]


def test_what_computes_otherwise_is_not_written(files, tmp_path, monkeypatch):
    dequantise = onnx_whisper.dequantise
    wrong = {"/layers.1/fc1/MatMul_quant": 1.5}
    monkeypatch.setattr(onnx_whisper, "dequantise", lambda node, values: dequantise(node, values) * wrong.get(node.name, 1))
    with pytest.raises(InputError, match="a block differs from what onnxruntime computes: cosine 0.9"):
        convert(files[1], tmp_path / "w.pt", WAVE)
    assert not list(tmp_path.iterdir())


def test_what_is_no_quantised_encoder(files, tmp_path):
    (tmp_path / "noise.onnx").write_bytes(b"\x07noise" * 50)
    with pytest.raises(InputError, match="noise.onnx: not an ONNX file"):
        read_onnx_whisper(tmp_path / "noise.onnx")
    with pytest.raises(InputError, match="plain.onnx: not a Whisper encoder as quantize_dynamic leaves it"):
        read_onnx_whisper(files[0])
    model = onnx.load(files[1])
    model.graph.node.remove(next(node for node in model.graph.node if "layers.1/fc2" in node.name and "Integer" in node.op_type))
    onnx.save(model, tmp_path / "less.onnx")
    with pytest.raises(InputError, match="less.onnx: not a whole Whisper encoder"):
        convert(tmp_path / "less.onnx", tmp_path / "w.pt", WAVE)
