"""Logits of a causal language model where they are wanted, and the likelihoods of candidate answers, with gradient.

What training, distillation, label scoring, the grammar and streaming know of a language model's probabilities, they have
from here.
"""

import copy

import torch

from c2ser.models.language_model import causal_lm

ROWS = 32
"""In how many rows candidates are scored at a time, or one of every utterance: so many copies of a prefix's cache are
held, however many classes and languages there are."""

TOKEN_BY_TOKEN = ("jamba",)
"""Families whose states several tokens at once would not go on from (transformers 5.17 drops them there)."""


def logits_at(llm, places, **inputs):
    """Logits of a causal LM at some places of a batch, and its cache.

    They are those of its own forward pass: many families scale or cap what their output layer gives (Granite, Cohere,
    Gemma 2). That layer is given the wanted places alone, for the vocabulary is wide. places: bool `(batch, length)`;
    inputs: what the forward pass takes. Returns float32 (of a float64 model float64) `(wanted places, vocabulary)` in
    the order of `places.nonzero()`, and the cache, None without `use_cache`.
    """
    hook = llm.get_output_embeddings().register_forward_pre_hook(lambda head, given: given[0][places][None])
    try:
        made = causal_lm(llm)(**inputs)
    finally:
        hook.remove()
    logits = made.logits[0]
    return logits.to(torch.promote_types(logits.dtype, torch.float32)), getattr(made, "past_key_values", None)


def likelihoods_at(llm, ids, places, **inputs):
    """Log-probability of one token at each of some places of a batch, and the cache.

    ids: int `(batch, length)`, the token that is to come after each place; places, inputs: as for `logits_at`. Returns
    `(batch, length)`, 0 where no place is wanted, and the cache.
    """
    logits, cache = logits_at(llm, places, **inputs)
    likely = logits.log_softmax(-1).gather(1, ids[places][:, None])[:, 0]
    return likely.new_zeros(ids.shape).masked_scatter(places, likely), cache


def repeated(cache, rows):
    """A cache whose rows are those of another one: `rows`, int, says which.

    The other one stays as it is, and serves again. It is asked to reorder itself, which the caches of all families can,
    those with the states of linear attention included, and which may make more rows of few.
    """
    made = copy.copy(cache)
    made.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in made.layers:  # states of linear attention stand in dicts
        vars(layer).update({name: dict(value) for name, value in vars(layer).items() if isinstance(value, dict)})
    made.reorder_cache(rows)
    return made


def pad_left(prefixes):
    """List of `(length, dim)` → `(batch, longest, dim)` with zeros at the left, and the attention mask, int."""
    longest = max(len(prefix) for prefix in prefixes)
    padded = prefixes[0].new_zeros(len(prefixes), longest, prefixes[0].shape[1])
    mask = torch.zeros(len(prefixes), longest, dtype=torch.long, device=padded.device)
    for row, prefix in enumerate(prefixes):
        padded[row, longest - len(prefix) :] = prefix
        mask[row, longest - len(prefix) :] = 1
    return padded, mask


def positions(mask):
    """Attention mask int `(batch, length)` → each token's place in its own sequence, int `(batch, length)`."""
    return (mask.cumsum(1) - 1).clamp_min(0)


def token_scores(llm, prefixes, candidates):
    """Log-probability of every token of every candidate answer, given its prefix and the tokens before it.

    prefixes: list of `(length, llm_dim)`; candidates: for each utterance the same number of lists of token ids. The
    prefix is run once, its keys and values shared by the candidates; the token ids that all candidates of an utterance
    begin with count as part of the prefix, since they cannot tell one from another. Candidates are run `ROWS` rows at a
    time, of all utterances together. Returns the token ids without that beginning, as lists, and float32 (of a float64
    model float64) `(batch, candidates, tokens)`, 0 behind a candidate's end.
    """
    embed = llm.get_input_embeddings()
    prefixes, rests = zip(*(_share_beginning(prefix, rows, embed) for prefix, rows in zip(prefixes, candidates)))
    batch, count = len(prefixes), len(rests[0])
    inputs, mask = pad_left(prefixes)
    last = torch.zeros_like(mask, dtype=torch.bool)
    last[:, -1] = True
    first, cache = logits_at(
        llm, last, inputs_embeds=inputs.to(embed.weight.dtype), attention_mask=mask, position_ids=positions(mask),
        use_cache=True,
    )  # fmt: skip

    ids = [torch.tensor(rest, device=inputs.device) for rows in rests for rest in rows]
    ids = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=-1).view(batch, count, -1)
    scores = [first.log_softmax(-1).gather(1, ids[:, :, 0])[:, :, None]]
    if ids.shape[2] > 1:
        size = max(1, ROWS // batch)
        parts = [_later_scores(llm, embed, cache, mask, ids[:, at : at + size]) for at in range(0, count, size)]
        scores.append(torch.cat(parts, dim=1))
    return list(rests), torch.cat(scores, dim=2)


def _later_scores(llm, embed, cache, mask, ids):
    """Log-probabilities of all tokens but the first of some candidates, int `(batch, candidates, tokens)`, −1 behind
    their ends, after prefixes with that cache and attention mask. Returns `(batch, candidates, tokens − 1)`."""
    batch, count, length = ids.shape
    ids = ids.flatten(0, 1)
    rows = torch.arange(batch, device=ids.device).repeat_interleave(count)
    cache, mask, scores = repeated(cache, rows), mask[rows], []
    step = 1 if causal_lm(llm).config.model_type in TOKEN_BY_TOKEN else length - 1
    for place in range(0, length - 1, step):
        given, wanted = ids[:, place : place + step], ids[:, place + 1 : place + 1 + step]
        mask = torch.cat([mask, (given >= 0).long()], dim=1)
        likely, cache = likelihoods_at(
            llm, wanted, wanted >= 0, inputs_embeds=embed(given.clamp_min(0)), attention_mask=mask,
            position_ids=positions(mask)[:, -step:], past_key_values=cache, use_cache=True,
        )  # fmt: skip
        scores.append(likely)
    return torch.cat(scores, dim=1).view(batch, count, length - 1)


def _share_beginning(prefix, candidates, embed):
    """Move the token ids that all candidates begin with to the end of the prefix; each keeps at least one."""
    shared = 0
    while all(len(ids) > shared + 1 and ids[shared] == candidates[0][shared] for ids in candidates):
        shared += 1
    if shared:
        beginning = embed(torch.tensor(candidates[0][:shared], device=prefix.device)).to(prefix.dtype)
        prefix = torch.cat([prefix, beginning])
    return prefix, [ids[shared:] for ids in candidates]
