"""Qwen2-Audio (Chu et al., 2024) of a local Hugging Face folder: asked for the emotion, and read by likelihood."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoProcessor, GenerationConfig, Qwen2AudioForConditionalGeneration

from c2ser.audio import SAMPLE_RATE
from c2ser.baselines.prompts import question
from c2ser.errors import InputError
from c2ser.inference.chat import load_pretrained
from c2ser.inference.generation import score_candidates
from c2ser.inference.labels import parse_label
from c2ser.jsonfile import read_json
from c2ser.models.language_model import LOCAL, answer_ids, why
from c2ser.models.likelihoods import pad_left
from c2ser.silver.prompts import answers

METHODS = ("free", "score")
"""free: generate, then read the class out of the text; score: the most likely of the classes' answers."""

SHORTEST = SAMPLE_RATE // 10
"""Samples that an utterance is filled up to: with less than 0.07 s the encoder leaves one token of speech or none."""


@dataclass(frozen=True)
class Judgement:
    """Of one utterance, None for what was not asked for: the text generated, its length in tokens, the class that it
    names (None also where it names none or several), and the probabilities in the order of the labels."""

    text: str | None = None
    tokens: int | None = None
    parsed: str | None = None
    posterior: list | None = None


class Qwen2Audio:
    """The model with its processor.

    path: folder in Hugging Face's layout (Qwen2-Audio-7B-Instruct or its like); device: "cpu", "cuda"; dtype:
    "float32", in which no answer depends on the batch but for rounding, "bfloat16" or "float16". Raises InputError
    where the folder holds another model, or no processor.
    """

    def __init__(self, path, device="cpu", dtype="float32"):
        check_folder(path)
        self.llm, self.device = load_pretrained(Qwen2AudioForConditionalGeneration, path, dtype, device), device
        try:
            self.processor = AutoProcessor.from_pretrained(path, **LOCAL)
            self.tokenizer, self.window = self.processor.tokenizer, self.processor.feature_extractor.n_samples
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: no processor of Qwen2-Audio ({why(error)}); fetch the whole folder") from None
        own = self.llm.generation_config.eos_token_id
        self.ends = sorted({self.tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])} - {None})
        if self.tokenizer.eos_token_id is None:
            raise InputError(f"{path}: its tokenizer has no end-of-sequence token, so an answer would have no end")
        self.llm.generation_config = GenerationConfig()  # the folder's own sampling would apply otherwise

    @torch.no_grad()
    def judge(self, waves, languages, labels, methods=METHODS, max_new_tokens=20):
        """Ask about utterances together.

        waves: float32 arrays `(samples,)` at 16 kHz, of which the first `self.window` samples (30 s) are heard;
        languages: of the question about each; labels: the classes to choose from; methods: of `METHODS`;
        max_new_tokens: where a free answer is cut. Returns one `Judgement` an utterance.
        """
        prefixes = self.prefixes(waves, [question(language, labels) for language in languages])
        made = [{} for _ in waves]
        if "free" in methods:
            for row, ids, language in zip(made, self._generate(prefixes, max_new_tokens), languages):
                text = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
                row.update(text=text, tokens=len(ids), parsed=parse_label(text, language, labels).label)
        if "score" in methods:
            candidates = [[answer_ids(self.tokenizer, text) for text in answers(lang, labels)] for lang in languages]
            scores = score_candidates(self, prefixes, candidates).double()
            if not bool(torch.isfinite(scores).all()):
                raise InputError("Qwen2-Audio's likelihoods are not finite: damaged weights, or dtype too coarse")
            for row, posterior in zip(made, scores.softmax(1).tolist()):
                row["posterior"] = posterior
        return [Judgement(**row) for row in made]

    @torch.no_grad()
    def prefixes(self, waves, questions):
        """Everything before the answers, as embeddings: a list of float `(length, width)`, one an utterance."""
        texts = [
            self.processor.apply_chat_template(
                [{"role": "user", "content": [{"type": "audio", "audio": ""}, {"type": "text", "text": asked}]}],
                tokenize=False, add_generation_prompt=True,
            )
            for asked in questions
        ]  # fmt: skip
        waves = [np.pad(wave, (0, max(0, SHORTEST - len(wave)))) for wave in waves]
        inputs = self.processor(
            text=texts, audio=waves, sampling_rate=SAMPLE_RATE, padding=True, return_tensors="pt"
        ).to(self.device)
        inside = inputs["attention_mask"].bool()
        return [row[kept] for row, kept in zip(self._merge(inputs), inside)]

    def _merge(self, inputs):
        """Prompts with speech in them, `(batch, length, width)`.

        The model puts them together within its forward pass and has no function for it, so that pass is run up to where
        the language model is given them.
        """

        def stop(module, positional, named):
            raise _Merged(named["inputs_embeds"])

        hook = self.llm.get_decoder().register_forward_pre_hook(stop, with_kwargs=True)
        try:
            self.llm(**inputs)
        except _Merged as merged:
            return merged.args[0]
        finally:
            hook.remove()
        raise RuntimeError("Qwen2-Audio's forward pass did not reach its language model")

    def _generate(self, prefixes, max_new_tokens):
        """Token ids of greedy answers, without the end."""
        inputs, mask = pad_left(prefixes)
        made = self.llm.generate(
            inputs_embeds=inputs, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False, num_beams=1,
            eos_token_id=self.ends, pad_token_id=self.ends[0],
        )  # fmt: skip
        return [self._until_end(row) for row in made.tolist()]

    def _until_end(self, ids):
        return ids[: next((place for place, token in enumerate(ids) if token in self.ends), len(ids))]


class _Merged(Exception):
    """Carries the embeddings out of the forward pass."""


def check_folder(path):
    """Raise InputError where a folder's config.json is not Qwen2-Audio's: transformers would take it nonetheless and
    fill up with random weights what is not there."""
    kind = read_json(Path(path) / "config.json", "give a local Hugging Face folder, nothing is fetched").get("model_type")
    if kind != "qwen2_audio":
        raise InputError(f"{path}: a model of type {kind}; Qwen2-Audio (qwen2_audio) is needed")
