"""A local language model that is given text alone: it answers instructions, and scores given answers.

It serves the text teacher of silver labels and the rewriting of rationales. Nothing is ever fetched.
"""

import hashlib
from pathlib import Path

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from c2ser.errors import InputError
from c2ser.inference.generation import score_candidates
from c2ser.models.language_model import LOCAL, chat_text, check_folder, load_tokenizer, why
from c2ser.precision import check_device

MODEL_FILES = (".json", ".safetensors", ".bin", ".model", ".jinja", ".txt")
"""Suffixes of the files that decide what a model answers."""


class ChatModel:
    """A causal language model of a local folder, with its chat template where the tokenizer has one.

    path: Hugging Face folder; device: "cpu", "cuda"; dtype: "float32", "bfloat16" or "float16". Raises InputError
    where the folder holds no causal language model.
    """

    def __init__(self, path, device="cpu", dtype="float32"):
        from transformers import AutoModelForCausalLM

        self.llm = load_pretrained(AutoModelForCausalLM, path, dtype, device)
        self.tokenizer, self.device = load_tokenizer(path), device
        own = self.llm.generation_config.eos_token_id  # a list for models that end a turn and a text differently
        self.ends = sorted({self.tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])} - {None})
        self.llm.generation_config = GenerationConfig()  # the folder's own penalties and sampling would apply otherwise
        self.limit = context_length(self.llm.config, self.tokenizer)

    def prompt_ids(self, instruction):
        """Token ids of a user's turn, up to where the answer begins; of the bare text where there is no template."""
        if not self.tokenizer.chat_template:
            return self.tokenizer(f"{instruction}\n")["input_ids"]
        return self.tokenizer(chat_text(self.tokenizer, instruction), add_special_tokens=False)["input_ids"]

    @torch.no_grad()
    def score(self, prompts, answers):
        """Log-likelihood of given answers.

        prompts: one list of token ids an utterance; answers: for each the same number of lists of token ids, which
        must not be empty. Returns float `(batch, answers)`; in float32 it does not depend on the batch but for
        rounding.
        """
        embed = self.llm.get_input_embeddings()
        return score_candidates(self, [embed(torch.tensor(ids, device=self.device)) for ids in prompts], answers)

    @torch.no_grad()
    def answer(self, prompts, seeds, max_new_tokens=256, temperature=0.8, top_p=0.95):
        """Free answers to prompts (lists of token ids), as texts without special tokens.

        seeds: for each prompt None, to answer greedily, or a number, to draw each token from the most probable ones
        that make up `top_p` at `temperature`. A row draws from its own generator, so an answer depends on its prompt
        and seed alone, whatever else is in the batch. An answer that is not ended after `max_new_tokens` is cut there.
        """
        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), self.ends[0], device=self.device)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt, device=self.device)
            mask[row, longest - len(prompt) :] = 1
        sampling = LogitsProcessorList([SeededSampling(seeds, temperature, top_p)])
        made = self.llm.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False, num_beams=1,
            eos_token_id=self.ends, pad_token_id=self.ends[0], logits_processor=sampling,
        )  # fmt: skip
        return [
            self.tokenizer.decode(self._until_end(row), skip_special_tokens=True) for row in made[:, longest:].tolist()
        ]

    def _until_end(self, ids):
        return ids[: next((place for place, token in enumerate(ids) if token in self.ends), len(ids))]


class SeededSampling(LogitsProcessor):
    """Makes greedy decoding sample: the largest of logits + Gumbel noise is a draw from their softmax.

    seeds: one a row; None leaves the row greedy. temperature, top_p: as in `ChatModel.answer`. The noise is drawn on
    the CPU, in float64, and is the same on every device.
    """

    def __init__(self, seeds, temperature, top_p):
        self.temperature, self.top_p = temperature, top_p
        self.generators = [None if seed is None else torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids, scores):
        """input_ids: `(batch, length)`; scores: logits `(batch, vocabulary)`, of which a changed copy is returned."""
        scores = scores.clone()
        for row, generator in enumerate(self.generators):
            if generator is not None:
                scores[row] = self._disturb(scores[row].double(), generator)
        return scores

    def _disturb(self, logits, generator):
        logits = logits / self.temperature
        probability, order = logits.softmax(0).sort(descending=True, stable=True)
        before = probability.cumsum(0) - probability
        logits[order[before >= self.top_p]] = -torch.inf  # the most probable token always stays
        uniform = torch.rand(len(logits), generator=generator, dtype=torch.float64).clamp_min(1e-300)
        return logits - (-uniform.log()).log().to(logits.device)


def load_pretrained(auto_class, path, dtype="float32", device="cpu"):
    """A model of a local Hugging Face folder for inference. Raises InputError where it holds none, or there is no such
    device."""
    check_device(device)
    if not (Path(path) / "config.json").is_file():
        raise InputError(f"{path}: no folder with a config.json; give a local Hugging Face folder, nothing is fetched")
    check_folder(path)
    try:
        model = auto_class.from_pretrained(path, **LOCAL, dtype=getattr(torch, dtype, dtype))
    except Exception as error:  # transformers raises whatever its parsers meet
        what = f"{auto_class.__name__} cannot be loaded from it ({why(error)})"
        raise InputError(f"{path}: {what}; fetch the whole folder again") from None
    return model.to(device).eval().requires_grad_(False)


def context_length(config, tokenizer):
    """How many tokens a model takes, by its configuration and its tokenizer; None where neither says so."""
    stated = (getattr(config, "max_position_embeddings", None), tokenizer.model_max_length)
    return min((number for number in stated if number and 0 < number < 10**9), default=None)


def fingerprint(folder):
    """A hash of a model folder, the same wherever it lies: of each file its name, size and first and last MiB.

    Weights are too large to be read whole at every start; files that differ in none of these are the same in practice.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(folder).iterdir() if path.is_file() and path.suffix in MODEL_FILES):
        with open(path, "rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            digest.update(f"{path.name}\t{size}\n".encode() + stream.read(2**20))
            stream.seek(max(0, size - 2**20))
            digest.update(stream.read())
    return digest.hexdigest()
