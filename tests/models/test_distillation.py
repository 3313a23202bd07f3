"""Stage 1's posteriors as a teacher: candidates, their likelihoods, the divergence, its gradient."""

import math

import pytest
import torch
import torch.nn.functional as F

from c2ser.cot import templates
from c2ser.errors import InputError
from c2ser.inference.generation import score_candidates
from c2ser.models.distillation import posterior_divergence, verdict_ids, verdict_scores
from c2ser.models.language_model import answer_ids
from tests.closeness import FORMULA, assert_rounds_alike, nearly

LABELS = ["sad", "happy", "surprised"]
LANGUAGES = templates.languages()
OPTIONS = {"teacher_labels": LABELS, "num_iters_per_epoch": 5}


@pytest.fixture(scope="module")
def student(make_c2ser):
    """Not to be changed."""
    return make_c2ser(model_conf={"train_mode": "implicit", "kl_weight": 0.7, "kl_temperature": 2.0}, **OPTIONS)


@pytest.fixture(scope="module")
def taught(batch):
    """The batch with a teacher, its second utterance answered in Chinese."""
    teacher = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    language = torch.tensor([[LANGUAGES.index(code)] for code in ("en", "zh", "en")])
    return {**batch, "teacher": teacher, "language": language}


def candidates(tokenizer, language):
    return [answer_ids(tokenizer, templates.load(language).implicit_answer(label)) for label in LABELS]


def scores(model, batch):
    heard, lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
    return verdict_scores(model, "implicit", heard, lengths, model.verdicts[batch["language"][:, 0]])


def test_candidates_are_the_verdicts_of_every_language(tokenizer):
    table = verdict_ids(tokenizer, LABELS)
    assert table.shape[:2] == (len(LANGUAGES), 3)
    for language, rows in zip(LANGUAGES, table):
        assert [row[row >= 0].tolist() for row in rows] == candidates(tokenizer, language)


def test_every_verdict_tells_its_language(tokenizer):
    texts = [templates.load(language).implicit_answer(label) for language in LANGUAGES for label in LABELS]
    assert len(set(texts)) == len(texts)


@torch.no_grad()
def test_scores_are_the_likelihoods_of_whole_passes(student, taught, tokenizer):
    found = scores(student, taught)
    heard = student.hear(taught["speech"], taught["speech_lengths"], taught["emotion"])
    embed = student.llm.get_input_embeddings()
    for row, prefix in enumerate(student.prefixes("implicit", *heard)):
        totals = []
        choices = candidates(tokenizer, ("en", "zh", "en")[row])
        shared = next(place for place, ids in enumerate(zip(*choices)) if len(set(ids)) > 1)
        for ids in choices:
            logits = student.llm(inputs_embeds=torch.cat([prefix, embed(torch.tensor(ids))])[None]).logits[0]
            likely = logits.log_softmax(-1)[len(prefix) - 1 : -1].gather(1, torch.tensor(ids)[:, None])
            totals.append(float(likely[shared:].sum()))
        assert found[row].tolist() == pytest.approx(totals, abs=1e-4)


@torch.no_grad()
def test_the_student_is_judged_as_it_will_answer(student, taught, tokenizer):
    """Its posterior is what label scoring will give of it."""
    heard = student.hear(taught["speech"], taught["speech_lengths"], taught["emotion"])
    choices = [candidates(tokenizer, language) for language in ("en", "zh", "en")]
    wanted = score_candidates(student, student.prefixes("implicit", *heard), choices)
    torch.testing.assert_close(scores(student, taught).softmax(1), wanted.softmax(1), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_scores_do_not_depend_on_the_batch(student, taught):
    together = scores(student, taught)
    for row in range(3):
        alone = {name: value[row : row + 1] for name, value in taught.items()}
        torch.testing.assert_close(scores(student, alone)[0], together[row], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_verdicts_of_one_token(student, taught):
    """Nothing is left to run after the prefix."""
    heard = student.hear(taught["speech"], taught["speech_lengths"], taught["emotion"])
    one = torch.tensor([[9], [30], [7]]).expand(3, 3, 1)
    found = verdict_scores(student, "implicit", *heard, one)
    for row, prefix in enumerate(student.prefixes("implicit", *heard)):
        likely = student.llm(inputs_embeds=prefix[None]).logits[0, -1].log_softmax(-1)
        torch.testing.assert_close(found[row], likely[[9, 30, 7]], atol=1e-4, rtol=1e-4)


def test_divergence_by_hand():
    student = torch.tensor([[math.log(0.5), math.log(0.25), math.log(0.25)], [3.0, 3.0, 3.0]])
    teacher = torch.tensor([[0.25, 0.25, 0.5], [1.0, 0.0, 0.0]])
    first = 0.25 * math.log(0.25 / 0.5) + 0.25 * math.log(0.25 / 0.25) + 0.5 * math.log(0.5 / 0.25)
    assert posterior_divergence(student, teacher, 1.0).item() == nearly((first + math.log(3)) / 2)


def test_divergence_at_another_temperature():
    """At temperature 2, probabilities become their roots: (9, 1) / 10 → (3, 1) / 4; times 4."""
    student = torch.tensor([[0.0, 0.0]])
    value = posterior_divergence(student, torch.tensor([[0.9, 0.1]]), 2.0).item()
    assert value == nearly(4 * (0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)))


def test_divergence_counts_ratios_and_vanishes_at_the_teacher():
    teacher = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    student = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    for temperature in (0.5, 1.0, 3.0):
        base = posterior_divergence(student, teacher, temperature).item()
        assert posterior_divergence(student + 7, 3 * teacher, temperature).item() == nearly(base)
        assert posterior_divergence(teacher.log(), teacher, temperature).item() == nearly(0, FORMULA, scale=1)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_gradient_of_the_divergence(temperature):
    """∂/∂score = temperature · (student's softened posterior − teacher's) / batch."""
    student = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.5, 0.1]], dtype=torch.float64, requires_grad=True)
    teacher = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.2, 0.6]], dtype=torch.float64)
    posterior_divergence(student, teacher, temperature).backward()
    softened = teacher ** (1 / temperature)
    wanted = (student / temperature).softmax(1) - softened / softened.sum(1, keepdim=True)
    assert_rounds_alike(student.grad, temperature * wanted.detach() / 2)
    assert torch.autograd.gradcheck(lambda x: posterior_divergence(x, teacher, temperature), student)


@torch.no_grad()
def test_loss_is_cross_entropy_and_weighted_divergence(student, make_c2ser, taught):
    plain = make_c2ser(model_conf={"train_mode": "implicit"}, **OPTIONS)
    alone = plain(**taught)[0].item()
    divergence = posterior_divergence(scores(student, taught), taught["teacher"], 2.0).item()
    loss, stats, _ = student(**taught)
    assert divergence > 0.01 and float(stats["loss_kl"]) == pytest.approx(divergence, rel=1e-4)
    assert loss.item() == pytest.approx(alone + 0.7 * divergence, rel=1e-4)
    assert float(stats["loss"]) == loss.item() and float(stats["loss_implicit"]) == nearly(alone)
    assert "loss_kl" not in plain(**taught)[1]  # off by default


@torch.no_grad()
def test_only_implicit_batches_with_a_teacher_have_the_term(make_c2ser, student, taught):
    explicit = make_c2ser(model_conf={"train_mode": "explicit", "kl_weight": 1.0}, **OPTIONS)
    assert "loss_kl" not in explicit(**taught)[1]
    without = {name: value for name, value in taught.items() if name not in ("teacher", "language")}
    assert "loss_kl" not in student(**without)[1]


def test_gradient_through_the_shared_prefix_is_that_of_whole_passes(make_c2ser, taught, tokenizer):
    model = make_c2ser(model_conf={"train_mode": "implicit", "kl_weight": 1.0}, llm_conf={"train": "full"}, **OPTIONS)
    heard = model.hear(taught["speech"], taught["speech_lengths"], taught["emotion"])
    model.distil(*heard, taught["teacher"], taught["language"]).backward()
    learning = {
        name: weight for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.any()
    }
    shared = {name: weight.grad.clone() for name, weight in learning.items()}
    assert {name.split(".")[0] for name in shared} == {"encoder", "subsampler", "connector", "speech_ends", "llm"}
    model.zero_grad()

    heard = model.hear(taught["speech"], taught["speech_lengths"], taught["emotion"])
    embed, rows = model.llm.get_input_embeddings(), []
    for row, prefix in enumerate(model.prefixes("implicit", *heard)):
        totals = []
        for ids in candidates(tokenizer, ("en", "zh", "en")[row]):
            inputs = torch.cat([prefix, embed(torch.tensor(ids[:-1]))])[None]
            logits = model.llm(inputs_embeds=inputs).logits[0, len(prefix) - 1 :]
            totals.append(-F.cross_entropy(logits, torch.tensor(ids), reduction="sum"))
        rows.append(torch.stack(totals))
    # whole likelihoods: what all candidates begin with shifts them alike
    posterior_divergence(torch.stack(rows), taught["teacher"], 1.0).backward()
    for name, weight in learning.items():
        torch.testing.assert_close(shared[name], weight.grad, atol=2e-5, rtol=2e-3, msg=name)


def test_the_teacher_pulls_the_student(make_c2ser, taught):
    model = make_c2ser(
        model_conf={"train_mode": "implicit", "kl_weight": 1.0, "llm_autocast": "bfloat16"},
        llm_conf={"rank": 2, "dropout": 0.0}, specaug=False, **OPTIONS,
    )  # fmt: skip
    optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], 3e-3)
    values = []
    for _ in range(25):
        heard = model.hear(taught["speech"], taught["speech_lengths"], taught["emotion"])
        value = model.distil(*heard, taught["teacher"], taught["language"])
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]


@torch.no_grad()
def test_a_bfloat16_base_says_what_the_float32_base_does(make_c2ser, taught):
    values = []
    for dtype in ("float32", "bfloat16"):
        conf = {"train_mode": "implicit", "kl_weight": 1.0, "llm_autocast": "bfloat16"}
        model = make_c2ser(model_conf=conf, llm_conf={"dtype": dtype}, **OPTIONS).train(False)
        heard = model.hear(taught["speech"], taught["speech_lengths"], taught["emotion"])
        values.append(float(model.distil(*heard, taught["teacher"], taught["language"])))
    assert values[1] == pytest.approx(values[0], rel=0.05)


def test_candidates_are_not_part_of_the_checkpoint(student):
    assert not any("verdicts" in name for name in student.state_dict())


def test_unknown_classes_are_named(make_c2ser):
    with pytest.raises(InputError, match="'hungry' has no name"):
        make_c2ser(teacher_labels=["hungry"])
