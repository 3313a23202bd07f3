"""What the scale of L_frm does beside L_cate: a small Emotion2Vec-S trained both ways on real speech.

    c2ser prepare-data --corpus emovo --root EMOVO --data_dir /tmp/emovo --folds 1
    python benchmarks/frame_scale.py --data_dir /tmp/emovo/fold1

Every combination of `frame_scale` and `category_weight` is trained from the same weights on the same batches. After each
epoch it prints L_frm on development speakers, the mean over channels in every row, so that rows compare, and the share of
development utterances whose nearest neighbour has their class. "sqrt_768" stands for `sqrt_dim` at the width of the
released models, where it is 27.7, whatever --width is here.
"""

import argparse
import math
import time
from pathlib import Path

SCALES = ("mean", "sqrt_dim", "sqrt_768")


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="Folder of train (or train_nodev) and dev")
    parser.add_argument("--scales", nargs="+", choices=SCALES, default=SCALES, help="Which to train (default: all)")
    parser.add_argument("--category_weights", nargs="+", type=float, default=[0.0, 100.0], help="(default: 0 100)")
    parser.add_argument("--width", type=int, default=64, help="Channels of the backbone (default: %(default)s)")
    parser.add_argument("--depth", type=int, default=3, help="Its blocks (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=6, help="(default: %(default)s)")
    parser.add_argument("--updates", type=int, default=25, help="Of an epoch (default: %(default)s)")
    parser.add_argument("--utterances", type=int, default=32, help="In a batch (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="Cut from each utterance (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="Weights, batches and masks (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    return parser


def main(argv=None):
    import torch

    args = get_parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    train = args.data_dir / "train_nodev"
    sets = [read(path, args.seconds) for path in (train if train.is_dir() else args.data_dir / "train", args.data_dir / "dev")]
    print(f"{len(sets[0][0])} utterances to train on, {len(sets[1][0])} to measure on, width {args.width}")
    for category_weight in args.category_weights:
        for scale in args.scales:
            begun = time.process_time()
            rows = trained(args, scale, category_weight, *sets)
            losses, nearest = (" ".join(f"{row[column]:.3f}" for row in rows) for column in range(2))
            print(f"{scale:9} L_cate x {category_weight:<5g} L_frm {losses}   nearest {nearest}   "
                  f"{time.process_time() - begun:.0f} s", flush=True)  # fmt: skip


def read(folder, seconds):
    """A set's speech, no more than the first `seconds` of each: list of float `(samples,)`, labels int `(count, 1)`."""
    import torch

    from c2ser.audio import SAMPLE_RATE, read_utterances
    from c2ser.datadir import DataDir
    from c2ser.emotions import EMOTIONS

    emotions, speech, labels = DataDir(folder).read("utt2emo"), [], []
    for utterance, samples in read_utterances(DataDir(folder)):
        speech.append(torch.tensor(samples[: int(seconds * SAMPLE_RATE)], dtype=torch.float32))
        labels.append(EMOTIONS.index(emotions[utterance]) if emotions[utterance] in EMOTIONS else -1)
    return speech, torch.tensor(labels)[:, None]


def batch(data, rows):
    """Padded float `(rows, samples)`, their lengths and labels."""
    import torch

    chosen = [data[0][row] for row in rows]
    return torch.nn.utils.rnn.pad_sequence(chosen, True), torch.tensor([len(one) for one in chosen]), data[1][rows]


def trained(args, scale, category_weight, train, dev):
    """Train one model; a row an epoch, the first before any: (dev L_frm as a mean over channels, dev retrieval)."""
    import torch

    model = make(args, scale, category_weight)
    groups = [[weight for weight in model.parameters() if (weight.dim() < 2) == flat] for flat in (False, True)]
    optimizer = torch.optim.AdamW(
        [{"params": groups[0]}, {"params": groups[1], "weight_decay": 0.0}], lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01
    )
    total = args.epochs * args.updates
    draws, rows = torch.Generator().manual_seed(args.seed), [measure(model, dev, args)]
    for update in range(total):
        if update % args.updates == 0 and update:
            rows.append(measure(model, dev, args))
        torch.manual_seed(args.seed + update)
        rate = min(1.0, (update + 1) / 10) * (1 + math.cos(math.pi * update / total)) / 2
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * rate
        picked = torch.randperm(len(train[0]), generator=draws)[: args.utterances].tolist()
        optimizer.zero_grad()
        model.train()(*batch(train, picked))[0].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        model.after_step()
    return [*rows, measure(model, dev, args)]


def make(args, scale, category_weight):
    """An Emotion2VecS; --seed decides its weights."""
    import torch

    from c2ser.models.emotion2vec import Emotion2VecConfig
    from c2ser.models.emotion2vec_s import Emotion2VecS

    torch.manual_seed(args.seed)
    layers = [(args.width // 2, 10, 5)] + [(args.width, 3, 2)] * 4 + [(args.width, 2, 2)] * 2
    config = Emotion2VecConfig(conv_layers=layers, dim=args.width, prenet_depth=1, depth=args.depth, heads=4)
    factor = math.sqrt(768) if scale == "sqrt_768" else 1.0
    return Emotion2VecS(
        config, decoder_dim=args.width, decoder_depth=2, views=2, target_layers=args.depth,
        frame_weight=factor, utterance_weight=0.1 * factor, category_weight=category_weight,
        frame_scale="sqrt_dim" if scale == "sqrt_dim" else "mean", ema_decay=0.99, ema_end_decay=0.999,
        ema_anneal_updates=80, min_target_variance=0.0,
    )  # fmt: skip


def measure(model, data, args):
    """Averages over all of `data`, in batches: L_frm as a mean over channels, and the share of retrieved neighbours."""
    import torch

    model.eval()
    torch.manual_seed(args.seed)  # the masks
    frames, nearest, count = 0.0, 0.0, len(data[0])
    with torch.no_grad():
        for first in range(0, count, 128):
            rows = list(range(first, min(count, first + 128)))
            stats = model(*batch(data, rows))[1]
            frames += float(stats["loss_frm"]) / model.scale * len(rows) / count
            nearest += float(stats["retrieval_acc"]) * len(rows) / count
    return frames, nearest


if __name__ == "__main__":
    main()
