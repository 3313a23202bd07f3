"""Generating answers and scoring candidate answers with the language model, in batches of unequal prefixes."""

import inspect

import torch

from c2ser.models import likelihoods
from c2ser.models.language_model import causal_lm
from c2ser.models.likelihoods import pad_left


@torch.no_grad()
def generate(model, prefixes, tokenizer, max_new_tokens, num_beams=1, repetition_penalty=1.0, sampling=None):
    """Answer freely: greedily, with beams, or drawn.

    model: C2SER; prefixes: list of `(length, llm_dim)`, everything before the answer; sampling: a
    `c2ser.inference.chat.SeededSampling` with a seed a row, which draws, or None. Returns one list of token ids an
    utterance, without the end-of-sequence token.
    """
    inputs, mask = pad_left(prefixes)
    llm = causal_lm(model.llm)
    _take_embeddings(llm)
    made = llm.generate(
        inputs_embeds=inputs.to(llm.get_input_embeddings().weight.dtype), attention_mask=mask, do_sample=False,
        max_new_tokens=max_new_tokens, num_beams=num_beams, repetition_penalty=repetition_penalty,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id,
        logits_processor=[sampling] if sampling else None,
    )  # fmt: skip
    end = tokenizer.eos_token_id
    return [ids[: ids.index(end)] if end in ids else ids for ids in made.tolist()]


def _take_embeddings(llm):
    """Let a model generate from embeddings. transformers refuses to where `prepare_inputs_for_generation` does not name
    them, as in Falcon-H1, where they are handed on among the keyword arguments."""
    prepare = type(llm).prepare_inputs_for_generation
    if "inputs_embeds" not in inspect.signature(llm.prepare_inputs_for_generation).parameters:
        llm.prepare_inputs_for_generation = lambda input_ids, inputs_embeds=None, **kwargs: prepare(
            llm, input_ids, inputs_embeds=inputs_embeds, **kwargs
        )


def score_candidates(model, prefixes, candidates):
    """Log-likelihood of every candidate answer after its prefix, float `(batch, candidates)`.

    Arguments as for `token_scores`. What all candidates of an utterance begin with does not count.
    """
    return token_scores(model, prefixes, candidates)[1].sum(2)


@torch.no_grad()
def token_scores(model, prefixes, candidates):
    """`likelihoods.token_scores` of the language model of a C2SER, or of whatever has one as `llm`."""
    return likelihoods.token_scores(model.llm, prefixes, candidates)
