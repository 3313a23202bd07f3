"""Every family of language models that the documentation lists, from its folder to a packed system.

What is expected comes from whole passes of transformers' own causal LM, one utterance at a time: no padding, no cache.
"""

import argparse
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoConfig

from c2ser.bin import pack
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.decoding import Decoding
from c2ser.inference.generation import generate, token_scores
from c2ser.inference.predictor import Predictor
from c2ser.inference.streaming import stream_tokens
from c2ser.models.build import build_c2ser
from c2ser.models.distillation import verdict_scores
from c2ser.models.language_model import (
    REFUSED,
    answer_ids,
    causal_lm,
    check_family,
    embedding_deviation,
    load_language_model,
    load_tokenizer,
)
from tests.builders import BACKBONE, c2ser_config, c2ser_model, write_parts
from tests.families import FAMILIES, SINGLE, STATES, TARGETS, save_family

WORDS = (("No.", "sad"), ("Thank you.", "happy"), ("I", "angry"))


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tokenizer, tmp_path_factory):
    """(name, configuration of a C2SER on it, the model, its tokenizer): it hears emotion tokens, and adapters learn."""
    folder = save_family(request.param, tokenizer, tmp_path_factory.mktemp(request.param) / "llm")
    targets = {"targets": TARGETS[request.param]} if request.param in TARGETS else {}
    config = c2ser_config(
        folder, None, prompt_language="zh", teacher_labels=["sad", "happy"],
        llm_conf={"rank": 2, "alpha": 2, "dropout": 0.0, **targets},
    )  # fmt: skip
    model = c2ser_model(config)
    model = model if request.param in SINGLE else model.double()
    return request.param, config, model, load_tokenizer(folder)


@pytest.fixture(scope="module")
def heard(family):
    """What the language model is given of three utterances."""
    model = family[2]
    emotion = torch.randn(3, 10, BACKBONE["dim"], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return model.hear(None, None, emotion.to(model.speech_ends.weight.dtype), None)


@pytest.fixture(scope="module")
def prefixes(family, heard):
    """Of unlike lengths: padding has to be nothing."""
    with torch.no_grad():
        made = family[2].prefixes("implicit", *heard)
    return [prefix[cut:] for prefix, cut in zip(made, (0, 5, 2))]


def own_logits(model, prefix, ids):
    """The causal LM's own logits after the prefix and after each of the ids."""
    llm = causal_lm(model.llm)
    ids = torch.tensor(ids, dtype=torch.long)
    whole = torch.cat([prefix, llm.get_input_embeddings()(ids).to(prefix.dtype)])
    return llm(inputs_embeds=whole[None], use_cache=False).logits[0, len(prefix) - 1 :]


def own_likelihoods(model, prefix, ids):
    return own_logits(model, prefix, ids)[:-1].log_softmax(-1)[range(len(ids)), ids]


def close(name, made, wanted):
    """To the rounding of float64, or of float32 where some layers are computed in it."""
    if name in STATES or name in SINGLE:
        torch.testing.assert_close(made, wanted, atol=3e-5, rtol=1e-4)
    else:
        torch.testing.assert_close(made, wanted, atol=1e-10, rtol=1e-8)


def test_training_is_on_the_models_own_logits(family, heard):
    """The loss is transformers' mean cross-entropy over the answers' tokens, and so is its gradient."""
    kind, _, model, tokenizer = family
    model.zero_grad()
    answers = [answer_ids(tokenizer, f"{words} {name}.") for words, name in WORDS]
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in answers], True, padding_value=-1)
    loss, accuracy, _ = model.train().answer_loss("explicit", *heard, padded)
    loss.backward()
    gradient = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.eval().zero_grad()
    found, right = [], 0
    for prefix, ids in zip(model.prefixes("explicit", *heard), answers):
        logits = own_logits(model, prefix, ids)[:-1]
        found.append(F.cross_entropy(logits, torch.tensor(ids), reduction="none"))
        right += int((logits.argmax(1) == torch.tensor(ids)).sum())
    wanted = torch.cat(found).mean()
    wanted.backward()
    close(kind, loss, wanted)
    assert float(accuracy) == pytest.approx(right / sum(map(len, answers)))
    own = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    assert own.keys() == gradient.keys() and any("lora_" in name and grad.any() for name, grad in gradient.items())
    for name, grad in own.items():
        close(kind, gradient[name], grad)


@torch.no_grad()
def test_scores_are_likelihoods_of_whole_passes(family, prefixes):
    name, _, model, _ = family
    candidates = [[5, 8, 2], [11, 2], [30, 31, 32, 33, 2]] + [[token, 9, 2] for token in range(40, 50)]  # > ROWS / 3
    ids, scores = token_scores(model, prefixes, [candidates] * 3)
    assert ids == [candidates] * 3
    for prefix, rows in zip(prefixes, scores):
        for answer, row in zip(candidates, rows):
            wanted = own_likelihoods(model, prefix, answer)
            close(name, row[: len(answer)], wanted)
            assert not row[len(answer) :].any()
    assert float(scores.std(0).max()) > 0.01  # what stands before tells


def test_the_students_verdicts_are_scored_so_too(family):
    """With another number of frames each; where nothing can be learnt through a cache, the KL term is refused."""
    name, config, model, _ = family
    if name in STATES:
        with pytest.raises(InputError, match="kl_weight: .* has linear attention"):
            build_c2ser(argparse.Namespace(**{**config, "model_conf": {"kl_weight": 1.0}}))
        return
    heard = torch.randn(3, 12, model.connector.project.out_features, dtype=model.speech_ends.weight.dtype)
    heard = heard, torch.tensor([12, 4, 9])
    rows = model.verdicts[:1].expand(3, -1, -1)
    found, candidates = verdict_scores(model, "implicit", *heard, rows), [row[row >= 0].tolist() for row in rows[0]]
    for prefix, scores in zip(model.prefixes("implicit", *heard), found):
        wanted = torch.stack([own_likelihoods(model, prefix, ids).sum() for ids in candidates])
        close(name, scores.diff(), wanted.diff())


@torch.no_grad()
def test_generation_is_greedy_alone_together_and_streamed(family, prefixes):
    _, _, model, tokenizer = family
    wanted = []
    for prefix in prefixes:
        ids = []
        while len(ids) < 6 and (not ids or ids[-1] != tokenizer.eos_token_id):
            ids.append(int(own_logits(model, prefix, ids)[-1].argmax()))
        wanted.append([token for token in ids if token != tokenizer.eos_token_id])
    assert generate(model, prefixes, tokenizer, 6) == wanted
    assert [list(stream_tokens(model, prefix, tokenizer, 6)) for prefix in prefixes] == wanted
    beams = generate(model, prefixes, tokenizer, 4, num_beams=3)
    assert beams == [generate(model, [prefix], tokenizer, 4, num_beams=3)[0] for prefix in prefixes]


def test_a_packed_system_answers_as_before(family, tmp_path):
    name, config, model, _ = family
    parts = write_parts(tmp_path / "implicit", config, model.float())
    Bundle(list(EMOTIONS), ["zh"], Path(config["llm"]), None, None, {"implicit": parts}).write(tmp_path)
    pack.main(["--model", str(tmp_path), "--out_dir", str(tmp_path / "packed")])
    if name not in SINGLE:
        model.double()
    emotion = [torch.randn(10, BACKBONE["dim"]).numpy()]
    speech = [torch.zeros(4000).numpy()]
    decoding = Decoding(max_new_tokens={"explicit": 4, "implicit": 2})
    folders = tmp_path, tmp_path / "packed"
    first, second = (Predictor(folder, decoding=decoding)(speech, emotion=emotion)[0] for folder in folders)
    assert first.posterior == second.posterior and first.text == second.text


def test_the_connector_starts_at_what_the_embeddings_give(family):
    """At a standard deviation measured over all tokens: Gemma's embedding layer multiplies its weights."""
    name, config, _, _ = family
    torch.manual_seed(1)
    fresh = build_c2ser(argparse.Namespace(**config))
    embeddings = fresh.llm.get_input_embeddings()
    given = embeddings(torch.arange(embeddings.num_embeddings)).detach()
    assert embedding_deviation(embeddings) == pytest.approx(float(given.std()), rel=1e-4)
    assert float(fresh.speech_ends.weight.std()) == pytest.approx(float(given.std()), rel=0.4)
    dim = fresh.connector.dim
    assert float(fresh.connector.project.weight.std()) * dim**0.5 == pytest.approx(float(given.std()), rel=0.15)
    assert (float(given.std() / embeddings.weight.std()) > 2) == name.startswith("gemma")


REFUSABLE = [*REFUSED, "mamba", "mamba2", "rwkv"]


@pytest.mark.parametrize("name", REFUSABLE)
def test_families_that_cannot_work_are_refused_by_name(name, tmp_path):
    AutoConfig.for_model(name).save_pretrained(tmp_path)
    for check in (check_family, load_language_model):
        with pytest.raises(InputError, match=f"{name} cannot be used: .*; docs/language_models.md lists"):
            check(tmp_path)


def test_the_documentation_lists_what_is_tested():
    text = (Path(__file__).parents[2] / "docs/language_models.md").read_text(encoding="utf-8")
    works, refused = text.split("## What cannot")
    assert re.findall(r"^\| `(\w+)`", works, re.M) == list(FAMILIES)
    assert re.findall(r"^\| `(\w+)`", refused, re.M) == REFUSABLE
    for name, targets in TARGETS.items():
        assert f"`targets: [{', '.join(targets)}]`" in next(line for line in works.splitlines() if f"| `{name}`" in line)
