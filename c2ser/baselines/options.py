"""Options that the commands of several baselines share, and the checks of what they are given."""

from pathlib import Path

from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError

OPTIONS = {
    "data_dir": {"type": Path, "required": True, "help": "The set"},
    "audio_scp": {"type": Path, "required": True, "help": "Dumped audio"},
    "model": {"type": Path, "required": True, "help": "Local Hugging Face folder"},
    "labels": {
        "nargs": "+", "default": list(EMOTIONS), "choices": EMOTIONS, "metavar": "CLASS",
        "help": "Classes to choose from (default: the seven)",
    },
    "label_map": {"default": "", "help": 'Classifiers: classes with unknown names, "love=happy LABEL_3=-"'},
    "language": {"default": "auto", "help": "Of the question: auto (as utt2lang says of each utterance) or a code"},
    "batch_size": {
        "type": int, "default": 8, "help": "Utterances together; changes the speed alone (default: %(default)s)"
    },
    "ngpu": {"type": int, "default": 0, "help": "0: CPU"},
    "dtype": {
        "default": "float32", "choices": ("float32", "bfloat16", "float16"),
        "help": "Of the weights; in the 16-bit ones rounding depends on the batch (default: %(default)s)",
    },
    "out_dir": {"type": Path, "required": True, "help": "Folder of the results"},
}  # fmt: skip


def add_options(parser, *names, **changes):
    """Add options out of `OPTIONS` to a parser. changes: name → what is different here, added after them."""
    for name in (*names, *changes):
        parser.add_argument(f"--{name}", **OPTIONS[name] | changes.get(name, {}))


def check_numbers(args, *names):
    """Raise InputError where one of these options is less than 1."""
    for name in names:
        if getattr(args, name) < 1:
            raise InputError(f"--{name} {getattr(args, name)}: expected a whole number from 1")


def chosen_labels(args):
    """The classes of --labels in the project's order. Raises InputError for fewer than two."""
    labels = [label for label in EMOTIONS if label in args.labels]
    if len(labels) < 2:
        raise InputError(f"--labels {' '.join(labels)}: at least two classes are needed")
    return labels
