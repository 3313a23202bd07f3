"""Turn the C2SER checkpoint that the paper's authors released (C2SER_llm.pt) into a folder that `Predictor` loads.

The folder gets model.yaml, config.yaml, model.pth and import.json, which lists what of the file was left out and why.
The base language model, the Whisper file (its sizes, and its place in a bundle) and Emotion2Vec-S stay where they are.
The file's own copy of the base model is compared with --llm: the wrong base model would go unnoticed otherwise.
"""

import argparse
import logging
from pathlib import Path

from c2ser.bin.common import str_to_bool
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.fileio import atomic_folder, atomic_write
from c2ser.jsonfile import write_json

SHOWN = 40


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="C2SER_llm.pt")
    parser.add_argument("--llm", type=Path, required=True, help="Folder of its base model (Qwen2-7B)")
    parser.add_argument(
        "--whisper", type=Path, required=True,
        help="openai-whisper file, or Hugging Face folder, of its encoder's size (medium.pt)",
    )
    parser.add_argument(
        "--emotion", type=Path, required=True,
        help="Folder of Emotion2Vec-S with config.yaml and model.pth, as `c2ser convert` makes it",
    )  # fmt: skip
    parser.add_argument(
        "--utterance_mode", default="first10_frames", choices=("first10_frames", "extra_tokens"),
        help="Utterance features: first10_frames: what the released extraction script gives (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--language", default="zh", help="Language that it answers in (default: %(default)s)")
    parser.add_argument("--lora_alpha", type=float, default=32, help="Not in the file (default, theirs: %(default)s)")
    parser.add_argument("--connector_heads", type=int, default=4, help="Not in the file (default, theirs: %(default)s)")
    parser.add_argument(
        "--write_llm", type=str_to_bool, default=False,
        help="Where the file's base model differs from --llm, write it to OUT/llm and use that (default: stop)",
    )  # fmt: skip
    parser.add_argument(
        "--allow_unknown", type=str_to_bool, default=False,
        help="Leave out names that are not known instead of stopping (default: false)",
    )  # fmt: skip
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder to make; an earlier one is replaced")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    import torch

    from c2ser.checkpoints.c2ser_official import check_fit, configuration, read_official
    from c2ser.checkpoints.weights import write_weights
    from c2ser.inference.bundle import Bundle

    emotion = {"config": args.emotion / "config.yaml", "checkpoint": args.emotion / "model.pth"}
    for path in emotion.values():
        if not path.is_file():
            raise InputError(f"{path}: no such file; `c2ser convert` makes the folder from the released Emotion2Vec-S")
    made = read_official(args.checkpoint)
    connector, lora = configuration(made, args.checkpoint)
    connector["heads"] = args.connector_heads
    stop_at(check_fit(made, args.checkpoint, args.llm, args.whisper, connector, lora), args.checkpoint)
    if made.unknown and not args.allow_unknown:
        stop_at(
            [f"unknown: {name}" for name in made.unknown], f"{args.checkpoint}: --allow_unknown true leaves them out"
        )
    made.left_out |= {name: "unknown" for name in made.unknown}

    with atomic_folder(args.out_dir) as partial:
        checked, taken = settle_base(made.base, args, partial)
        write_config(partial / "config.yaml", args, connector, {**lora, "alpha": args.lora_alpha})
        write_weights(partial / "model.pth", {**made.weights, "batches": torch.zeros((), dtype=torch.long)})
        report = {
            "checkpoint": str(args.checkpoint),
            "weights": len(made.weights),
            "base": checked,
            "left_out": made.left_out,
        }
        write_json(partial / "import.json", report)
        part = {"config": partial / "config.yaml", "checkpoint": partial / "model.pth"}
        modes = {"implicit": part, "explicit": part}  # one model, asked in two ways
        llm = partial / "llm" if taken else args.llm
        emotion["utterance_mode"] = args.utterance_mode
        Bundle(list(EMOTIONS), [args.language], llm, args.whisper, emotion, modes).write(partial)
    logging.info("%s: %d weights, %s", args.out_dir, len(made.weights), checked)
    for name, reason in made.left_out.items():
        logging.info("left out: %s: %s", name, reason)


def stop_at(faults, where):
    """Raise InputError that lists the faults, if there are any."""
    if faults:
        more = [f"… {len(faults)} in all"] if len(faults) > SHOWN else []
        raise InputError("\n  ".join([f"{where}: the file does not fit:", *faults[:SHOWN], *more]))


def settle_base(base, args, folder):
    """Compare the file's base model with --llm's; write it to folder/llm where it differs and that is wanted.

    Returns what was found, as text, and whether it was written. Raises InputError where it differs.
    """
    import torch
    from transformers import AutoModelForCausalLM

    from c2ser.checkpoints.c2ser_official import base_differences
    from c2ser.inference.chat import load_pretrained
    from c2ser.models.language_model import load_tokenizer

    if not base:
        return "the file holds no base model to compare with --llm", False
    model = load_pretrained(AutoModelForCausalLM, args.llm, dtype="auto")
    own = model.state_dict()
    unknown, different = base_differences(base, own)
    stop_at([f"not in {args.llm}: {name}" for name in unknown], args.checkpoint)
    absent = len(own.keys() - base.keys())
    if not different:
        return f"the {len(base)} base weights in the file are those of --llm, which has {absent} more", False
    if not args.write_llm:
        hint = "the base model may be another (Qwen2-7B or Qwen2-7B-Instruct); --write_llm true keeps the file's own"
        stop_at([f"other than in {args.llm}: {name}" for name in different], f"{args.checkpoint}: {hint}")
    with torch.no_grad():
        for name in different:
            own[name].copy_(base[name])
    model.save_pretrained(folder / "llm")
    load_tokenizer(args.llm).save_pretrained(folder / "llm")
    return f"{len(different)} of {len(base)} base weights differ from --llm's: the file's own are in llm", True


def write_config(path, args, connector, lora):
    """Write the options that `build_c2ser` reads, as a training would have left them."""
    import yaml

    from c2ser.inference.emotion_encoder import read_config
    from c2ser.models.emotion2vec import backbone_config

    values = {
        "llm": str(args.llm), "llm_conf": {"train": "lora", "dropout": 0.1, **lora},
        "whisper": str(args.whisper), "connector_conf": {**connector, "dropout": 0.1},
        "emotion_dim": backbone_config(read_config(args.emotion / "config.yaml").backbone_conf).dim,
        "specaug": True, "specaug_conf": {}, "model_conf": {}, "prompt_style": "plain", "prompt_language": "en",
        "answers": "cot", "text_only": False, "teacher_labels": [], "whisper_blocks": None,
        "verdict": "last", "measured_style": False,
        "max_epoch": 1, "num_iters_per_epoch": None, "seed": 0,
    }  # fmt: skip
    with atomic_write(path) as stream:
        yaml.safe_dump(values, stream, sort_keys=False)
