"""The language model on text alone: prompts, scores, answers that depend on nothing but themselves."""

import json
import shutil

import pytest
import torch

from c2ser.errors import InputError
from c2ser.inference.chat import ChatModel, SeededSampling, fingerprint
from c2ser.models.language_model import answer_ids
from tests.builders import RATIONALE, randomise
from tests.families import save_family

TEXTS = [RATIONALE.format(words, "sad") for words in ("No.", "Thank you very much.", "Yes, " * 9, "Well")]
TEMPLATE = "{% for m in messages %}<s>{{ m.content }}{% endfor %}{% if add_generation_prompt %}Emotion:{% endif %}"


@pytest.fixture(scope="module")
def model(llm_dir):
    """The small model with weights that make it change its mind often."""
    model = ChatModel(llm_dir)
    randomise(model.llm, seed=3, scale=0.6)
    return model


def test_a_prompt_without_a_template_is_the_bare_text(model):
    assert model.prompt_ids("The speaker") == model.tokenizer("The speaker\n")["input_ids"]


def test_a_chat_template_is_used(llm_dir, tmp_path):
    folder = shutil.copytree(llm_dir, tmp_path / "chat")
    model = ChatModel(folder)
    model.tokenizer.chat_template = TEMPLATE
    assert model.tokenizer.decode(model.prompt_ids("The speaker says")) == "<s> The speaker saysEmotion:"


def test_scores_are_those_of_one_pass_over_everything(model):
    prompts = [model.prompt_ids(text) for text in TEXTS]
    answers = [answer_ids(model.tokenizer, f"Emotion: {word}.") for word in ("happy", "sad", "neutral")]
    made = model.score(prompts, [answers] * len(prompts))
    shared = next(place for place, ids in enumerate(zip(*answers)) if len(set(ids)) > 1)
    for prompt, row in zip(prompts, made):
        for answer, score in zip(answers, row.tolist()):
            logits = model.llm(input_ids=torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
            likely = [float(logits[len(prompt) + place - 1, answer[place]]) for place in range(shared, len(answer))]
            assert score == pytest.approx(sum(likely), abs=1e-4)


def test_answers_do_not_depend_on_the_batch(model):
    prompts, seeds = [model.prompt_ids(text) for text in TEXTS], [None, 7, 7, 8]
    together = model.answer(prompts, seeds, 20, temperature=1.5)
    assert together == [model.answer([ids], [seed], 20, temperature=1.5)[0] for ids, seed in zip(prompts, seeds)]
    assert together[::-1] == model.answer(prompts[::-1], seeds[::-1], 20, temperature=1.5)
    drawn = {model.answer(prompts[1:2], [seed], 20, temperature=1.5)[0] for seed in range(8)}
    assert len(drawn) > 4


def test_without_a_seed_the_likeliest_token_is_taken(model):
    ids = model.prompt_ids(TEXTS[0])
    made = list(ids)
    for _ in range(8):
        made.append(int(model.llm(input_ids=torch.tensor([made])).logits[0, -1].argmax()))
        if made[-1] in model.ends:
            break
    wanted = model.tokenizer.decode(
        [token for token in made[len(ids) :] if token not in model.ends], skip_special_tokens=True
    )
    assert model.answer([ids], [None], 8) == [wanted]
    assert model.answer([ids], [5], 8, top_p=1e-9) == [wanted]


def test_the_generation_settings_of_the_folder_do_not_count(llm_dir, tmp_path):
    folder = shutil.copytree(llm_dir, tmp_path / "penalised")
    ours = {"eos_token_id": [2, 9], "repetition_penalty": 1.9, "do_sample": True, "top_k": 3, "temperature": 0.3}
    (folder / "generation_config.json").write_text(json.dumps(ours))
    plain, penalised = ChatModel(llm_dir), ChatModel(folder)
    assert plain.ends == [2] and penalised.ends == [2, 9]
    penalised.ends = plain.ends
    ids = [plain.prompt_ids(text) for text in TEXTS]
    assert plain.answer(ids, [None] * 4, 12) == penalised.answer(ids, [None] * 4, 12)


def test_an_answer_ends_at_any_of_the_ends(model):
    ids = model.prompt_ids(TEXTS[0])
    whole = model.answer([ids], [None], 12)[0]
    tokens = model.llm.generate(
        input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=12,
        do_sample=False, eos_token_id=2, pad_token_id=2,
    )[0, len(ids) :].tolist()  # fmt: skip
    end = next(token for token in tokens[2:] if token not in tokens[:2])
    before, model.ends = model.ends, sorted([2, end])
    try:
        cut = model.answer([ids, ids + ids], [None, 3], 12)[0]
    finally:
        model.ends = before
    assert cut == model.tokenizer.decode(tokens[: tokens.index(end)], skip_special_tokens=True) != whole


def test_sampling_draws_from_the_softmax():
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    sampling = SeededSampling([11], temperature=2.0, top_p=0.85)
    draws = [int(sampling(None, logits[None])[0].argmax()) for _ in range(4000)]
    wanted = (logits / 2).softmax(0)  # .455 .276 .167 .102: the first three make up 0.85, and no fewer
    wanted = wanted[:3] / wanted[:3].sum()
    shares = torch.bincount(torch.tensor(draws), minlength=4) / len(draws)
    assert shares[3] == 0
    assert shares[:3].tolist() == pytest.approx(wanted.tolist(), abs=0.03)
    assert logits.tolist() == [2, 1, 0, -1]


def test_a_fingerprint_is_of_content_not_of_place(llm_dir, tmp_path):
    folder = shutil.copytree(llm_dir, tmp_path / "elsewhere")
    (folder / "README.md").write_text("what I think of it")
    assert fingerprint(folder) == fingerprint(llm_dir)
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert fingerprint(folder) != fingerprint(llm_dir)


def test_what_cannot_be_used_is_named(tmp_path):
    with pytest.raises(InputError, match="Qwen/Qwen2-7B-Instruct: no folder with a config.json; .* nothing is fetched"):
        ChatModel("Qwen/Qwen2-7B-Instruct")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="AutoModelForCausalLM cannot be loaded from it"):
        ChatModel(tmp_path)


@torch.no_grad()
def test_answers_are_scored_by_logits_that_the_model_scales(tokenizer, tmp_path):
    model = ChatModel(save_family("granite", tokenizer, tmp_path))
    prompt, answers = [5, 9, 30], [[7, 8, 2], [11, 2]]
    wanted = []
    for answer in answers:
        likely = model.llm(input_ids=torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        wanted.append(sum(float(likely[len(prompt) + place - 1, token]) for place, token in enumerate(answer)))
    assert model.score([prompt], [answers])[0].tolist() == pytest.approx(wanted, abs=1e-4)
