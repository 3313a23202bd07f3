"""Emotion2Vec-S and a probe on it as one ONNX graph, for machines without torch: `OnnxPredictor` runs it.

Inputs: speech, float32 `(batch, samples)` at 16 kHz, padded with anything finite; lengths, int64 `(batch,)`. Outputs:
tokens, float32 `(batch, extra_tokens, dim)`, where the network has such; layers, float32 `(batch, depths, width)`, the
rows of `EmotionEncoder.depths`; frames, int64 `(batch,)`; with a probe, posteriors, float32 `(batch, classes)`. An
utterance's results do not depend on what it is batched with.
"""

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from c2ser import __version__
from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE
from c2ser.errors import InputError
from c2ser.inference.emotion_encoder import EmotionEncoder, load_backbone
from c2ser.inference.pooling import frame_statistics
from c2ser.probe.saving import read_probe

TOLERANCE = 1e-4
"""What the exported graph may differ by from torch, of 1 or of the value's size where that is larger."""

MAX_SECONDS = 30
"""Stage 6 of a recipe cuts what is longer, so no probe has seen features of longer speech in one piece."""


def export(config, checkpoint, probe_file=None):
    """Make the graph.

    config, checkpoint: as for `EmotionEncoder`; probe_file: what `save_probe` wrote, or None. The graph is compared
    with torch on noise of several lengths before it is handed over.

    Returns the bytes of the .onnx file and the largest difference found. Raises InputError where the onnx packages are
    absent, the parts do not fit together, or the difference exceeds `TOLERANCE`.
    """
    _demand_packages()
    probe = None if probe_file is None else _usable(*read_probe(probe_file), probe_file)
    backbone = load_backbone(config, checkpoint)
    if probe is not None:
        _check_fit(probe, backbone, probe_file)
    content = _serialise(Graph(backbone, probe))
    difference = largest_difference(content, EmotionEncoder(config, checkpoint, _mode(backbone)), probe)
    if not difference <= TOLERANCE:
        raise InputError(
            f"{checkpoint}: the exported graph differs from torch by {difference:.2g} (allowed: {TOLERANCE:g}); try "
            "other versions of onnx and onnxscript"
        )
    return content, difference


class Graph(nn.Module):
    """What is exported: a frozen `Emotion2Vec` and, where there is one, a `Probe` on its depths."""

    def __init__(self, backbone, probe=None):
        super().__init__()
        self.reach = max(MIN_SAMPLES, backbone.frontend.reach)
        self.backbone = backbone
        self.backbone.frontend = PlainFrontend(backbone.frontend)
        self.classifier = None if probe is None else ProbeGraph(probe)
        self.labels = [] if probe is None else list(probe.classes)
        self.eval().requires_grad_(False)

    def names(self):
        """Names of the outputs, in their order."""
        tokens = ["tokens"] if self.backbone.config.extra_tokens else []
        return [*tokens, "layers", "frames", *(["posteriors"] if self.classifier else [])]

    def forward(self, speech, lengths):
        """See the module's docstring; a tuple in the order of `names`."""
        rows, blocks = [], [*self.backbone.prenet, *self.backbone.blocks]
        extra, counts = self.backbone.config.extra_tokens, self.backbone.frame_lengths(lengths)

        def note(states):
            tokens = [states[:, :extra].mean(1)] if extra else []
            rows.append(torch.cat([*tokens, *frame_statistics(states[:, extra:], counts)], dim=1))

        hooks = [blocks[0].register_forward_pre_hook(lambda block, given: note(given[0]))]
        hooks += [block.register_forward_hook(lambda block, given, made: note(made[0])) for block in blocks]
        try:
            _, tokens, counts = self.backbone(speech, lengths)
        finally:
            for hook in hooks:
                hook.remove()
        made = {"tokens": tokens, "layers": torch.stack(rows, dim=1), "frames": counts}
        if self.classifier is not None:
            made["posteriors"] = self.classifier(made["layers"])
        return tuple(made[name] for name in self.names())


class PlainFrontend(nn.Module):
    """`ConvFrontend` in operations that ONNX has: its own are laid out for torch's memory and cut into slabs."""

    def __init__(self, frontend):
        super().__init__()
        self.convs, self.norms = frontend.convs, frontend.norms

    def forward(self, speech):
        """float `(batch, samples)` → `(batch, frames, channels)`."""
        x = speech[:, :, None]
        for conv, norm in zip(self.convs, self.norms):
            x = F.gelu(norm(conv(x.transpose(1, 2)).transpose(1, 2)))
        return x


class ProbeGraph(nn.Module):
    """A `Probe` on one table of features."""

    def __init__(self, probe):
        super().__init__()
        self.layer, scaling = probe.layers[0], probe.scalings[0]
        # in double precision, as it was fitted: a feature may vary by little around a large mean
        self.register_buffer("mean", torch.from_numpy(scaling.mean).double())
        self.register_buffer("deviation", torch.from_numpy(scaling.deviation).double())
        self.linear = probe.chosen["classifier"] == "logistic"
        if self.linear:
            self.register_buffer("weight", torch.from_numpy(probe.model.weight).float())
            self.register_buffer("bias", torch.from_numpy(probe.model.bias).float())
        else:
            self.network = probe.model.network

    def forward(self, layers):
        """float `(batch, depths, width)` → probabilities `(batch, classes)`."""
        x = layers if self.layer is None else layers[:, self.layer : self.layer + 1]
        x = ((x.double() - self.mean) / self.deviation).float()
        scores = F.linear(x[:, 0], self.weight, self.bias) if self.linear else self.network([x])
        return scores.softmax(dim=-1)


def largest_difference(content, encoder, probe=None):
    """Run an exported graph (bytes) and torch on noise of several lengths; the largest difference of any output, of 1
    or of the value's size where that is larger. The encoder is an `EmotionEncoder`, the probe a `Probe` or None."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    random, shortest = np.random.default_rng(0), int(session.get_modelmeta().custom_metadata_map["min_samples"])
    lengths = np.array([5 * shortest, shortest, 50 * shortest + 7, 21 * shortest])
    speech = random.normal(0.0, 0.1, (len(lengths), lengths.max())).astype(np.float32)
    names = [output.name for output in session.get_outputs()]
    made = dict(zip(names, session.run(names, {"speech": speech, "lengths": lengths})))
    for row, length in enumerate(lengths):
        speech[row, length:] = 0.0  # what lies beyond an utterance's end must not have counted
    found = encoder.depths(torch.from_numpy(speech), torch.from_numpy(lengths))
    wanted = dict(zip(("tokens", "layers", "frames"), (one.numpy() for one in found)))
    if probe is not None:
        wanted["posteriors"] = probe.posteriors([wanted["layers"]])
    worst = [np.abs(made[name] - wanted[name]) / np.maximum(1.0, np.abs(wanted[name])) for name in names]
    return max(float(one.max()) for one in worst)


def _serialise(graph):
    batch, samples = torch.export.Dim("batch"), torch.export.Dim("samples", min=graph.reach)
    # two utterances of other lengths: what is 1 or alike in the example would be taken for a constant
    speech, lengths = torch.zeros(2, 10 * graph.reach), torch.tensor([10 * graph.reach, 6 * graph.reach])
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about torch's own insides; what counts is the comparison with torch
        program = torch.onnx.export(
            graph, (speech, lengths), dynamo=True, verbose=False, external_data=False,
            input_names=["speech", "lengths"], output_names=graph.names(),
            dynamic_shapes={"speech": {0: batch, 1: samples}, "lengths": {0: batch}},
        )  # fmt: skip
    program.model.metadata_props.update(
        c2ser=__version__, labels=" ".join(graph.labels), sample_rate=str(SAMPLE_RATE), min_samples=str(graph.reach),
        max_seconds=str(MAX_SECONDS),
    )  # fmt: skip
    return program.model_proto.SerializeToString()


def _usable(probe, normalise, path):
    """The probe, if it can be run on one recording of one encoder."""
    if len(probe.layers) != 1:
        raise InputError(
            f"{path}: a probe on {len(probe.layers)} tables of features; fit one on those of the encoder alone"
        )
    if normalise != "none":
        raise InputError(
            f"{path}: fitted on features normalised by {normalise}, which a single recording cannot be; fit it with "
            "--normalise none"
        )
    return probe


def _check_fit(probe, backbone, path):
    depths = 1 + len(backbone.prenet) + len(backbone.blocks)
    width = (3 if backbone.config.extra_tokens else 2) * backbone.config.dim
    layer, (used, fitted) = probe.layers[0], probe.scalings[0].mean.shape
    if fitted != width or (used != depths if layer is None else layer >= depths):
        place = f"{used} layers" if layer is None else f"layer {layer}"
        raise InputError(
            f"{path}: fitted on {place} of width {fitted}; this encoder has {depths} layers of width {width}"
        )


def _mode(backbone):
    return "extra_tokens" if backbone.config.extra_tokens else "mean"


def _demand_packages():
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f"{error}: writing ONNX needs two packages more: pip install onnx onnxscript") from None
