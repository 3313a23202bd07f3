"""The backbone of both trainings of an emotion encoder: its options, and what it starts from."""

import logging
from dataclasses import asdict

from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str_or_none

from c2ser.checkpoints.layouts import load
from c2ser.errors import InputError
from c2ser.models.emotion2vec import backbone_config
from c2ser.tasks.common import check_kept_frames

OF_TRAINING = ("dropout", "attention_dropout", "layerdrop")
"""Fields of Emotion2VecConfig that a training may choose anew for a backbone that it is given."""


def add_backbone_arguments(group):
    """Options of both tasks, to a group of a parser's."""
    group.add_argument(
        "--backbone_conf", action=NestedDictAction, default={}, help="Fields of Emotion2VecConfig; default: base size"
    )
    group.add_argument(
        "--init_backbone", type=str_or_none,
        help="Backbone to start from: a folder made by `c2ser convert`, or of another training; its sizes replace those of\n"
        "backbone_conf",
    )  # fmt: skip


def build_around_backbone(args, kind):
    """A model of `kind`, a class that takes a backbone's configuration and `model_conf`, and calls the backbone `student`.

    With --init_backbone sizes and weights are those of that folder, and `args` say so. Raises InputError for files that
    are no backbone, for one without utterance tokens, and for unknown keys.
    """
    check_kept_frames(args)
    if args.augment and args.model_conf.get("teacher", "").startswith("ark:"):
        raise InputError("--augment: the network would hear the changed waveforms, and teacher: ark tells of the clean ones")
    given = load(args.init_backbone) if args.init_backbone else None
    if given:
        if not given.config.extra_tokens:
            raise InputError(f"--init_backbone {args.init_backbone}: no utterance tokens in it, which this training needs")
        found = asdict(given.config)
        found["conv_layers"] = [list(layer) for layer in found["conv_layers"]]
        found |= {name: args.backbone_conf[name] for name in OF_TRAINING if name in args.backbone_conf}
        for name, value in args.backbone_conf.items():
            if name in found and found[name] != value:
                logging.warning("backbone_conf: %s %s, as in %s, not %s", name, found[name], args.init_backbone, value)
        args.backbone_conf = found
    try:
        model = kind(backbone_config(args.backbone_conf), **args.model_conf)
    except TypeError as error:
        raise InputError(f"model_conf: {error}; see the docstring of {kind.__name__}") from None
    if given:
        model.student.load_state_dict(given.weights)
    config = model.student.config
    allow_unused(args, config.layerdrop > 0 or model.teacher_updates > 0)
    return model


def allow_unused(args, partly):
    """Tell ESPnet that not all weights of the model get a gradient in every batch (`partly`): on several GPUs, training
    would stop there else."""
    if args.distributed and partly and not args.unused_parameters:
        logging.info("unused_parameters: true, since not all weights learn in every batch")
        args.unused_parameters = True
