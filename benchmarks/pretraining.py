"""How much audio Emotion2Vec-S pretraining gets through, against a plain version of the same step.

    python benchmarks/pretraining.py                              # tiny: seconds
    conf=egs/TEMPLATE/c2ser1/conf
    python benchmarks/pretraining.py --config $conf/small/train_e2v_s.yaml
    python benchmarks/pretraining.py --config $conf/paper/train_e2v_s.yaml --ngpu 1 --autocast bfloat16

Plain: every masked view runs the front end for itself, encodes all of its frames, masked ones too, in one padded batch,
and decodes them all. Ours: the front end once for all views, the visible frames only, utterances of similar length
together. Both have the same weights, configuration and data, in one process, in turns; the ratio of their times is what
another machine can be held against. On a CPU, time is that of the process on a thread, which other programs disturb
little. Operations are counted by formula (multiply and add are two), and given as a share of what a matrix product
reaches on the same device in the same run.
"""

import argparse
import time
from pathlib import Path

TINY = {
    "backbone_conf": {
        "conv_layers": [[48, 10, 5], [48, 3, 2], [48, 3, 2], [48, 3, 2], [48, 3, 2], [48, 2, 2], [48, 2, 2]],
        "dim": 64, "prenet_depth": 1, "depth": 1, "heads": 4, "position_depth": 2,
    },
    "model_conf": {"decoder_dim": 64, "decoder_depth": 2, "views": 4, "target_layers": 1},
}  # fmt: skip


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="train_e2v_s.yaml; default: a tiny network")
    parser.add_argument("--views", type=int, help="Views of every utterance, in place of the configuration's")
    parser.add_argument("--utterances", type=int, default=8, help="In a batch (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=(2.0, 12.0), metavar=("SHORTEST", "LONGEST"),
        help="Their lengths are drawn evenly from this range (default: 2 12)",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="Timed steps of each version (default: %(default)s)")
    parser.add_argument("--ngpu", type=int, default=0, choices=(0, 1), help="1: on the GPU (default: %(default)s)")
    parser.add_argument("--autocast", choices=("none", "bfloat16"), default="none", help="As in training")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="Weights, data and masks (default: %(default)s)")
    return parser


def main(argv=None):
    import torch
    import yaml

    from c2ser.models.emotion2vec import backbone_config
    from c2ser.models.emotion2vec_s import Emotion2VecS

    args = get_parser().parse_args(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    device = "cuda" if args.ngpu else "cpu"
    config = yaml.safe_load(args.config.read_text(encoding="utf-8")) if args.config else TINY
    options = {**config.get("model_conf", {}), "teacher_updates": 0, **({"views": args.views} if args.views else {})}
    backbone = backbone_config(config.get("backbone_conf", {}))
    ours, plain = (kind(backbone, **options).to(device).train() for kind in (Emotion2VecS, plain_version()))
    plain.load_state_dict(ours.state_dict())
    lengths = (torch.empty(args.utterances).uniform_(*args.seconds) * 16000).long().to(device)
    speech = torch.randn(args.utterances, int(lengths.max()), device=device) * 0.1
    label = torch.arange(args.utterances, device=device)[:, None] % 7

    times = {"ours": [], "plain": []}
    rate = matrix_rate(device, args.autocast == "bfloat16")
    for number in range(args.rounds + 1):  # the first round warms up
        for name, model in (("ours", ours), ("plain", plain)):
            elapsed = step(model, speech, lengths, label, args.autocast == "bfloat16", seed=args.seed + number)
            if number:
                times[name].append(elapsed)
    operations = {"ours": count_ours(ours, lengths), "plain": count_plain(ours, lengths)}
    audio = float(lengths.sum()) / 16000
    print(
        f"{device}, {args.threads} threads, autocast {args.autocast}, {args.utterances} utterances, {audio:.1f} s, "
        f"{ours.views} views"
    )
    print(f"matrix product: {rate / 1e9:.1f} GFLOP/s")
    for name in times:
        best = min(times[name])
        print(
            f"{name}: {audio / best:.2f} s of audio per s, {best:.3f} s a step, {operations[name] / 1e9:.1f} GFLOP, "
            f"{operations[name] / best / rate:.0%} of the matrix product's rate"
        )
    ratio = min(times["plain"]) / min(times["ours"])
    print(f"ratio: {ratio:.2f} in time, {operations['plain'] / operations['ours']:.2f} in operations")


def step(model, speech, lengths, label, bfloat16, seed):
    """Seconds of one forward and backward pass."""
    import torch

    torch.manual_seed(seed)
    model.zero_grad()
    start = now(speech.device.type)
    with torch.autocast(speech.device.type, dtype=torch.bfloat16, enabled=bfloat16):
        loss, _, _ = model(speech, lengths, label)
    loss.backward()
    return now(speech.device.type) - start


def now(device):
    """Seconds: of a GPU's clock once it has done its work, of this process's time on each of its threads otherwise."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time() / torch.get_num_threads()


def plain_version():
    """The class of a model that spares itself nothing."""
    import torch

    from c2ser.models.emotion2vec_s import Emotion2VecS
    from c2ser.models.masking import masked_mean, span_mask

    class Plain(Emotion2VecS):
        def groups(self, lengths):
            return [(torch.arange(len(lengths), device=lengths.device), int(lengths.max()))]

        def student_views(self, speech, lengths, views):
            speech, lengths = speech.repeat_interleave(views, dim=0), lengths.repeat_interleave(views, dim=0)
            local, inside = self.student.embed(speech, lengths)
            masked = span_mask(inside, self.mask_prob, self.mask_length)
            x = torch.where(masked[:, :, None], torch.randn_like(local) * self.mask_noise, local)
            frames, tokens, _ = self.student.encode(x + self.student.positions(x, inside), inside)
            everywhere = torch.ones_like(inside)
            predictions = self.decoder(frames, inside, everywhere).view(*inside.shape, -1)[masked]
            pooled = masked_mean(frames, inside & ~masked)
            return {"predictions": predictions, "masked": masked, "tokens": tokens, "pooled_frames": pooled}

    return Plain


def matrix_rate(device, bfloat16, size=2048):
    """Operations a second of a square matrix product, the best of several."""
    import torch

    if device == "cuda":
        size = 8192
    dtype, best = torch.bfloat16 if bfloat16 else torch.float32, 0.0
    first, second = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    for _ in range(5):
        start = now(device)
        first @ second
        best = max(best, 2 * size**3 / (now(device) - start))
    return best


def count_ours(model, lengths):
    """Operations of our step: the teacher forward, the student's front end once, the visible frames of every view (what
    mask_prob leaves), positions and decoder on all frames of them. Padding is not counted."""
    forward = backward = 0.0
    for length in lengths.tolist():
        frames = frames_of(model, length)
        shown = frames * (1 - model.mask_prob)
        forward += frontend(model, length) + positions(model, frames) + encoder(model, frames)
        views = positions(model, frames) + encoder(model, shown) + decoder(model, frames, frames - shown)
        backward += frontend(model, length) + model.views * views
    return forward + 3 * backward  # a backward pass is two forward passes


def count_plain(model, lengths):
    """Operations of the plain step: every view as long as the longest utterance."""
    length, frames = int(lengths.max()), frames_of(model, int(lengths.max()))
    one = frontend(model, length) + positions(model, frames) + encoder(model, frames)
    return len(lengths) * (one + 3 * model.views * (one + decoder(model, frames, frames)))


def frames_of(model, length):
    for _, kernel, stride in model.student.config.conv_layers:
        length = (length - kernel) // stride + 1
    return length


def frontend(model, length):
    """Convolutions of the front end and the projection."""
    total, before = 0.0, 1
    for channels, kernel, stride in model.student.config.conv_layers:
        length = (length - kernel) // stride + 1
        total += 2.0 * length * channels * before * kernel
        before = channels
    return total + 2.0 * length * before * model.student.config.dim


def positions(model, frames):
    config = model.student.config
    kernel = max(3, config.position_width // config.position_depth)
    return 2.0 * frames * config.position_depth * kernel * config.dim**2 / config.position_groups


def encoder(model, frames):
    """Transformer blocks over frames and utterance tokens: linear layers, and the two products of attention."""
    config, length = model.student.config, frames + model.student.config.extra_tokens
    linear = (4 + 2 * config.mlp_ratio) * config.dim**2
    return 2.0 * (config.prenet_depth + config.depth) * length * (linear + 2 * length * config.dim)


def decoder(model, frames, wanted):
    """Its convolutions over all frames, its projection over those wanted."""
    convs = sum(conv.weight.numel() for conv in model.decoder.convs)
    return 2.0 * (frames * convs + wanted * model.decoder.project.weight.numel())


if __name__ == "__main__":
    main()
