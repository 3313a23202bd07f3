"""A training that asks for the style and tells it: its data, what is said where they are missing, a resumed one."""

import numpy as np
import pytest
import torch

from c2ser.bin import train_c2ser
from c2ser.cot.questions import ANSWERED, answer, told
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError
from c2ser.models.c2ser import C2SER
from c2ser.models.language_model import answer_ids
from c2ser.tasks.c2ser_inputs import needed_data
from tests.tasks.test_c2ser_inputs import configured, data, tokenize

ASKING = {"train_mode": "explicit_to_implicit", "style_questions": 0.5}
STYLE = "speed=low pitch=unknown volume=high"


def test_what_it_needs():
    usual = {"implicit", "explicit", "speech", "emotion"}
    assert set(needed_data(configured(model_conf=ASKING), "train")) == {*usual, "style", "words"}
    some = configured(model_conf={**ASKING, "questions": ["pitch"]}, measured_style=True)
    assert set(needed_data(some, "train")) == {*usual, "style", "measured"}
    assert set(needed_data(some, "valid")) == {*usual - {"explicit"}, "measured"}


def test_levels_become_answers_and_what_is_told(tokenizer):
    prepare = tokenize(tokenizer, model_conf=ASKING, measured_style=True, prompt_language="it")
    for verdict, language in (("Emotion: sad.", "en"), ("情绪：悲伤。", "zh")):
        made = prepare("utt", data(style=STYLE, measured=STYLE, words="“No”, Sir", implicit=verdict))
        rows = [[one for one in row if one >= 0] for row in made["style"].tolist()]
        wanted = {"speed": "low", "volume": "high", "lively": "mixed"}
        assert rows == [answer_ids(tokenizer, answer(one, wanted[one], language)) if one in wanted else [] for one in ANSWERED]
        assert made["words"].tolist() == answer_ids(tokenizer, "‘No’, Sir")
        assert made["measured"].tolist() == tokenizer(told({"speed": "low", "volume": "high"}, "it"), add_special_tokens=False)["input_ids"]
    made = prepare("utt", data(style="speed=unknown", measured="speed=unknown", words=""))
    assert (made["style"] == -1).all() and made["style"].dtype == np.int64 and made["words"].tolist() == made["measured"].tolist() == [-1]
    with pytest.raises(InputError, match="style: utt: 'slow'"):
        prepare("utt", data(style="slow"))


def asking(options, inputs, folder, epochs):
    for part in ("train", "dev"):
        names = list(read_table(inputs / part / "label"))
        levels = ("low", "medium", "unknown")
        write_table(folder / part / "style", {one: f"speed={levels[n % 3]} pitch=high volume=low" for n, one in enumerate(names)})
        write_table(folder / part / "transcript", {one: "" if n % 4 == 0 else f"Number {n}." for n, one in enumerate(names)})
    command = options("c2ser", folder, epochs, model_conf=ASKING, measured_style=True)
    for name, part in (("train", "train"), ("valid", "dev")):
        for entry in ("style,style", "style,measured", "transcript,words"):
            command += [f"--{name}_data_path_and_name_and_type", f"{folder / part}/{entry},text"]
    return command


class Stopped(Exception):
    pass


def test_a_resumed_training_is_an_unbroken_one(options, inputs, tmp_path, monkeypatch):
    """Stopped in the second of three epochs; what was asked in which batch is asked again."""
    asked, forward = [], C2SER.forward

    def listen(self, *given, **batch):
        if self.training and stop_at is not None and int(self.batches) >= stop_at:
            raise Stopped
        loss, stats, weight = forward(self, *given, **batch)
        if self.training:
            asked.append(next(name for name in stats if name.startswith("loss_")))
        return loss, stats, weight

    monkeypatch.setattr(C2SER, "forward", listen)
    stop_at = None
    train_c2ser.main(asking(options, inputs, tmp_path / "unbroken", 3))
    whole, asked[:] = asked[:], []
    stop_at = 6
    with pytest.raises(Stopped):
        train_c2ser.main(asking(options, inputs, tmp_path / "broken", 3))
    asked, stop_at = [], None
    train_c2ser.main(asking(options, inputs, tmp_path / "broken", 3))
    assert asked == whole[4:] and len(set(whole)) >= 4
    first, second = (torch.load(tmp_path / name / "exp/3epoch.pth") for name in ("unbroken", "broken"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_questions_without_data_are_named_before_training(options, inputs, tmp_path):
    command = options("c2ser", tmp_path, 1, model_conf=ASKING)
    with pytest.raises(InputError, match="style_questions: 0.5 needs data `style`"):
        train_c2ser.main(command)
    with pytest.raises(InputError, match="measured_style needs data `measured`"):
        train_c2ser.main(options("c2ser", tmp_path, 1, measured_style=True))
