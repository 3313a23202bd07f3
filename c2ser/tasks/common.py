"""What all tasks share: the trainer, the batches of training, the collate function, the scale of dumped audio."""

import os
from argparse import Namespace
from inspect import signature

import torch
from espnet2.tasks.abs_task import AbsTask, optim_classes
from espnet2.utils.nested_dict_action import NestedDictAction

from c2ser.augment import build_augment
from c2ser.errors import InputError
from c2ser.precision import choose
from c2ser.tasks.iteration import AugmentSpeech, training_iter_factory
from c2ser.tasks.reading import inert
from c2ser.tasks.trainer import AtomicTrainer

PCM_SCALE = 1.0 / 32768.0
"""dump/ holds 16-bit samples, which ESPnet hands over as they are; models expect [-1, 1]."""

LABEL_PADDING = -1
"""Pads integer sequences, and is the label of an unlabelled utterance."""


SHARDED = (
    "with fairscale two processes do not learn what one does: ESPnet clips each one's part of the gradients by the norm "
    "of that part, and their weights go apart without clipping, too; leave it out"
)
DEEPSPEED = "ESPnet takes it with a trainer of its own, without this one's checkpoints, autocast and seeds; leave it out"
"""Why ESPnet's ways to share out a model's state are refused."""

COUPLED = ("adam", "radam", "adamax", "adagrad", "adadelta", "rmsprop")
"""Optimisers that add a weight decay to the gradient and then divide both by what gradients usually are."""


class SpeechTask(AbsTask):
    """Base of the tasks: speech in, dumped as 16-bit ark."""

    num_optimizers = 1
    trainer = AtomicTrainer
    class_choices_list = []

    @classmethod
    def get_parser(cls):
        """ESPnet's options, the task's own, and those that all tasks of this project have."""
        parser = super().get_parser()
        group = parser.add_argument_group("Batches of training")
        group.add_argument(
            "--sampler", choices=("espnet", "balanced"), default="espnet",
            help="espnet: by --batch_type; balanced: drawn by class and language, see --sampler_conf",
        )
        group.add_argument(
            "--sampler_conf", action=NestedDictAction, default={},
            help="Fields of c2ser.tasks.sampler.BalanceConfig: by, temperature, unlabelled, batch_size, batch_bins, sort_batches",
        )
        group.add_argument(
            "--augment", action=NestedDictAction, default={},
            help="Fields of c2ser.augment.Augment: speed, noise_db, noise_probability, gain_db, mask_spans,\nmask_seconds. "
            "Speed and gain change what chain-of-thought texts say of pace, pitch and volume",
        )  # fmt: skip
        return parser

    @classmethod
    def main(cls, args=None, cmd=None):
        """As ESPnet's, after `settle_processes`."""
        args = args or cls.get_parser().parse_args(cmd)
        settle_processes(args)
        super().main(args=args)

    @classmethod
    def main_worker(cls, args):
        """As ESPnet's, with `--autocast auto` replaced by what it means on this device, so that config.yaml says it, and
        with the threads that are left beside those of `num_workers`, which have one each. A job that Slurm has queued
        again does not meet in the file that the processes of its first life have left; on CPUs processes speak gloo."""
        if args.dist_init_method.startswith("file:"):
            args.dist_init_method += f".{os.environ.get('SLURM_RESTART_COUNT', 0)}"
        if args.distributed and args.ngpu == 0:
            args.dist_backend, args.local_rank = "gloo", 0  # a local rank would be looked for among the visible GPUs
        if args.autocast == "auto":
            native = choose("auto", "cuda" if args.ngpu > 0 else "cpu", "--autocast") == "bfloat16"
            args.autocast = "bfloat16" if native else "none"
        torch.set_num_threads(max(1, torch.get_num_threads() - args.num_workers))
        with inert():
            super().main_worker(args)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    @classmethod
    def build_optimizers(cls, args, model):
        """ESPnet's; a weight decay leaves one-dimensional weights (norms, biases, scales) as they are.

        Raises InputError for an optimiser in which the decay would not be that of weights.
        """
        decay = args.optim_conf.get("weight_decay", 0)
        if decay and args.optim in COUPLED and not args.optim_conf.get("decoupled_weight_decay"):
            raise InputError(
                f"optim: {args.optim} with weight_decay {decay} adds the decay to the gradient, after clipping, and norms "
                "and scales wander to 0; write optim: adamw, or leave weight_decay out"
            )
        if args.sharded_ddp or args.exclude_weight_decay:
            return super().build_optimizers(args, model)
        kind, groups = optim_classes[args.optim], cls.parameter_groups(args, model)
        if "weight_decay" in signature(kind).parameters:
            groups = without_decay(groups)
        return [kind(groups, **args.optim_conf)]

    @classmethod
    def parameter_groups(cls, args, model):
        """What an optimiser of torch is made of: groups with `params` and what is special about each."""
        return [{"params": list(model.parameters())}]

    @classmethod
    def build_collate_fn(cls, args, train):
        return collate

    @classmethod
    def build_sequence_iter_factory(cls, args, iter_options, mode):
        """ESPnet's, but for training with a balanced sampler or augmentation, and where several processes share batches
        that each epoch deals anew."""
        standard = super().build_sequence_iter_factory
        if mode != "train":
            args = Namespace(**{**vars(args), "sampler": "espnet", "augment": {}})
        dealt = iter_options.distributed and args.shuffle_within_batch
        if args.sampler == "espnet" and not args.augment and not dealt:
            return standard(args=args, iter_options=iter_options, mode=mode)
        if args.augment:
            augment = build_augment(args.augment)
            iter_options.preprocess_fn = AugmentSpeech(iter_options.preprocess_fn, augment, args.seed)
        return training_iter_factory(
            args, iter_options,
            standard=lambda: standard(args=args, iter_options=iter_options, mode=mode),
            build_dataset=lambda: cls.build_dataset(args, iter_options),
        )  # fmt: skip


def settle_processes(args):
    """Let torchrun's environment alone say which processes there are, where it has started this one.

    Raises InputError for options that cannot hold there, and for ESPnet's ways to share a model's state out, which do
    not work with this project's trainer.
    """
    if args.sharded_ddp:
        raise InputError(f"--sharded_ddp: {SHARDED}")
    if args.use_deepspeed:
        raise InputError(f"--use_deepspeed: {DEEPSPEED}")
    if not torch.distributed.is_torchelastic_launched():
        return
    if args.ngpu > 1:
        raise InputError(f"--ngpu {args.ngpu}: torchrun starts a process a GPU (--nproc_per_node); give --ngpu 1")
    if args.dist_launcher or args.dist_rank is not None or args.dist_world_size is not None:
        raise InputError("torchrun numbers the processes: leave out --dist_launcher, --dist_rank and --dist_world_size")
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
    if again and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":  # which still holds the addresses of the dead
        raise InputError(
            "torchrun has started this process again, and it would look for those of the first time: start torchrun with "
            "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in its environment, and --rdzv_backend c10d"
        )
    args.multiprocessing_distributed, args.dist_init_method = False, "env://"


def check_kept_frames(args):
    """Raise InputError where model_conf: keep_frames would hear one of the versions that --augment makes, for all."""
    if args.model_conf.get("keep_frames") and args.augment:
        raise InputError("keep_frames: --augment would be heard once; set one of them")


def without_decay(groups):
    """Part every group of parameters in two: weights of two dimensions or more, and the others without weight decay."""
    parted = []
    for group in groups:
        flat = [weight for weight in group["params"] if weight.dim() < 2]
        parted.append({**group, "params": [weight for weight in group["params"] if weight.dim() >= 2]})
        parted.append({**group, "params": flat, "weight_decay": 0.0})
    return [group for group in parted if group["params"]]


def scale_speech(utterance, data):
    """Preprocessing: 16-bit samples → [-1, 1]."""
    return {**data, "speech": data["speech"] * PCM_SCALE}


def collate(batch):
    """Pad a batch: list of (utterance, name → array `(length, …)`) → utterances, name → tensor `(batch, longest, …)` and
    name_lengths → int `(batch,)`.

    Floats are padded with 0, integers with −1. ESPnet's own function does the same, but importing it imports every
    grapheme-to-phoneme converter that ESPnet knows, which takes longer than a small training.
    """
    utterances, items = zip(*batch)
    padded = {}
    for name in items[0]:
        arrays = [torch.as_tensor(item[name]) for item in items]
        value = 0.0 if arrays[0].is_floating_point() else LABEL_PADDING
        padded[name] = torch.nn.utils.rnn.pad_sequence(arrays, batch_first=True, padding_value=value)
        padded[f"{name}_lengths"] = torch.tensor([len(array) for array in arrays])
    return list(utterances), padded
