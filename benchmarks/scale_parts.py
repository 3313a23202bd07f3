"""Parts of scale.py that need torch, each run in a process of its own, so that the one that measures stays small.

    python benchmarks/scale_parts.py model FOLDER                a tiny system with random weights, packed
    python benchmarks/scale_parts.py batches INPUTS HOW          batches of two epochs, drawn; HOW: out of SAMPLERS
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SAMPLERS = {
    "balanced": {"batch_size": 32, "temperature": 2.0},
    "balanced by length": {"batch_size": 32, "temperature": 2.0, "sort_batches": 100},
    "balanced in samples": {"batch_size": 64, "temperature": 2.0, "batch_bins": 1_500_000},
    "espnet numel": None,
}


def model(folder):
    """Write the system to FOLDER/packed, its encoder to FOLDER/system/e2v_s."""
    from tests import builders

    from c2ser.bin import pack

    folder = Path(folder)
    folder.mkdir(parents=True)
    llm, whisper = builders.language_model(folder / "llm"), builders.whisper_file(folder / "whisper.pt")
    builders.system(folder / "system", llm, whisper)
    pack.main(["--model", str(folder / "system"), "--out_dir", str(folder / "packed")])


def batches(inputs, how):
    """Draw the batches of two epochs as a training does, and say how many utterances they hold."""
    from c2ser.tasks.sampler import BalancedBatches, balance_config, number_draws, read_groups

    inputs = Path(inputs)
    if how == "espnet numel":
        from espnet2.samplers.build_batch_sampler import build_batch_sampler

        drawn = list(build_batch_sampler("numel", 32, 1_500_000, [str(inputs / "speech_shape")]))
        print(sum(map(len, drawn)))
        return
    from c2ser.datadir import read_table

    config = balance_config(SAMPLERS[how])
    samples = {utterance: int(shape) for utterance, shape in read_table(inputs / "speech_shape").items()}
    sampler = BalancedBatches(read_groups(inputs, config.by, list(samples)), samples, config, seed=0)
    for epoch in (1, 2):
        print(sum(map(len, number_draws(sampler.epoch(epoch)))))


if __name__ == "__main__":
    {"model": model, "batches": batches}[sys.argv[1]](*sys.argv[2:])
