"""Whisper's encoder out of an ONNX file with quantised weights, in openai-whisper's names: `convert`.

What optimum and transformers.js publish: exported by torch, then quantised by onnxruntime's quantize_dynamic. Convolutions
and matrices are integers with a scale and a zero point each, activations are quantised as they come.
"""

import numpy as np
import torch
import torch.nn.functional as F
from whisper.audio import log_mel_spectrogram, pad_or_trim

from c2ser.checkpoints.hf_whisper import rename
from c2ser.checkpoints.weights import write_weights
from c2ser.errors import InputError, brief
from c2ser.models.whisper_encoder import WhisperEncoder

HEAD = 64
"""Width of an attention head in every Whisper that was published."""

INTEGER = ("ConvInteger", "MatMulInteger")
LEAST = 0.999
"""Mean cosine to onnxruntime's frames that every block must reach on onnxruntime's input to it."""


def read_onnx_whisper(path):
    """The dims and the state dict, float32, as openai-whisper's files have them.

    A weight is (Q - zero) · scale; the name of the node that multiplies with it says which one it is, and matrices lie
    transposed. Raises InputError where the file is no such encoder.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError(f"{error}: reading ONNX needs a package more: pip install onnx") from None
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
        values = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    except Exception as error:  # protobuf and onnx raise what they meet
        raise InputError(f"{path}: not an ONNX file with its weights in it ({brief(error)}); fetch it again") from None
    try:
        state = {f"encoder.{name}": value for name, value in values.items() if value.dtype == np.float32 and value.ndim == 1}
        (positions,) = {
            name for node in graph.node if node.op_type == "Add" for name in node.input
            if name in values and values[name].ndim == 2
        }  # fmt: skip
        state["encoder.embed_positions.weight"] = values[positions]
        for node in graph.node:
            if node.op_type in INTEGER:
                module = node.name.strip("/").rpartition("/")[0].replace("/", ".")
                state[f"encoder.{module}.weight"] = dequantise(node, values)
        state = {rename(name): torch.from_numpy(np.array(value)) for name, value in state.items()}
        context, width = state["encoder.positional_embedding"].shape
        blocks = sum(name.endswith(".attn.query.weight") for name in state)
        mels = state["encoder.conv1.weight"].shape[1]
        given = [out.type.tensor_type.shape.dim[1].dim_value for out in graph.output if "attentions" in out.name]
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"{path}: not a Whisper encoder as quantize_dynamic leaves it ({brief(error)})") from None
    return {
        "n_mels": mels, "n_audio_ctx": context, "n_audio_state": width,
        "n_audio_head": next(iter(given), 0) or width // HEAD, "n_audio_layer": blocks,
    }, state  # fmt: skip


def dequantise(node, values):
    """The weight of a ConvInteger or MatMulInteger node as torch has it, float32: `(out, in, kernel)` or `(out, in)`.

    values: name → array of the graph's constants. The scale, like the zero point, is one number or one an output.
    """
    name = node.input[1]
    zero, scale = values[node.input[3]], values[name.removesuffix("_quantized") + "_scale"]
    if node.op_type == "ConvInteger":
        zero, scale = (one.reshape(-1, 1, 1) for one in (zero, scale))
    weight = (values[name].astype(np.float32) - zero.astype(np.float32)) * scale
    return weight if node.op_type == "ConvInteger" else weight.T


def convert(source, target, wave):
    """Write an ONNX encoder as an openai-whisper file (half precision, as theirs), where it says what the graph says.

    wave: float32 `(samples,)` at 16 kHz, on which the two are compared. Returns the dims and what `fidelity` does.
    Raises InputError for another file, and, writing nothing, for a first cosine below `LEAST`.
    """
    dims, state = read_onnx_whisper(source)
    model = WhisperEncoder(**dims).eval()
    state = {name: value.half() for name, value in state.items()}
    try:
        model.encoder.load_state_dict({name.removeprefix("encoder."): value.float() for name, value in state.items()})
    except RuntimeError as error:
        raise InputError(f"{source}: not a whole Whisper encoder ({brief(error)})") from None
    cosines = fidelity(source, model.encoder, wave)
    if not cosines[0] >= LEAST:
        raise InputError(f"{source}: a block differs from what onnxruntime computes: cosine {cosines[0]:.4f} < {LEAST}")
    partial = target.with_name(f"{target.name}.partial")
    write_weights(partial, {"dims": dims, "model_state_dict": state})
    partial.replace(target)
    return dims, cosines


@torch.no_grad()
def fidelity(source, encoder, wave):
    """Mean cosines between frames `(frames, dim)` of an ONNX file under onnxruntime and of openai-whisper's AudioEncoder.

    First the least over the convolutions, the blocks and the last norm, each given what onnxruntime gives it, activations
    rounded as there: so weights are judged. Then that of the encoder as a whole, as it is: so much the rounding of
    activations, in which Whisper's outliers leave few steps to the others, has added up in onnxruntime. wave: cut or
    filled up to the length that both take.
    """
    import onnx
    import onnxruntime

    model = onnx.load(str(source), load_external_data=False)
    norms = [f"/layers.{number}/self_attn_layer_norm/" for number in range(len(encoder.blocks))] + ["/layer_norm/"]
    seams = [next(node.input[0] for node in model.graph.node if node.input and node.name.startswith(norm)) for norm in norms]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in seams)
    context = len(encoder.positional_embedding)
    mel = log_mel_spectrogram(pad_or_trim(torch.from_numpy(wave), 2 * context * 160), encoder.conv1.in_channels)[None]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = [torch.from_numpy(one) for one in session.run([*seams, "last_hidden_state"], {"input_features": mel.numpy()})]
    plain, heard = encoder(mel), []
    layers = [one for one in encoder.modules() if isinstance(one, (torch.nn.Linear, torch.nn.Conv1d))]
    hooks = [layer.register_forward_pre_hook(lambda layer, given: round_like_onnx(given[0])) for layer in layers]
    hooks.append(encoder.blocks[0].register_forward_pre_hook(lambda block, given: heard.append(given[0])))
    encoder(mel)
    made = [heard[0], *(block(one) for block, one in zip(encoder.blocks, given)), encoder.ln_post(given[-2])]
    for hook in hooks:
        hook.remove()
    least = min(float(F.cosine_similarity(one[0], theirs[0], dim=-1).mean()) for one, theirs in zip(made, given, strict=True))
    return least, float(F.cosine_similarity(plain[0], given[-1][0], dim=-1).mean())


def round_like_onnx(x):
    """What ONNX's DynamicQuantizeLinear leaves of a tensor: 256 even steps that include 0."""
    least, most = x.min().clamp_max(0), x.max().clamp_min(0)
    scale = (most - least) / 255
    zero = (-least / scale).round().clamp(0, 255)
    return ((x / scale).round() + zero).clamp(0, 255).sub(zero) * scale
