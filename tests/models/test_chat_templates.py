"""Where answers begin and end: chat templates that think aloud, tokenizers that name no end."""

import json
import shutil

import pytest

from c2ser.bin import prepare_llm
from c2ser.errors import InputError
from c2ser.inference.chat import ChatModel
from c2ser.models.language_model import SPEECH_PLACE, answer_ids, chat_text, load_tokenizer, split_prompt

TURN = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{{ '<|im_start|>assistant\n' }}"
)
SWITCH = "{%% if %s is defined and %s is false %%}<think>\n\n</think>\n\n{%% endif %%}"
CLOSED = "<think>\n\n</think>\n\n"

TEMPLATES = {
    "no thinking": (TURN, ""),
    "opened always, as Qwen3-Thinking and QwQ": (f"{TURN}<think>\n", CLOSED),
    "opened at the end, as DeepSeek-R1": (f"{TURN}<think>", CLOSED),
    "switched off, as Qwen3": (TURN + SWITCH % ("enable_thinking", "enable_thinking"), CLOSED),
    "opened unless switched off, as Qwen3.5": (
        f"{TURN}{{% if enable_thinking is defined and enable_thinking is false %}}{CLOSED}{{% else %}}<think>\n{{% endif %}}",
        CLOSED,
    ),
    "another switch, as DeepSeek-V3.1": (
        f"{TURN}{{% if thinking is defined and thinking %}}<think>{{% else %}}</think>{{% endif %}}", "</think>",
    ),
    "other marks, as Magistral": (f"{TURN}[THINK]", "[THINK]\n\n[/THINK]\n\n"),
    "reasoning by default, as Command A": (
        f"{TURN}{{% if reasoning is defined and not reasoning %}}<|START_THINKING|><|END_THINKING|>{{% else %}}"
        "<|START_THINKING|>{% endif %}",
        "<|START_THINKING|><|END_THINKING|>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("template, tail", TEMPLATES.values(), ids=TEMPLATES)
def test_answers_stand_outside_thoughts_in_every_place(llm_dir, tmp_path, template, tail):
    """In training and scoring (split_prompt) as in what language models are asked (ChatModel)."""
    folder = shutil.copytree(llm_dir, tmp_path / "llm")
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    tokenizer = load_tokenizer(folder)

    def ids(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    end = f"<|im_end|>\n<|im_start|>assistant\n{tail}"
    assert split_prompt(tokenizer, "Please.", "chat") == [ids("<|im_start|>user\nPlease."), ids(end)]
    assert ChatModel(folder).prompt_ids("Please.") == ids(f"<|im_start|>user\nPlease.{end}")
    assert chat_text(tokenizer, "I say <think>.").endswith(end)  # what the user says opens nothing


def test_templates_that_do_not_fit_are_refused(tokenizer, monkeypatch):
    for template, message in (
        ("{{ raise_exception('a system turn is needed') }}", "does not take one turn of a user .*system turn.*choose plain"),
        ("{{ messages[0]['content'] }}{{ messages[0]['content'] }}", "does not hold what the user says once"),
        ("{{ messages[0]['role'] }}", "does not hold what the user says once"),
    ):
        monkeypatch.setattr(tokenizer, "chat_template", template)
        with pytest.raises(InputError, match=message):
            split_prompt(tokenizer, "Please", "chat")
    assert SPEECH_PLACE not in tokenizer.get_vocab()


def without_end(llm_dir, folder, template=None, **config):
    """A folder whose tokenizer names no end-of-sequence token; `config`: what config.json says instead."""
    shutil.copytree(llm_dir, folder)
    file = folder / "tokenizer_config.json"
    told = {key: value for key, value in json.loads(file.read_text()).items() if key != "eos_token"}
    file.write_text(json.dumps(told))
    (folder / "special_tokens_map.json").unlink(missing_ok=True)
    (folder / "generation_config.json").unlink(missing_ok=True)
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, "eos_token_id": None, **config}))
    if template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return folder


@pytest.mark.parametrize("config, template", [({"eos_token_id": 2}, None), ({"eos_token_id": [2, 1]}, None),
                                              ({}, "{{ messages[0]['content'] }}</s>")])  # fmt: skip
def test_the_end_is_that_of_the_configuration_or_of_the_template(llm_dir, tokenizer, tmp_path, config, template):
    assert tokenizer.convert_ids_to_tokens(2) == "</s>"
    made = load_tokenizer(without_end(llm_dir, tmp_path / "llm", template, **config))
    assert answer_ids(made, "sad") == answer_ids(tokenizer, "sad") and answer_ids(made, "sad")[-1] == 2


@pytest.mark.parametrize("config, template", [({}, None), ({}, "{{ messages[0]['content'] }}<|im_end|>"),
                                              ({"eos_token_id": 10**6}, None)])  # fmt: skip
def test_without_any_end_stage_8_refuses_the_folder(llm_dir, tmp_path, config, template):
    folder = without_end(llm_dir, tmp_path / "llm", template, **config)
    assert load_tokenizer(folder, answers=False).eos_token_id is None
    for load in (load_tokenizer, ChatModel, lambda path: prepare_llm.main(["--check", str(path)])):
        with pytest.raises(InputError, match="no end-of-sequence token.*name one of its tokens as eos_token in tokenizer_con"):
            load(folder)


def test_an_end_without_an_embedding_is_refused(llm_dir, tmp_path):
    folder = shutil.copytree(llm_dir, tmp_path / "llm")
    told = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**told, "vocab_size": 2}))
    with pytest.raises(InputError, match="'</s>' is number 2, but the model has 2 embeddings"):
        load_tokenizer(folder)
