"""The trie of answers and the search along it, by hand; tests/inference/test_generation.py compares with generation."""

import pytest

from c2ser.inference.answer_trie import AnswerTrie, search

END = 9
ANSWERS = [[1, 2, END], [1, 3, END], [4, END]]


def test_only_answers_can_be_continued():
    trie = AnswerTrie(ANSWERS)
    assert list(trie.following(())) == [1, 4]
    assert trie.following((1,)) == {2: 0, 3: 1} and trie.following((4,)) == {END: 2}
    assert trie.following((2,)) == trie.following((1, 2, END)) == {}
    assert [trie.end(tuple(ids)) for ids in ANSWERS] == [0, 1, 2]
    assert trie.end((1, 2)) is None


@pytest.mark.parametrize("answers", [[[1, END], [1, END]], [[1], [1, END]]])
def test_answers_must_be_told_apart(answers):
    with pytest.raises(ValueError, match="the same, or one is the beginning"):
        AnswerTrie(answers)


def test_greedy_search_takes_the_best_token_and_beams_the_best_answer():
    scores = [[-0.5, -1.0, -1.0], [-0.5, -1.5, 0.0], [-0.9, -0.2, 0.0]]  # sums −2.5, −2.0, −1.1
    assert search(ANSWERS, scores, 1) == 0
    assert search(ANSWERS, scores, 2) == search(ANSWERS, scores, 3) == 2


def test_what_leaves_the_beam_is_gone():
    """Greedily, 2 is better than the end after 1, however bad what must follow it."""
    answers, scores = [[1, 2, END], [1, END]], [[-1.0, -0.5, -3.0], [-1.0, -0.6, 0.0]]
    assert search(answers, scores, 1) == 0 and search(answers, scores, 2) == 1


def test_length_is_not_rewarded():
    scores = [[-0.1, -0.1, -0.1], [-0.1, -5.0, 0.0], [-0.2, -0.05, 0.0]]  # sums −0.3, −5.1, −0.25
    assert search(ANSWERS, scores, 3) == 2


def test_ties():
    assert search(ANSWERS, [[-1.0, 0.0, 0.0]] * 3, 3) == 2
    assert search(ANSWERS, [[-1.0, 0.0, 0.0]] * 2 + [[-2.0, 0.0, 0.0]], 3) == 0
    assert search([[5, END]], [[-3.0, 0.0]]) == 0
