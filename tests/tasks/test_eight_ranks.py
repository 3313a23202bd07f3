"""Every training with every configuration on eight ranks: what each builds before its first batch, in one process."""

import pytest
import torch
import yaml
from espnet2.train.distributed_utils import DistributedOption

from c2ser.datadir import read_table, write_table
from tests.tasks.test_two_processes import FILES, LONGEST, TRAININGS, miniature

RANKS = 8
BATCHES = (
    "batch_type", "batch_size", "batch_bins", "valid_batch_type", "valid_batch_size", "valid_batch_bins", "sampler",
    "sampler_conf", "num_iters_per_epoch", "accum_grad", "shuffle_within_batch",
)  # fmt: skip


@pytest.fixture(scope="module")
def many(inputs, tmp_path_factory):
    """`inputs` with 120 utterances in each part, the same few recordings again and again; lengths up to the longest."""
    folder = tmp_path_factory.mktemp("many")
    for part in ("train", "dev"):
        for path in (inputs / part).iterdir():
            if path.is_file() and path.suffix != ".ark":
                values = list(read_table(path, empty_ok=True).values())
                table = {f"u{number:03d}": values[number % len(values)] for number in range(120)}
                if path.name == "speech_shape":
                    table = {name: 1600 + number * (LONGEST - 1600) // 119 for number, name in enumerate(table)}
                write_table(folder / part / path.name, table)
    return folder


@pytest.fixture
def task_of():
    from c2ser.tasks.c2ser import C2SERTask
    from c2ser.tasks.emotion2vec_s import Emotion2VecSTask
    from c2ser.tasks.emotion_classifier import EmotionClassifierTask

    return {"c2ser": C2SERTask, "emotion2vec_s": Emotion2VecSTask, "emotion_classifier": EmotionClassifierTask}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_configuration_builds_with_eight_ranks(path, options, task_of, inputs, many, tmp_path, monkeypatch):
    """The model, in miniature, its optimiser and the batches, as they stand in the file: all ranks have a part of every
    batch, of training and of development, and together they have each utterance of it once."""
    task, config = TRAININGS[path.stem], yaml.safe_load(path.read_text(encoding="utf-8"))
    small = {**miniature(path), **{key: config[key] for key in BATCHES if key in config}}
    command = [word.replace(str(inputs), str(many)) for word in options(task, tmp_path, 1, **small)]
    kind = task_of[task]
    args = kind.get_parser().parse_args(command)
    args.distributed = True
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: RANKS)
    model = kind.build_model(args)
    assert kind.build_optimizers(args, model)[0].param_groups
    place = DistributedOption(distributed=True, dist_rank=0, dist_world_size=RANKS)
    for mode in ("train", "valid"):
        parts = []
        for rank in range(RANKS):
            monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
            factory = kind.build_iter_factory(args, place, mode)
            parts.append([[utterance for utterance in batch] for batch in factory.build_iter(1).batch_sampler])
        assert len({len(batches) for batches in parts}) == 1 and len(parts[0])
        for batch in zip(*parts):
            together = [utterance for part in batch for utterance in part]
            assert all(batch) and len(set(together)) == len(together)
        if mode == "train" and not config.get("shuffle_within_batch"):  # which makes of their utterances other batches
            assert len(parts[0]) == config.get("num_iters_per_epoch", len(parts[0]))
