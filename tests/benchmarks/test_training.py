"""The benchmark of training: both systems train alike, and a difference is an error."""

import re

import pytest
import torch

from tests.closeness import nearly


SMALL = ["--batch_size", "2", "--steps", "2", "--rounds", "1", "--seconds", "0.3", "0.8", "--answer_tokens", "3", "6"]
LLM = {"vocab_size": 300, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
QWEN = {"model_type": "qwen2", "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False}


@pytest.fixture
def training(benchmark, monkeypatch):
    module = benchmark("training")
    sizes = benchmark("random_models").SIZES
    small = {"n_audio_state": 16, "n_audio_head": 2, "n_audio_layer": 1}
    monkeypatch.setitem(sizes, "tiny", {**sizes["tiny"], "whisper": small, "llm": {**LLM, **QWEN}})
    return module


def rows(printed):
    """System → the numbers of its line."""
    lines = {name: re.search(rf"^{name} +(.+)$", printed, re.M)[1] for name in ("plain", "ours")}
    return {name: [float(word) for word in line.split()] for name, line in lines.items()}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_losses_are_the_same_and_both_are_measured(training, capsys, precision):
    assert training.main([*SMALL, "--precision", precision]) == 0
    printed = capsys.readouterr().out
    difference = float(re.search(r"differ by at most (\S+)$", printed, re.M)[1])
    assert difference == (nearly(0, scale=5) if precision == "fp32" else pytest.approx(0, abs=0.05))
    values = rows(printed)
    assert values["plain"][2] == 1.0 and all(row[0] > 0 and row[3] > row[4] >= 0 for row in values.values())
    losses = [[float(loss) for loss in row.split()] for row in re.findall(r"losses ([\d. ]+)$", printed, re.M)]
    assert len(losses) == 2 and len(losses[0]) == 2 and losses[0] == pytest.approx(losses[1], abs=0.05)


def test_both_learn_the_same(training, benchmark):
    """From the same start, both leave the same weights: what the Trainer does is what our step does."""
    options = training.get_parser().parse_args(SMALL)
    torch.set_num_threads(1)
    model = benchmark("random_models").random_c2ser(options, dict.fromkeys(("explicit", "implicit"), ([5, 6, 7], [8])))
    start = {name: weight.detach().clone() for name, weight in training.learning(model)}
    batches, ends = training.make_batches(options, 300), {}
    for name, run in (("plain", training.plain_turn), ("ours", training.our_turn)):
        training.turn_of(run, model, start, batches, options)(1)
        ends[name] = {name: weight.detach().clone() for name, weight in training.learning(model)}
    assert sum(not torch.equal(start[name], weight) for name, weight in ends["ours"].items()) > 0.9 * len(start)
    assert any("lora" in name for name in start) and any(name.startswith("encoder.") for name in start)
    for name, weight in ends["ours"].items():
        torch.testing.assert_close(weight, ends["plain"][name], atol=1e-5, rtol=1e-4)


def test_tokens_are_those_of_the_layout(training, benchmark):
    options = training.get_parser().parse_args(SMALL)
    torch.set_num_threads(1)
    model = benchmark("random_models").random_c2ser(options, dict.fromkeys(("explicit", "implicit"), ([5, 6, 7], [8])))
    (batch, _), optimiser = training.make_batches(options, 300), torch.optim.SGD(model.parameters(), 0.0)
    found = training.plain_turn(model, optimiser, [batch], options)["tokens"]
    lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])[1]
    marks = 2  # begin and end of the speech
    assert found == [int(lengths.sum()) + int((batch["explicit"] >= 0).sum()) + 2 * (3 + 1 + marks)]


def test_other_losses_are_an_error(training, benchmark, capsys):
    kind = benchmark("turns").Turn
    turn = kind(0.0, 2, 1, {"seconds": 1.0, "losses": [3.0, 2.0], "tokens": [5, 7]})
    other = kind(0.0, 2, 1, {"seconds": 0.5, "losses": [3.0, 2.0002]})
    options = training.get_parser().parse_args(SMALL)
    assert training.report({"plain": [turn], "ours": [turn]}, options) == 0
    assert training.report({"plain": [turn], "ours": [other]}, options) == 1
    captured = capsys.readouterr()
    assert "may differ by 1e-04" in captured.err and rows(captured.out)["plain"][0] == 7
    options.precision = "bf16"
    assert training.report({"plain": [turn], "ours": [other]}, options) == 0


@pytest.mark.parametrize("given", [["--steps", "1"], ["--size", "qwen2-7b"], ["--size", "qwen2-7b", "--ngpu", "1"]])
def test_what_cannot_be_done_is_refused(training, given):
    with pytest.raises(SystemExit):
        training.main(given)
