"""Label scoring: probabilities of the language model's own forward pass, whatever else is in the batch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from c2ser.inference.calibration import Correction
from c2ser.models.likelihoods import token_scores
from tests.builders import randomise
from tests.properties.strategies import FEWER

VOCABULARY = 7
END = 0


@pytest.fixture(scope="module")
def llm():
    """A random language model of two layers in float64."""
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    return randomise(LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, **sizes)), 1, 0.4).double().eval()


def by_hand(llm, prefix, answer):
    """Σ log p of an answer's tokens after a prefix `(length, width)`: one sequence alone, no cache, no padding."""
    embedded = torch.cat([prefix, llm.get_input_embeddings()(torch.tensor(answer))])[None]
    logits = llm(inputs_embeds=embedded, use_cache=False).logits[0]
    rows = logits[len(prefix) - 1 : len(prefix) - 1 + len(answer)].log_softmax(-1)
    return float(sum(row[token] for row, token in zip(rows, answer)))


ANSWERS = st.lists(st.lists(st.integers(1, VOCABULARY - 1), max_size=3), min_size=2, max_size=4, unique_by=tuple)
"""Candidate answers before their end, of which one may be the beginning of another."""


def prefixes(llm, lengths, seed):
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(length, 8, generator=random, dtype=torch.float64) for length in lengths]


def summed(llm, heard, candidates):
    """Σ log p, `(utterances, candidates)`: what all have in common, the shared beginning, may be left out."""
    return token_scores(llm, heard, candidates)[1].sum(2).numpy()


@torch.no_grad()
@FEWER
@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), ANSWERS, st.data())
def test_posteriors_are_those_of_single_unpadded_sequences(llm, lengths, answers, data):
    """For any lengths, batch, order of utterances and of labels; each row sums to one."""
    answers = [[*answer, END] for answer in answers]
    heard = prefixes(llm, lengths, data.draw(st.integers(0, 9)))
    made = Correction()(summed(llm, heard, [answers] * len(heard)))
    exact = np.array([[by_hand(llm, prefix, answer) for answer in answers] for prefix in heard])
    wanted = np.exp(exact) / np.exp(exact).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made, wanted, rtol=1e-9)
    np.testing.assert_allclose(made.sum(axis=1), 1, rtol=1e-12)

    order = data.draw(st.permutations(range(len(answers))))
    rows = data.draw(st.permutations(range(len(heard))))
    again = Correction()(summed(llm, [heard[row] for row in rows], [[answers[one] for one in order]] * len(heard)))
    np.testing.assert_allclose(again, made[np.ix_(rows, order)], rtol=1e-9)


SCORES = st.lists(st.lists(st.floats(-50, 0), min_size=3, max_size=3), min_size=1, max_size=4)


@given(SCORES, st.floats(0.2, 5), st.floats(0, 2), st.permutations(range(3)))
def test_corrected_posteriors_sum_to_one_in_any_order_of_labels(scores, temperature, strength, order):
    """q ∝ p^(1/T) / prior^strength, from the definition."""
    prior = np.array([0.5, 0.3, 0.2])
    made = Correction(temperature, "train", strength, tuple(prior))(scores)
    p = np.exp(np.array(scores)) / np.exp(np.array(scores)).sum(axis=1, keepdims=True)
    wanted = p ** (1 / temperature) / prior**strength
    np.testing.assert_allclose(made, wanted / wanted.sum(axis=1, keepdims=True), rtol=1e-7, atol=1e-300)
    np.testing.assert_allclose(made.sum(axis=1), 1, rtol=1e-12)
    moved = Correction(temperature, "train", strength, tuple(prior[list(order)]))(np.array(scores)[:, order])
    np.testing.assert_allclose(moved, made[:, order], rtol=1e-12)
