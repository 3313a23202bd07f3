"""How fast Emotion2Vec features are extracted, against FunASR's emotion2vec with the same weights on the same audio.

    python benchmarks/features.py                      # random weights of base size, noise of speech-like lengths
    python benchmarks/features.py --audio_scp dump/all/wav.scp --config E2V_S/config.yaml --checkpoint E2V_S/model.pth
    python benchmarks/features.py --ngpu 1 --total_seconds 3600

FunASR takes file by file in float32, as its inference does. `plain` is our network on torch's own layers, file by file
too; it stands in as the baseline where FunASR is not installed (tools/install.sh --test), and the differences are
taken from it. `ours` is what extract_features runs: batches by length, every depth pooled. Audio is in memory before;
nothing is written. All take turns in one process, the best round of each counts, and the ratios are what another
machine can be held against. On a CPU, time is that of the process on a thread, which other programs disturb little.

Operations are counted by formula, multiply and add as two, no padding: for an utterance of T frames and E tokens
    front end    2 · sum over layers of (outputs · channels in · channels out · kernel) + 2 · T · channels · dim
    positions    2 · T · layers · kernel · dim² / groups
    blocks       2 · blocks · (T + E) · ((4 + 2 · mlp_ratio) · dim² + 2 · (T + E) · dim)
and given as a share of the best rate that a matrix product of the network's shape reaches in the same run and precision.
"""

import argparse
import contextlib
import importlib.util
import sys
import tempfile
import time
import types
import warnings
from pathlib import Path


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="config.yaml of a checkpoint; default: random weights of base size")
    parser.add_argument("--checkpoint", type=Path, help="its weights")
    parser.add_argument("--audio_scp", type=Path, help="audio to take; default: noise of speech-like lengths")
    parser.add_argument("--total_seconds", type=float, default=60.0, help="of audio, at most (default: %(default)s)")
    parser.add_argument("--batch_seconds", type=float, default=60.0, help="in a batch of ours (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds of each (default: %(default)s)")
    parser.add_argument("--ngpu", type=int, default=0, choices=(0, 1), help="1: on the GPU (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of random weights and noise (default: %(default)s)")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    import torch

    from c2ser.inference.emotion_encoder import EmotionEncoder

    torch.set_num_threads(args.threads)
    device = "cuda" if args.ngpu else "cpu"
    waves = read_waves(args.audio_scp, args.total_seconds) if args.audio_scp else noise(args.total_seconds, args.seed)
    with tempfile.TemporaryDirectory() as folder:
        given = {"config": args.config, "checkpoint": args.checkpoint}
        files = given if args.config else random_weights(folder, args.seed)
        plain = plain_encoder(files, device)
        config = plain.model.config
        encoders = {f"ours {name}": EmotionEncoder(**files, device=device, precision=name) for name in ("fp32", "bf16")}
    systems = {"plain": lambda: one_by_one(plain, waves)}
    theirs = funasr_encoder(plain.model, device)
    if theirs:
        systems = {"FunASR": lambda: funasr_features(theirs, waves, device), **systems}
    for name, encoder in encoders.items():
        systems[name] = lambda encoder=encoder: batches(encoder, waves, args.batch_seconds)

    results, best = {}, {name: float("inf") for name in systems}
    for number in range(args.rounds + 1):  # the first warms up
        for name, features in systems.items():
            start = now(device)
            results[name] = features()
            if number:
                best[name] = min(best[name], now(device) - start)
    print_table(waves, config, results, best, device, args.threads)


def print_table(waves, config, results, best, device, threads):
    """One line a system: speed, ratio to the first, differences from `plain`, operations."""
    seconds = sum(map(len, waves)) / 16000
    operations = sum(count_operations(config, len(wave)) for wave in waves)
    rates = {name: matrix_rate(device, name) for name in ("fp32", "bf16")}
    baseline, *_ = results
    print(f"{device}, {threads} threads, {len(waves)} utterances, {seconds:.1f} s of audio; baseline: {baseline}")
    print(f"{operations / seconds / 1e9:.2f} GFLOP per second of audio; matrix product: "
          + ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in rates.items()))  # fmt: skip
    print(f"{'system':10} {'audio s / s':>11} {'RTF':>8} {'ratio':>6} {'max |Δ frames|':>15} {'max |Δ tokens|':>15} "
          f"{'GFLOP/s':>8} {'of matrix product':>18}")  # fmt: skip
    for name, features in results.items():
        frames, tokens = differences(features, results["plain"])
        rate = operations / best[name]
        share = rate / rates["bf16" if name.endswith("bf16") else "fp32"]
        print(f"{name:10} {seconds / best[name]:11.2f} {best[name] / seconds:8.4f} {best[baseline] / best[name]:6.2f} "
              f"{frames:15.2e} {tokens:15.2e} {rate / 1e9:8.1f} {share:18.0%}")  # fmt: skip


def random_weights(folder, seed):
    """A checkpoint of base size with random weights, under which neither frames nor tokens are all alike."""
    import torch
    import yaml

    from c2ser.models.emotion2vec import Emotion2Vec, Emotion2VecConfig

    torch.manual_seed(seed)
    model = Emotion2Vec(Emotion2VecConfig())
    torch.nn.init.normal_(model.extra_tokens)
    torch.save(model.state_dict(), Path(folder) / "model.pth")
    (Path(folder) / "config.yaml").write_text(yaml.safe_dump({"backbone_conf": {}}))
    return {"config": Path(folder) / "config.yaml", "checkpoint": Path(folder) / "model.pth"}


def noise(total, seed):
    """Float waveforms of noise with lengths as in conversation: log-normal about 3 s, 0.5 to 15 s, `total` s in all."""
    import torch

    generator, waves = torch.Generator().manual_seed(seed), []
    left = round(total * 16000)
    while left >= 400:
        drawn = 3.0 * (0.6 * torch.randn((), generator=generator)).exp()
        length = min(left, round(float(drawn.clamp(0.5, 15)) * 16000))
        waves.append(torch.randn(length, generator=generator) * 0.1)
        left -= length
    return waves


def read_waves(audio_scp, total):
    """The first utterances of a table, up to `total` s, those shorter than a frame excepted (one at least)."""
    import torch

    from c2ser.audio import MIN_SAMPLES, read_audio
    from c2ser.datadir import read_table

    waves, left = [], total * 16000
    for entry in read_table(audio_scp).values():
        wave = torch.from_numpy(read_audio(entry))
        if len(wave) < MIN_SAMPLES:
            continue
        if waves and len(wave) > left:
            break
        waves.append(wave)
        left -= len(wave)
    return waves


def plain_encoder(files, device):
    """Our network on torch's own layers, its front end as a convolution's definition has it."""
    import torch.nn.functional as F
    from unittest import mock

    from c2ser.inference import emotion_encoder

    def untouched(model, device, precision):
        model.eval().requires_grad_(False).to(device)
        return contextlib.nullcontext

    def convolutions(speech):
        x = speech[:, None]
        for conv, norm in zip(front.convs, front.norms):
            x = F.gelu(norm(conv(x).transpose(1, 2))).transpose(1, 2)
        return x.transpose(1, 2)

    with mock.patch.object(emotion_encoder, "freeze", untouched):
        encoder = emotion_encoder.EmotionEncoder(**files, device=device)
    front = encoder.model.frontend
    front.forward = convolutions
    return encoder


def one_by_one(encoder, waves):
    """Frames and tokens of each utterance, encoded alone."""
    import torch

    with torch.no_grad():
        made = [
            encoder.model(wave[None].to(encoder.device), torch.tensor([len(wave)]).to(encoder.device)) for wave in waves
        ]
    return [(frames[0].cpu(), tokens[0].cpu()) for frames, tokens, _ in made]


def batches(encoder, waves, batch_seconds):
    """What extract_features does, with the frames kept for comparison."""
    import torch

    from c2ser.inference.extraction import Chunk, buckets

    kept, result = [], [None] * len(waves)
    hook = encoder.model.register_forward_hook(lambda model, given, made: kept.append(made))
    chunks = [Chunk(index, 0, len(wave), 1) for index, wave in enumerate(waves)]
    for batch in buckets(chunks, batch_seconds * 16000):
        speech = torch.nn.utils.rnn.pad_sequence([waves[chunk.utterance] for chunk in batch], batch_first=True)
        tokens, layers, counts = encoder.depths(speech, torch.tensor([len(chunk) for chunk in batch]))
        layers.cpu()
        frames = kept.pop()[0].float().cpu()
        for row, (chunk, count) in enumerate(zip(batch, counts.tolist())):
            result[chunk.utterance] = frames[row, :count], tokens[row].cpu()
    hook.remove()
    return result


def funasr_encoder(model, device):
    """FunASR's Emotion2vec with the weights of a backbone of ours; None, with a message, where it is not installed."""
    spec = importlib.util.find_spec("funasr")
    if spec is None:
        print("FunASR is not installed, its line is left out: tools/install.sh --test installs it")
        return None
    import torch

    from c2ser.checkpoints.configuration import to_funasr
    from c2ser.checkpoints.names import backbone_names

    if not getattr(sys.modules.get("funasr"), "models", None):
        # the package itself would import its hundreds of modules and dependencies: enter it as an empty one
        package = types.ModuleType("funasr")
        package.__path__, package.__spec__ = list(spec.submodule_search_locations), spec
        sys.modules["funasr"] = package
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):  # it prints a note on FFmpeg
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports distutils
        from funasr.models.emotion2vec.model import Emotion2vec
    theirs, weights = Emotion2vec(model_conf=to_funasr(model.config)).eval(), model.state_dict()
    wanted = theirs.state_dict()
    names = backbone_names(model.config)
    with torch.no_grad():
        ours = {other: weights[own].view_as(wanted[other]) for own, other in names.items()}
        theirs.load_state_dict({**wanted, **ours})
    return theirs.requires_grad_(False).to(device)


def funasr_features(theirs, waves, device):
    """Frames and tokens of each utterance, as FunASR's `inference` makes them: normed, and one at a time."""
    import torch

    made, extra = [], theirs.cfg.modalities.audio.num_extra_tokens
    with torch.no_grad():
        for wave in waves:
            wave = wave.to(device)
            if theirs.cfg.normalize:
                wave = torch.nn.functional.layer_norm(wave, wave.shape)
            x = theirs.extract_features(wave[None], remove_extra_tokens=False)["x"][0]
            made.append((x[extra:].cpu(), x[:extra].cpu()))
    return made


def differences(features, wanted):
    """Largest absolute differences of frames and of tokens."""
    pairs = list(zip(features, wanted))
    return [max(float((one[part] - other[part]).abs().max()) for one, other in pairs) for part in (0, 1)]


def count_operations(config, length):
    """Floating-point operations for one utterance of `length` samples, by the formula above."""
    total, before = 0.0, 1
    for channels, kernel, stride in config.conv_layers:
        length = (length - kernel) // stride + 1
        total += 2.0 * length * before * channels * kernel
        before = channels
    total += 2.0 * length * before * config.dim
    kernel = max(3, config.position_width // config.position_depth)
    total += 2.0 * length * config.position_depth * kernel * config.dim**2 / config.position_groups
    states = length + config.extra_tokens
    linear = (4 + 2 * config.mlp_ratio) * config.dim**2
    return total + 2.0 * (config.prenet_depth + config.depth) * states * (linear + 2.0 * states * config.dim)


def matrix_rate(device, precision):
    """Operations a second of a product of the network's shape, the best of several, by torch and by oneDNN."""
    import torch

    from c2ser.models.packed import PRECISIONS, PackedLinear, can_pack

    rows, dtype, best = 8192 if device == "cuda" else 1024, PRECISIONS[precision], 0.0
    linear = torch.nn.Linear(768, 3072).to(device, dtype).requires_grad_(False)
    kinds = [linear, PackedLinear(linear, dtype)] if device == "cpu" and can_pack(dtype) else [linear]
    x = torch.randn(rows, 768, device=device, dtype=dtype)
    for _ in range(5):
        for kind in kinds:
            start = now(device)
            kind(x)
            best = max(best, 2 * rows * 768 * 3072 / (now(device) - start))
    return best


def now(device):
    """Seconds: of a GPU's clock once it has done its work, of this process's time on each of its threads otherwise."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time() / torch.get_num_threads()


if __name__ == "__main__":
    main()
