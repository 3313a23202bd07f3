"""Qwen2-Audio: what it is asked, what it answers freely, and what it finds likely."""

import json
import re
import shutil

import numpy as np
import pytest
import torch

from c2ser.baselines.prompts import QUESTIONS, question
from c2ser.baselines.qwen2_audio import SHORTEST, Qwen2Audio
from c2ser.bin import qwen2_audio
from c2ser.cot import templates
from c2ser.datadir import read_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.predictions import read_posteriors, read_set
from c2ser.silver.prompts import PROMPTS, answers
from tests.baselines.conftest import LENGTHS, sound
from tests.closeness import assert_rounds_alike, nearly

LABELS = ("happy", "neutral", "sad")


@pytest.fixture(scope="module")
def model(qwen2_audio_dir):
    return Qwen2Audio(qwen2_audio_dir)


@pytest.fixture(scope="module")
def waves():
    return [sound(seed, samples) for seed, samples in enumerate(LENGTHS.values())]


def test_questions_name_the_classes():
    assert list(QUESTIONS) == list(PROMPTS)
    for language in QUESTIONS:
        asked, template = question(language, LABELS), templates.load(language)
        assert template.ANSWER_LEAD in asked and not re.search(r"[{}]", asked)
        for label in EMOTIONS:
            assert (template.emotion_name(label) in asked) == (label in LABELS)


def processed(model, wave, asked):
    """A prompt as a user of the model gives it, written out."""
    text = (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nAudio 1: <|audio_bos|><|AUDIO|>"
        f"<|audio_eos|>\n{asked}<|im_end|>\n<|im_start|>assistant\n"
    )
    return model.processor(text=text, audio=[wave], sampling_rate=16000, return_tensors="pt")


def test_free_answers_are_those_of_the_model_itself(model, waves):
    made = model.judge(waves[2:], ["en", "pl", "zh"], LABELS, ["free"], 6)
    for one, wave, language in zip(made, waves[2:], ("en", "pl", "zh"), strict=True):
        inputs = processed(model, wave, question(language, LABELS))
        ids = model.llm.generate(**inputs, max_new_tokens=6, eos_token_id=model.ends, pad_token_id=2, do_sample=False)
        said = ids[0, inputs["input_ids"].shape[1] :].tolist()
        assert one.tokens == len(said) and one.posterior is None
        assert one.text == model.tokenizer.decode(said, skip_special_tokens=True).strip()
    assert len({one.text for one in made}) > 1


def test_posteriors_are_the_likelihoods_of_whole_answers(model, waves):
    made = model.judge(waves[2:4], ["en", "zh"], LABELS, ["score"])
    for one, wave, language in zip(made, waves[2:4], ("en", "zh"), strict=True):
        inputs, likely = processed(model, wave, question(language, LABELS)), []
        for text in answers(language, LABELS):
            ids = model.tokenizer(text, add_special_tokens=False)["input_ids"]
            ids = torch.tensor([[*ids, model.tokenizer.eos_token_id]])
            whole = {**inputs, "input_ids": torch.cat([inputs["input_ids"], ids], 1)}
            whole["attention_mask"] = torch.ones_like(whole["input_ids"])
            with torch.no_grad():
                logits = model.llm(**whole).logits[0, -ids.shape[1] - 1 : -1].log_softmax(-1)
            likely.append(float(logits.gather(1, ids.T).sum()))
        made_logs = torch.tensor(one.posterior).log()
        assert made_logs.tolist() == pytest.approx(torch.tensor(likely).log_softmax(0).tolist(), abs=2e-3)
        assert one.text is None and one.tokens is None


def test_the_batch_changes_nothing(model, waves):
    languages = ["en", "zh", "en", "pl", "it"]
    together = model.judge(waves, languages, LABELS, max_new_tokens=5)
    for one, wave, language in zip(together, waves, languages, strict=True):
        (alone,) = model.judge([wave], [language], LABELS, max_new_tokens=5)
        assert (one.text, one.tokens, one.parsed) == (alone.text, alone.tokens, alone.parsed)
        assert one.posterior == nearly(alone.posterior)


def test_what_is_heard(model, waves):
    """The window and no more; speech at all; of the shortest, silence up to a tenth of a second."""

    def heard(wave):
        return model.prefixes([wave], ["What?"])[0]

    long = sound(1, 40000)
    assert model.window == 32000
    assert_rounds_alike(heard(long), heard(long[:32000]))
    assert not torch.equal(heard(long), heard(long[:31000]))
    first, second = heard(waves[3]), heard(-0.5 * waves[3][::-1].copy())
    assert first.shape == second.shape and not torch.allclose(first, second)
    tiny = waves[1]
    assert_rounds_alike(heard(tiny), heard(np.pad(tiny, (0, SHORTEST - len(tiny)))))
    assert heard(tiny[:50]).shape == heard(tiny).shape


def test_an_answer_ends_at_any_of_the_ends(model):
    turn, text = model.tokenizer.convert_tokens_to_ids("<|im_end|>"), model.tokenizer.eos_token_id
    assert set(model.ends) == {turn, text}
    assert [model._until_end([5, end, 6]) for end in (turn, text)] == [[5], [5]] and model._until_end([5, 6]) == [5, 6]


def run(test_set, model, out, *options):
    argv = ["--model", model, "--data_dir", test_set.path, "--audio_scp", test_set.path / "wav.scp", "--out_dir", out]
    qwen2_audio.main([str(word) for word in [*argv, "--max_new_tokens", "4", *options]])
    return json.loads((out / "decode.json").read_text())


def test_the_command_writes_what_other_commands_read(test_set, qwen2_audio_dir, model, waves, tmp_path, monkeypatch):
    said = iter(["Emotion: sad.", "happy", "happy or sad", "No idea", "情绪：快乐。"])
    monkeypatch.setattr(
        Qwen2Audio, "_generate",
        lambda self, prefixes, limit: [
            self.tokenizer(next(said), add_special_tokens=False)["input_ids"] for _ in prefixes
        ],
    )  # fmt: skip
    account = run(test_set, qwen2_audio_dir, tmp_path / "out", "--batch_size", "2", "--labels", *LABELS)
    predicted = read_table(tmp_path / "out/utt2pred")
    assert list(predicted.values()) == ["sad", "happy", "<invalid>", "<invalid>", "happy"]
    assert read_table(tmp_path / "out/answers")["a-1"] == "Emotion: sad."
    labels, rows = read_posteriors(tmp_path / "out")
    assert labels == list(LABELS)
    wanted = model.judge([waves[4]], ["zh"], LABELS, ["score"])[0].posterior
    assert rows["b-3"].tolist() == pytest.approx(wanted, abs=1e-4)
    assert read_set(test_set.path, tmp_path / "out", "utt2scored").confidence is not None
    assert account["mode"] == "Qwen2-Audio" and account["invalid"] == 2 and account["tokens_per_utterance"] > 1
    assert account["prompts"] == {language: question(language, LABELS) for language in ("en", "zh")}
    assert account["longer"] == [] and account["heard_seconds"] == 2


def test_one_method_and_a_long_utterance(test_set, qwen2_audio_dir, tmp_path, monkeypatch):
    run(test_set, qwen2_audio_dir, tmp_path / "out", "--methods", "score")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"utt2scored", "posteriors", "labels", "decode.json"}
    monkeypatch.setattr("c2ser.audio.read_audio", lambda entry: sound(1, 32001))
    account = run(test_set, qwen2_audio_dir, tmp_path / "out", "--methods", "free", "--language", "en")
    assert account["longer"] == list(LENGTHS) and list(account["prompts"]) == ["en"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"utt2pred", "answers", "decode.json"}


def test_what_cannot_be_asked_is_named(test_set, qwen2_audio_dir, llm_dir, tmp_path):
    def refused(message, folder, *options):
        with pytest.raises(InputError, match=message):
            run(test_set, folder, tmp_path / "out", *options)
        assert not (tmp_path / "out").exists()

    refused("--batch_size 0", qwen2_audio_dir, "--batch_size", "0")
    refused("--labels sad: at least two", qwen2_audio_dir, "--labels", "sad")
    refused("--language fi: there are questions in", qwen2_audio_dir, "--language", "fi")
    refused("Qwen/Qwen2-Audio-7B-Instruct/config.json: no such file; .* nothing is fetched", "Qwen/Qwen2-Audio-7B-Instruct")
    refused("a model of type llama; Qwen2-Audio", llm_dir)
    part = shutil.copytree(qwen2_audio_dir, tmp_path / "part")
    for path in part.iterdir():
        if path.name not in ("config.json", "generation_config.json", "model.safetensors"):
            path.unlink()
    refused("part: no processor of Qwen2-Audio", part)
    (part / "config.json").write_text("{")
    refused("part/config.json: not JSON", part)
