"""Alone or sixteen at once, padded at the left or at the right, with a cache or without: the same answers.

Of two families of language models, both with fewer heads of keys than of queries, as the pretrained ones have.
"""

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoConfig, AutoModelForCausalLM

from c2ser.inference.generation import generate, token_scores
from c2ser.models.c2ser import C2SER
from c2ser.models.language_model import with_adapters
from c2ser.models.likelihoods import pad_left, positions
from tests.builders import randomise
from tests.closeness import assert_rounds_alike

BATCH, LENGTH, END = 16, 8, 2
PROMPT = [7, 9, 30, 31]
CANDIDATES = [[5, 8, END], [5, 9, 9, 12, END], [11, END], [30, 31, 8, END]]
SIZE = {
    "vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "tie_word_embeddings": False,
}  # fmt: skip


class Tokenizer:
    eos_token_id = END


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def model(request):
    """A C2SER that hears emotion tokens, whose language model says much that depends on what it hears."""
    torch.manual_seed(0)
    llm = AutoModelForCausalLM.from_config(AutoConfig.for_model(request.param, **SIZE), dtype=torch.float32)
    llm = with_adapters(llm.requires_grad_(False), request.param, 2, ("q_proj", "down_proj"))
    prompts = dict.fromkeys(("explicit", "implicit"), (PROMPT, [4]))
    model = C2SER(None, llm, prompts, emotion_dim=8, connector={"dim": 16, "depth": 1, "heads": 2, "feedforward": 32})
    return randomise(model, seed=1, scale=0.25).eval()


@pytest.fixture(scope="module")
def prefixes(model):
    """Sixteen, each of another length: a prompt in common, then what was heard."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.arange(1, BATCH + 1)
    with torch.no_grad():
        heard = model.connector(torch.randn(BATCH, BATCH, 16, generator=generator), lengths)
        return model.prefixes("implicit", heard, lengths)


def logits_of(model, rows, side):
    """Logits of the last place of each of the rows `(length, dim)`, in one pass over all without a cache."""
    if side == "left":
        padded, mask = pad_left(rows)
        return model.llm(
            inputs_embeds=padded, attention_mask=mask, position_ids=positions(mask), use_cache=False
        ).logits[:, -1]
    lengths = torch.tensor([len(row) for row in rows])
    mask = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
    logits = model.llm(inputs_embeds=pad_sequence(rows, True), attention_mask=mask, use_cache=False).logits
    return logits[torch.arange(len(rows)), lengths - 1]


@torch.no_grad()
def without_cache(model, rows, size, side, ids=None):
    """Go on from every row, in batches of `size`, each token from a pass over all before it.

    ids: one list of tokens a row, whose log-probabilities are returned; None: the greedy tokens are, without the end.
    """
    embed, made = model.llm.get_input_embeddings(), []
    for first in range(0, len(rows), size):
        batch = [row.clone() for row in rows[first : first + size]]
        wanted = None if ids is None else ids[first : first + size]
        steps = []
        for place in range(LENGTH if ids is None else len(ids[0])):
            likely = logits_of(model, batch, side).log_softmax(-1)
            chosen = likely.argmax(-1) if ids is None else torch.tensor([row[place] for row in wanted])
            steps.append(chosen if ids is None else likely.gather(1, chosen[:, None])[:, 0])
            batch = [torch.cat([row, embed(token)[None]]) for row, token in zip(batch, chosen)]
        made.extend(torch.stack(steps, dim=1).tolist())
    if ids is not None:
        return torch.tensor(made)
    return [row[: row.index(END)] if END in row else row for row in made]


WAYS = [(1, "left"), (1, "right"), (BATCH, "left"), (BATCH, "right")]


@pytest.mark.parametrize(("size", "side"), WAYS)
def test_likelihoods(model, prefixes, size, side):
    """Those of label scoring, sixteen at once from a shared cache, are those of whole passes of any layout."""
    ids, scores = token_scores(model, prefixes, [CANDIDATES] * BATCH)
    assert ids[0] == CANDIDATES and scores.std(0)[:, 0].min() > 0.01  # what is heard tells
    for place, candidate in enumerate(CANDIDATES):
        wanted = without_cache(model, prefixes, size, side, [candidate] * BATCH)
        assert_rounds_alike(scores[:, place, : len(candidate)], wanted)


def test_posteriors_alone_and_together(model, prefixes):
    together = token_scores(model, prefixes, [CANDIDATES] * BATCH)[1].sum(2).softmax(1)
    alone = torch.cat([token_scores(model, [prefix], [CANDIDATES])[1].sum(2).softmax(1) for prefix in prefixes])
    assert_rounds_alike(alone, together)
    assert len({tuple(row) for row in together.mul(1e4).round().tolist()}) == BATCH


@pytest.mark.parametrize(("size", "side"), WAYS)
def test_generated_ids(model, prefixes, size, side):
    made = generate(model, prefixes, Tokenizer, LENGTH)
    assert made == without_cache(model, prefixes, size, side)
    assert len({tuple(ids) for ids in made}) > 3


@pytest.mark.parametrize("beams", [1, 4])
def test_generated_ids_alone_and_together(model, prefixes, beams):
    together = generate(model, prefixes, Tokenizer, LENGTH, num_beams=beams)
    assert together == [generate(model, [prefix], Tokenizer, LENGTH, num_beams=beams)[0] for prefix in prefixes]
