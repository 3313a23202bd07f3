"""From a released checkpoint in any layout to our backbone: `load`."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
import yaml

from c2ser.checkpoints import names as naming
from c2ser.checkpoints.configuration import backbone_settings, find_settings
from c2ser.checkpoints.untrusted import read_untrusted
from c2ser.encodings import read_text
from c2ser.errors import InputError, brief
from c2ser.models.emotion2vec import Emotion2Vec, Emotion2VecConfig, backbone_config
from c2ser.yamlfile import parse_yaml

EXACT = (torch.float32, torch.float16, torch.bfloat16)
"""Element types that float32, in which all weights are kept, holds without loss."""


@dataclass
class Backbone:
    """A backbone as read: `config`; `weights`, our name → float32 tensor; `head`, {"weight": `(classes, dim)`, "bias":
    `(classes,)`} of a classifier on the mean over frames, or None; `labels` of its classes, or None where not known;
    `layout` that it came in; `notes`, what was left out or assumed, a sentence each."""

    config: Emotion2VecConfig
    weights: dict
    layout: str
    head: dict | None = None
    labels: list | None = None
    notes: list = field(default_factory=list)

    def build(self):
        """An `Emotion2Vec` with these weights, in evaluation mode."""
        model = Emotion2Vec(self.config)
        model.load_state_dict(self.weights)
        return model.eval()


def load(path, layout="auto", config=None, allow_unknown=False):
    """Read a checkpoint of the emotion2vec family, running nothing that is in it.

    path: the file, or a folder that holds model.pth (ours) or model.pt (FunASR's). layout: "c2ser", ours; "funasr",
    emotion2vec and emotion2vec+; "fairseq", Emotion2Vec-S and emotion2vec; "data2vec2", data2vec 2.0 for audio, which
    has no utterance tokens; "auto", by what is in it. config: a YAML file with its configuration; by default that is
    config.yaml beside it, else what the file itself holds. allow_unknown: leave out weights of unknown names instead of
    raising.

    Returns a Backbone. Raises InputError, naming every weight concerned, for unknown and missing weights, wrong sizes,
    values that are not finite, settings that our backbone does not have, and files that are not what `layout` says.
    """
    path = find_file(path)
    parts = read_untrusted(path)
    state, notes = find_weights(parts, path, allow_unknown)
    found = detect(state, path, layout)
    options = read_options(path, config)
    read = read_ours if found == "c2ser" else read_theirs
    backbone = read(path, parts, state, options, notes, allow_unknown)
    backbone.layout = found
    return backbone


def find_file(path):
    path = Path(path)
    if not path.is_dir():
        return path
    found = [path / name for name in ("model.pth", "model.pt") if (path / name).is_file()]
    if len(found) != 1:
        raise InputError(f"{path}: a folder with {len(found)} of model.pth and model.pt; name the file")
    return found[0]


def find_weights(parts, path, allow_unknown):
    """The state dict in what a file holds, and notes on what stands beside it. Raises InputError."""
    key = next((key for key in ("model", "state_dict") if isinstance(parts.get(key), dict)), None)
    if key is None:
        return parts, []
    beside = [name for name, value in parts.items() if name != key and value is not None]
    unknown = [str(name) for name in beside if name not in naming.LEFT_OUT_PARTS]
    if unknown and not allow_unknown:
        raise InputError(
            f"{path}: unknown parts beside the weights: {', '.join(sorted(unknown))}; "
            "--allow_unknown true leaves them out"
        )
    reasons = [(name, naming.LEFT_OUT_PARTS.get(name, "unknown, as --allow_unknown asked")) for name in beside]
    return parts[key], [f"left out: {name}: {reason}" for name, reason in reasons]


def detect(state, path, layout):
    """The layout of a state dict. Raises InputError where it has none of them, or not the one that is asked for."""
    names = {str(name).removeprefix(naming.PREFIX).removeprefix("student.") for name in state}
    if any(name.startswith("frontend.convs.") for name in names):
        fitting = ("c2ser",)
    elif f"{naming.AUDIO}extra_tokens" in names:
        fitting = ("funasr", "fairseq")
    elif any(name.startswith(naming.AUDIO) for name in names):
        fitting = ("data2vec2",)
    else:
        shown = ", ".join(sorted(names)[:5])
        raise InputError(f"{path}: no checkpoint of the emotion2vec family; it holds {len(names)} entries: {shown} …")
    if layout == "auto":
        beside = path.parent / "config.yaml"
        return "fairseq" if fitting == ("funasr", "fairseq") and not beside.is_file() else fitting[0]
    if layout not in fitting:
        raise InputError(f"{path}: not in the layout {layout}; it looks like {' or '.join(fitting)}")
    return layout


def read_options(path, config):
    """The YAML file that goes with a checkpoint: (dict, its path), or (None, None). Raises InputError."""
    if config is None and not (path.parent / "config.yaml").is_file():
        return None, None
    config = Path(config or path.parent / "config.yaml")
    try:
        options = parse_yaml(read_text(config))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{config}: cannot be read as YAML ({brief(error)})") from None
    if not isinstance(options, dict):
        raise InputError(f"{config}: not the configuration of a model")
    return options, config


def read_ours(path, parts, state, options, notes, allow_unknown):
    """Our own folder: config.yaml with backbone_conf, model.pth of the backbone alone or of its pretraining."""
    options, config = options
    if options is None or not isinstance(options.get("backbone_conf"), dict):
        config = config or path.parent / "config.yaml"
        raise InputError(f"{config}: no backbone_conf, which says the sizes; give it with --config")
    settings = backbone_config(options["backbone_conf"])
    if any(name.startswith("student.") for name in state):
        others = sorted(name for name in state if not name.startswith("student."))
        notes += left_out(others, naming.LEFT_OUT_OURS, path, allow_unknown)
        state = {name.removeprefix("student."): value for name, value in state.items() if name.startswith("student.")}
    weights = fit(settings, {name: name for name in shapes(settings, path)}, state, path, (), notes, allow_unknown)
    head, labels = None, options.get("head_labels")
    if (path.parent / "head.pth").is_file():
        head = check_head(read_untrusted(path.parent / "head.pth"), settings.dim, path.parent / "head.pth")
    return Backbone(settings, weights, "c2ser", head, check_labels(head, labels, path), notes)


def read_theirs(path, parts, state, options, notes, allow_unknown):
    """A file with data2vec 2.0's names; its settings are in a YAML file, in the file itself, or nowhere."""
    stripped = {str(name).removeprefix(naming.PREFIX): value for name, value in state.items()}
    if len(stripped) < len(state):
        raise InputError(f"{path}: holds weights with and without the prefix {naming.PREFIX}: two models in one file")
    state, settings = stripped, None
    for values, where in (options, (parts.get("cfg"), f"{path}: cfg"), (parts.get("args"), f"{path}: args")):
        if settings is None and isinstance(values, dict):
            settings = find_settings(values, where)
    tensors = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
    config, more = backbone_settings(settings, tensors, path)
    head = None
    if naming.HEAD["weight"] in tensors:
        head = {ours: state.pop(theirs, None) for ours, theirs in naming.HEAD.items()}
        head = check_head(head, config.dim, path)
    names = naming.backbone_names(config)
    weights = fit(config, names, state, path, naming.LEFT_OUT, notes, allow_unknown)
    if not config.extra_tokens:
        weights["extra_tokens"] = torch.zeros(1, 0, config.dim)
        notes.append("no utterance tokens: this is data2vec 2.0, which has frames only")
    return Backbone(config, weights, "", head, check_labels(head, read_tokens(path), path), notes + more)


def fit(config, names, state, path, known, notes, allow_unknown):
    """The weights of a backbone, under our names, out of a state dict that has them under others.

    names: our name → theirs. Adds to `notes` what was left out. Raises InputError, listing them all, for weights that
    are missing, of another size, not floating point, not finite, or unknown.
    """
    wanted, faults, weights = shapes(config, path), [], {}
    for ours, theirs in names.items():
        value = state.get(theirs)
        if not isinstance(value, torch.Tensor):
            faults.append(f"{theirs}: missing")
        elif not same_size(tuple(value.shape), wanted[ours], theirs):
            faults.append(f"{theirs}: size {tuple(value.shape)}, expected {wanted[ours]}")
        elif value.dtype not in EXACT:
            faults.append(f"{theirs}: holds {value.dtype}, expected float32, float16 or bfloat16")
        elif not bool(torch.isfinite(value).all()):
            faults.append(f"{theirs}: holds NaN or infinite values")
        else:
            weights[ours] = value.to(torch.float32, copy=True).reshape(wanted[ours])
    if faults:
        raise InputError(f"{path}: does not fit: " + "; ".join(faults))
    notes += left_out(sorted(set(map(str, state)) - set(names.values())), known, path, allow_unknown)
    return weights


def same_size(size, wanted, name):
    """Whether a weight has the size of ours; ALiBi's scale has one number a head, with any number of 1 around it."""
    if name == f"{naming.AUDIO}alibi_scale":
        return size in ((1, 1, *wanted, 1, 1), (1, *wanted, 1, 1))
    return size == wanted


def left_out(names, known, path, allow_unknown):
    """Notes on the weights that are not taken, one a reason. Raises InputError for those that are not known."""
    reasons, unknown = {}, []
    for name in names:
        reason = naming.reason_to_leave_out(name, known)
        if reason is None:
            unknown.append(name)
            reason = "unknown, as --allow_unknown asked"
        reasons.setdefault(reason, []).append(name)
    if unknown and not allow_unknown:
        raise InputError(f"{path}: unknown weights: {', '.join(unknown)}; --allow_unknown true leaves them out")
    return [f"left out: {enumerate_names(members)}: {reason}" for reason, members in reasons.items()]


def enumerate_names(names):
    """Names in a row; of more than a dozen, as of a whole teacher, the first and the last."""
    return ", ".join(names) if len(names) <= 12 else f"{names[0]} … {names[-1]} ({len(names)} weights)"


def shapes(config, path):
    """Our name → size of every weight of a backbone, without making one. Raises InputError for impossible sizes."""
    try:
        with torch.device("meta"):
            return {name: tuple(value.shape) for name, value in Emotion2Vec(config).state_dict().items()}
    except (ValueError, RuntimeError, ZeroDivisionError, TypeError) as error:
        raise InputError(f"{path}: no network has these sizes ({error}): {config}") from None


def check_head(head, dim, path):
    """A classifier's weights as float32. Raises InputError where they are no linear layer on `dim`."""
    weight, bias = head.get("weight"), head.get("bias")
    tensors = all(isinstance(value, torch.Tensor) and value.dtype in EXACT for value in (weight, bias))
    if set(head) != {"weight", "bias"} or not tensors or weight.shape != (len(bias), dim) or bias.dim() != 1:
        raise InputError(f"{path}: its classifier is no linear layer on {dim} numbers")
    return {name: value.to(torch.float32, copy=True) for name, value in head.items()}


def read_tokens(path):
    """FunASR's tokens.txt beside a checkpoint: the classes of its classifier, a line each; None where there is none."""
    tokens = path.parent / "tokens.txt"
    return read_text(tokens).split("\n")[:-1] if tokens.is_file() else None


def check_labels(head, labels, path):
    """The labels of a classifier. Raises InputError where there are not as many as it has classes."""
    if head is None or labels is None:
        return None
    if len(labels) != len(head["bias"]):
        count = len(head["bias"])
        raise InputError(f"{path}: its classifier has {count} classes, but {len(labels)} are named beside it")
    return [str(label) for label in labels]
