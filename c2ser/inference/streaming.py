"""Greedy generation of one answer, token by token, for whoever wants to watch."""

import torch

from c2ser.models.likelihoods import logits_at


@torch.no_grad()
def stream_tokens(model, prefix, tokenizer, max_new_tokens, repetition_penalty=1.0):
    """Yield the token ids of an answer, each as soon as it is there; those that `generation.generate` gives.

    model: C2SER; prefix: `(length, llm_dim)`, everything before the answer. Ends before the end-of-sequence token. A
    caller that has seen enough just stops asking.
    """
    from transformers import RepetitionPenaltyLogitsProcessor

    embed = model.llm.get_input_embeddings()
    penalise = RepetitionPenaltyLogitsProcessor(float(repetition_penalty))
    given, cache = prefix[None].to(embed.weight.dtype), None
    made = torch.zeros(1, 0, dtype=torch.long, device=prefix.device)
    for _ in range(max_new_tokens):
        last = torch.arange(given.shape[1], device=given.device)[None] == given.shape[1] - 1
        logits, cache = logits_at(model.llm, last, inputs_embeds=given, past_key_values=cache, use_cache=True)
        scores = penalise(made, logits)
        token = scores.argmax(-1, keepdim=True)
        if token.item() == tokenizer.eos_token_id:
            return
        yield token.item()
        made, given = torch.cat([made, token], dim=1), embed(token)


def whole_characters(text):
    """Text without the replacement characters at its end that stand for a character of which not all bytes are there."""
    return text.rstrip("\N{REPLACEMENT CHARACTER}")
