"""Answers token by token are those of generation in one go."""

import pytest
import soundfile
import torch

from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.calibration import Calibration
from c2ser.inference.generation import generate
from c2ser.inference.predictor import Decoding, Predictor
from c2ser.inference.streaming import stream_tokens, whole_characters
from tests.builders import randomise
from tests.closeness import nearly
from tests.inference.conftest import assert_same


@pytest.mark.parametrize("penalty", [1.0, 1.4])
def test_tokens_are_those_of_generate(make_c2ser, tokenizer, penalty):
    model = randomise(make_c2ser(llm_conf={"rank": 2}), seed=4, scale=0.6)
    generator = torch.Generator().manual_seed(0)
    lengths = []
    for length in (9, 3, 14, 1, 6):
        prefix = torch.randn(length, 16, generator=generator)
        streamed = list(stream_tokens(model, prefix, tokenizer, 12, penalty))
        assert streamed == generate(model, [prefix], tokenizer, 12, repetition_penalty=penalty)[0]
        lengths.append(len(streamed))
    assert max(lengths) > 3  # there was something to compare


def test_the_end_token_ends_it(make_c2ser, tokenizer):
    """The output layer is made to like the end token best."""
    model = make_c2ser(llm_conf={"rank": 2})
    prefix = torch.randn(5, 16)
    (first,) = stream_tokens(model, prefix, tokenizer, 1)
    head = model.llm.get_output_embeddings().weight
    with torch.no_grad():
        head[[first, tokenizer.eos_token_id]] = head[[tokenizer.eos_token_id, first]]
    assert list(stream_tokens(model, prefix, tokenizer, 5)) == []


def test_half_a_character_is_not_shown():
    assert whole_characters("情\ufffd\ufffd") == "情" and whole_characters("情绪") == "情绪" and whole_characters("") == ""


@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_a_stream_ends_in_what_a_call_gives(system_dir, speech, tmp_path, mode):
    predictor = Predictor(system_dir, decoding=Decoding(max_new_tokens={"explicit": 20, "implicit": 5}))
    soundfile.write(tmp_path / "a.wav", speech[1], 16000, subtype="FLOAT")
    for item in (speech[1], str(tmp_path / "a.wav")):
        *during, last = predictor.stream(item, mode)
        assert_same([last], predictor([item], mode))
        assert [one.tokens for one in during] == list(range(1, last.tokens + 1))
        assert all(one.label is None and one.posterior is None and last.text.startswith(one.text) for one in during)
    assert during or mode == "implicit"


def test_without_free_answers_implicit_mode_generates_nothing(system_dir, speech):
    predictor = Predictor(system_dir, decoding=Decoding(methods=["score"]))
    (only,) = predictor.stream(speech[1], "implicit")
    assert only.text == "" and only.posterior and only.constrained is None


def test_faults_of_a_stream(system_dir, speech):
    predictor = Predictor(system_dir)
    with pytest.raises(InputError, match="absent.wav: no such file"):
        next(predictor.stream("absent.wav"))
    with pytest.raises(InputError, match="mode 'loud': this system has"):
        next(predictor.stream(speech[1], "loud"))


def test_a_calibration_of_the_other_mode_is_refused(system_dir, speech):
    calibration = Calibration(EMOTIONS, "implicit", 2.0, {})
    predictor = Predictor(system_dir, calibration=calibration)
    *_, last = predictor.stream(speech[1], "implicit")
    assert last.posterior == nearly(predictor(speech[1:2])[0].posterior)
    with pytest.raises(InputError, match="the calibration is of mode implicit, not explicit"):
        next(predictor.stream(speech[1], "explicit"))
