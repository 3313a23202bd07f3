"""Generation and scoring against loops without batches and without a cache."""

import copy
from types import SimpleNamespace

import pytest
import torch

from c2ser.inference.answer_trie import AnswerTrie, search
from c2ser.inference.generation import generate, score_candidates, token_scores
from c2ser.models.likelihoods import pad_left, positions
from tests.builders import randomise
from tests.closeness import assert_rounds_alike, nearly

END = 2


@pytest.fixture(scope="module")
def model(make_c2ser):
    """A language model with large random weights, so that what it says depends on what it is given."""
    model = make_c2ser(llm_conf={"rank": 2})
    return randomise(model, seed=4, scale=0.6)


@pytest.fixture(scope="module")
def precise(model):
    """The same in float64: weights this large make float32 sums of twenty and more differ in the fifth decimal by the order
    of their terms alone. float32 is held to 1e-5 in test_equivalence.py."""
    return copy.deepcopy(model).double()


@pytest.fixture(scope="module")
def prefixes():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(length, 16, generator=generator) for length in (9, 3, 14, 1, 6)]


@torch.no_grad()
def log_probabilities(model, prefix, ids):
    """Log-probability of each of the ids after the prefix and the ids before it, from one pass over everything."""
    embedded = model.llm.get_input_embeddings()(torch.tensor(ids))
    logits = model.llm(inputs_embeds=torch.cat([prefix, embedded])[None], use_cache=False).logits[0]
    likely = logits[len(prefix) - 1 : -1].log_softmax(-1)
    return likely[torch.arange(len(ids)), torch.tensor(ids)]


@torch.no_grad()
def greedy(model, prefix, most, penalty=1.0):
    """Token by token, each from a pass over everything before it."""
    ids = []
    for _ in range(most):
        embedded = model.llm.get_input_embeddings()(torch.tensor(ids, dtype=torch.long))
        logits = model.llm(inputs_embeds=torch.cat([prefix, embedded])[None], use_cache=False).logits[0, -1]
        for token in set(ids):
            logits[token] = logits[token] / penalty if logits[token] > 0 else logits[token] * penalty
        ids.append(int(logits.argmax()))
        if ids[-1] == END:
            return ids[:-1]
    return ids


def test_padding_stands_at_the_left():
    first, second = torch.ones(2, 3), torch.full((4, 3), 2.0)
    padded, mask = pad_left([first, second])
    assert padded[:, :, 0].tolist() == [[0, 0, 1, 1], [2, 2, 2, 2]] and mask.tolist() == [[0, 0, 1, 1], [1, 1, 1, 1]]
    assert positions(mask).tolist() == [[0, 0, 0, 1], [0, 1, 2, 3]]
    holes = torch.tensor([[0, 1, 1, 0, 1]])  # a candidate shorter than the longest, then nothing
    assert positions(holes).tolist() == [[0, 0, 1, 1, 2]]


CANDIDATES = {
    "of different lengths": [[5, 8, 2], [11, 2], [30, 31, 32, 33, 2], [7]],
    "of one token": [[5], [11], [30]],
    "with a shared beginning": [[5, 8, 9, 2], [5, 8, 2], [5, 8, 9, 9, 12, 2]],
    "one the beginning of another": [[5, 8], [5, 8, 2], [5, 8, 2, 2]],
    "the same": [[5, 8, 2], [5, 8, 2]],
    "a single one": [[5, 8, 2]],
}


@pytest.mark.parametrize("candidates", CANDIDATES.values(), ids=CANDIDATES)
def test_scores_are_sums_of_log_probabilities(precise, prefixes, candidates):
    prefixes, shared = [prefix.double() for prefix in prefixes], 0
    while len({tuple(ids[: shared + 1]) for ids in candidates}) == 1 and min(map(len, candidates)) > shared + 1:
        shared += 1
    made = score_candidates(precise, prefixes, [candidates] * len(prefixes))
    assert made.shape == (5, len(candidates))
    for prefix, row in zip(prefixes, made):
        wanted = [float(log_probabilities(precise, prefix, ids)[shared:].sum()) for ids in candidates]
        assert row.tolist() == nearly(wanted)


def test_each_utterance_has_its_own_candidates(precise, prefixes):
    """As in explicit mode, where each candidate continues that utterance's rationale."""
    prefixes = [prefix.double() for prefix in prefixes]
    candidates = [[[token, token + 1, 40, 2], [token, token + 1, 41, 41, 2]] for token in (5, 6, 7)]
    candidates += [[[50, 2], [51, 2]], [[13] * 9 + [60, 2], [13] * 9 + [61, 62, 2]]]
    made = score_candidates(precise, prefixes, candidates)
    for prefix, rows, row, shared in zip(prefixes, candidates, made, (2, 2, 2, 0, 9)):
        wanted = [float(log_probabilities(precise, prefix, ids)[shared:].sum()) for ids in rows]
        assert row.tolist() == nearly(wanted)


def test_scores_do_not_depend_on_the_batch(model, prefixes):
    candidates = CANDIDATES["of different lengths"]
    together = score_candidates(model, prefixes * 4, [candidates] * 20)[:5]
    for prefix, row in zip(prefixes, together):
        alone = score_candidates(model, [prefix], [candidates])
        assert_rounds_alike(alone[0], row)
    assert float((together[0] - together[1]).abs().max()) > 0.01
    turned = score_candidates(model, prefixes[::-1], [candidates[::-1]] * 5)
    assert_rounds_alike(turned.flip(0).flip(1), together)


@torch.no_grad()
def test_scores_are_those_of_whole_passes_padded_at_either_side(model, prefixes):
    """One pass over prefix and answer, batched with padding at the right, and at the left, without a cache."""
    answer = [5, 8, 11, 2]
    embedded = model.llm.get_input_embeddings()(torch.tensor(answer))
    whole = [torch.cat([prefix, embedded]) for prefix in prefixes]
    left, mask = pad_left(whole)
    right = torch.nn.utils.rnn.pad_sequence(whole, batch_first=True)
    lengths = torch.tensor([len(row) for row in whole])
    logits = {
        "left": model.llm(
            inputs_embeds=left, attention_mask=mask, position_ids=positions(mask), use_cache=False
        ).logits,
        "right": model.llm(
            inputs_embeds=right,
            attention_mask=(torch.arange(right.shape[1]) < lengths[:, None]).long(),
            use_cache=False,
        ).logits,
    }
    ids, scores = token_scores(model, prefixes, [[answer, [7, 2]]] * len(prefixes))
    assert ids == [[answer, [7, 2]]] * len(prefixes) and scores.shape == (5, 2, 4)
    assert not scores[:, 1, 2:].any()
    for row, length in enumerate(lengths.tolist()):
        for side, end in (("left", left.shape[1]), ("right", length)):
            likely = logits[side][row, end - len(answer) - 1 : end - 1].log_softmax(-1)
            wanted = likely[torch.arange(len(answer)), torch.tensor(answer)]
            assert_rounds_alike(scores[row, 0], wanted)


@torch.no_grad()
def test_the_grammar_is_that_of_token_by_token_generation(model, prefixes, tokenizer):
    """Against transformers' own generation, allowed to go on with an answer's tokens only."""
    answers = [[5, 8, END], [5, 9, 9, END], [5, 9, 12, 13, END], [11, END], [30, END], [60, END], [90, 8, END]]
    trie = AnswerTrie(answers)

    def allowed(_, made):
        return list(trie.following(tuple(made.tolist()))) or [END]

    ids, scores = token_scores(model, prefixes, [answers] * len(prefixes))
    found = {}
    for beams in (1, 2, 6):
        inputs, mask = pad_left(prefixes)
        made = model.llm.generate(
            inputs_embeds=inputs, attention_mask=mask, max_new_tokens=6, do_sample=False, num_beams=beams,
            length_penalty=0.0, prefix_allowed_tokens_fn=allowed, eos_token_id=END, pad_token_id=END,
        ).tolist()  # fmt: skip
        wanted = [answers.index([*row[: row.index(END)], END]) for row in made]
        found[beams] = [search(rows, likely, beams) for rows, likely in zip(ids, scores)]
        assert found[beams] == wanted
    assert found[6] == scores.sum(2).argmax(1).tolist() and len(set(found[6])) > 1
    assert found[1] != found[6]  # greedy search can be led astray


def test_scores_in_bfloat16_are_close(make_c2ser, prefixes):
    model = randomise(make_c2ser(llm_conf={"rank": 2}), seed=4, scale=0.3)
    candidates = [CANDIDATES["of different lengths"]] * len(prefixes)
    exact = score_candidates(model, prefixes, candidates)
    model.llm.to(torch.bfloat16)
    rounded = score_candidates(model, prefixes, candidates)
    assert rounded.dtype == torch.float32 and not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, atol=0.5, rtol=0.05)


@pytest.mark.parametrize("penalty", [1.0, 1.5])
def test_generation_is_greedy(model, prefixes, tokenizer, penalty):
    wanted = [greedy(model, prefix, 12, penalty) for prefix in prefixes]
    assert len({tuple(ids) for ids in wanted}) > 2
    assert generate(model, prefixes, tokenizer, 12, repetition_penalty=penalty) == wanted


@pytest.mark.parametrize("options", [{}, {"num_beams": 4}, {"num_beams": 3, "repetition_penalty": 1.3}])
def test_generation_does_not_depend_on_the_batch(model, prefixes, tokenizer, options):
    together = generate(model, prefixes, tokenizer, 10, **options)
    assert together == [generate(model, [prefix], tokenizer, 10, **options)[0] for prefix in prefixes]
    assert together[::-1] == generate(model, prefixes[::-1], tokenizer, 10, **options)


def test_answers_stop_at_their_end(model, prefixes):
    """Answers of one batch end at different places; what is generated after an end is not part of the answer."""
    free = [greedy(model, prefix, 12) for prefix in prefixes]
    end = free[0][4]  # let this token be the end of sequence
    made = generate(model, prefixes, SimpleNamespace(eos_token_id=end), 12)
    assert made == [ids[: ids.index(end)] if end in ids else ids for ids in free]
    assert len({len(ids) for ids in made}) > 1


@torch.no_grad()
def test_with_enough_beams_the_best_of_all_answers_is_found(precise, tokenizer):
    """Against the enumeration of every answer of at most two tokens, by the mean log-probability that transformers
    compares finished and cut answers by."""
    embed = precise.llm.get_input_embeddings()
    for seed in range(4):
        prefix = torch.randn(5, 16, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        first = precise.llm(inputs_embeds=prefix[None]).logits[0, -1].log_softmax(-1)
        found = {(END,): float(first[END])}
        for token in range(len(first)):
            if token != END:
                inputs = torch.cat([prefix, embed(torch.tensor([token]))])
                second = precise.llm(inputs_embeds=inputs[None]).logits[0, -1].log_softmax(-1)
                found |= {(token, other): float(first[token] + second[other]) / 2 for other in range(len(second))}
        best = max(found, key=found.get)
        made = generate(precise, [prefix], tokenizer, 2, num_beams=len(first))[0]
        assert tuple(made) == tuple(token for token in best if token != END)


def test_beams_find_what_is_at_least_as_likely(model, prefixes, tokenizer):
    for prefix in prefixes:
        greedily, beams = (generate(model, [prefix], tokenizer, 4, num_beams=count)[0] for count in (1, 5))
        first, second = (float(log_probabilities(model, prefix, ids).sum()) for ids in (greedily, beams))
        assert len(greedily) == len(beams) == 4 and second >= first - 1e-5
