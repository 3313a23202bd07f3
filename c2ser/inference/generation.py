"""Generating answers and scoring candidate answers with the language model, in batches of unequal prefixes."""

import torch


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


@torch.no_grad()
def generate(model, prefixes, tokenizer, max_new_tokens, num_beams=1, repetition_penalty=1.0):
    """Answer freely: greedily, or with beams.

    model: C2SER; prefixes: list of `(length, llm_dim)`, everything before the answer. Returns one list of token ids an
    utterance, without the end-of-sequence token.
    """
    inputs, mask = pad_left(prefixes)
    made = model.llm.generate(
        inputs_embeds=inputs.to(model.llm.get_input_embeddings().weight.dtype), attention_mask=mask, do_sample=False,
        max_new_tokens=max_new_tokens, num_beams=num_beams, repetition_penalty=repetition_penalty,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    end = tokenizer.eos_token_id
    return [ids[: ids.index(end)] if end in ids else ids for ids in made.tolist()]


def score_candidates(model, prefixes, candidates):
    """Log-likelihood of every candidate answer after its prefix, float `(batch, candidates)`.

    Arguments as for `token_scores`. What all candidates of an utterance begin with does not count.
    """
    return token_scores(model, prefixes, candidates)[1].sum(2)


@torch.no_grad()
def token_scores(model, prefixes, candidates):
    """Log-probability of every token of every candidate answer, given its prefix and the tokens before it.

    prefixes: list of `(length, llm_dim)`; candidates: for each utterance the same number of lists of token ids. The
    prefix is run once, its keys and values shared by the candidates; the token ids that all candidates of an utterance
    begin with count as part of the prefix, since they cannot tell one from another. Returns the token ids without
    that beginning, as lists, and float32 `(batch, candidates, tokens)`, 0 behind a candidate's end.
    """
    embed, head, decoder = model.llm.get_input_embeddings(), model.llm.get_output_embeddings(), model.decoder()
    prefixes, rests = zip(*(_share_beginning(prefix, rows, embed) for prefix, rows in zip(prefixes, candidates)))
    count = len(rests[0])
    inputs, mask = pad_left(prefixes)
    inputs = inputs.to(embed.weight.dtype)
    prefix = decoder(inputs_embeds=inputs, attention_mask=mask, position_ids=positions(mask), use_cache=True)
    first = head(prefix.last_hidden_state[:, -1]).float().log_softmax(-1).repeat_interleave(count, 0)

    ids = [torch.tensor(rest, device=inputs.device) for rows in rests for rest in rows]
    ids = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=-1)
    scores = first.gather(1, ids[:, :1])
    if ids.shape[1] > 1:
        cache = prefix.past_key_values
        cache.batch_repeat_interleave(count)
        known = (ids[:, :-1] >= 0).long()
        mask = torch.cat([mask.repeat_interleave(count, 0), known], dim=1)
        later = decoder(
            inputs_embeds=embed(ids[:, :-1].clamp_min(0)), attention_mask=mask,
            position_ids=positions(mask)[:, -known.shape[1] :], past_key_values=cache, use_cache=True,
        ).last_hidden_state  # fmt: skip
        wanted = ids[:, 1:]
        likely = head(later).float().log_softmax(-1).gather(2, wanted.clamp_min(0)[:, :, None])[:, :, 0]
        scores = torch.cat([scores, likely * (wanted >= 0)], dim=1)
    return list(rests), scores.view(len(prefixes), count, -1)


def _share_beginning(prefix, candidates, embed):
    """Move the token ids that all candidates begin with to the end of the prefix; each keeps at least one."""
    shared = 0
    while all(len(ids) > shared + 1 and ids[shared] == candidates[0][shared] for ids in candidates):
        shared += 1
    if shared:
        beginning = embed(torch.tensor(candidates[0][:shared], device=prefix.device)).to(prefix.dtype)
        prefix = torch.cat([prefix, beginning])
    return prefix, [ids[shared:] for ids in candidates]
