"""Small trainings: the data, the options of both tasks, and running them."""

import pytest
import yaml

from c2ser.datadir import read_table, write_table
from tests.builders import BACKBONE, CONNECTOR, PRETRAINING, dump

COMMON = {
    "batch_type": "unsorted", "batch_size": 3, "shuffle_within_batch": True, "num_workers": 0, "optim": "adam",
    "optim_conf": {"lr": 1.0e-3}, "num_iters_per_epoch": 4, "accum_grad": 2, "use_matplotlib": False,
    "use_tensorboard": False, "best_model_criterion": [["valid", "loss", "min"]], "keep_nbest_models": 1, "seed": 7,
    "resume": True, "ngpu": 0,
}  # fmt: skip
DATA = {
    "emotion2vec_s": ("wav.scp,speech,kaldi_ark", "label,label,text_int"),
    "emotion_classifier": ("wav.scp,speech,kaldi_ark", "label,label,text_int"),
    "c2ser": (
        "wav.scp,speech,kaldi_ark", "explicit,explicit,text", "implicit,implicit,text", "emotion.scp,emotion,kaldi_ark",
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """Folder of a training set of 9 utterances, every fourth English, the others Polish, every third of a small corpus, and
    a development set of 4."""
    folder = tmp_path_factory.mktemp("inputs")
    dump(folder / "train", 9, seed=1)
    utterances = read_table(folder / "train/label")
    languages = {utterance: "pl" if number % 4 else "en" for number, utterance in enumerate(utterances)}
    write_table(folder / "train/language", languages)
    corpora = {utterance: "big" if number % 3 else "small" for number, utterance in enumerate(utterances)}
    write_table(folder / "train/corpus", corpora)
    dump(folder / "dev", 4, seed=2)
    return folder


@pytest.fixture(scope="session")
def options(inputs, llm_dir, whisper_pt):
    """options("c2ser", folder, epochs, key=…): the command line of a training, its configuration written to a file."""
    own = {
        "emotion2vec_s": {"backbone_conf": BACKBONE, "model_conf": {**PRETRAINING, "ema_anneal_updates": 10}},
        "emotion_classifier": {"backbone_conf": BACKBONE},
        "c2ser": {
            "whisper": str(whisper_pt), "llm": str(llm_dir), "emotion_dim": BACKBONE["dim"],
            "connector_conf": CONNECTOR, "llm_conf": {"rank": 2}, "model_conf": {"train_mode": "explicit_to_implicit"},
        },
    }  # fmt: skip

    def make(task, folder, epochs, **changes):
        folder.mkdir(parents=True, exist_ok=True)
        config = {**COMMON, **own[task], "max_epoch": epochs, **changes}
        (folder / "train.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        command = ["--config", folder / "train.yaml", "--output_dir", folder / "exp"]
        for name, part in (("train", "train"), ("valid", "dev")):
            command += [f"--{name}_shape_file", inputs / part / "speech_shape"]
            for entry in DATA[task]:
                command += [f"--{name}_data_path_and_name_and_type", f"{inputs / part}/{entry}"]
        return [str(word) for word in command]

    return make


@pytest.fixture
def train(options):
    """train("c2ser", folder, epochs, key=…): train in this process; returns the folder of the experiment."""
    from c2ser.bin import train_c2ser, train_emotion2vec_s, train_emotion_classifier

    commands = {
        "c2ser": train_c2ser, "emotion2vec_s": train_emotion2vec_s, "emotion_classifier": train_emotion_classifier,
    }  # fmt: skip

    def call(task, folder, epochs, **changes):
        commands[task].main(options(task, folder, epochs, **changes))
        return folder / "exp"

    return call
