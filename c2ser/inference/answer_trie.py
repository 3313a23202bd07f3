"""Generation that can only end in one of some answers: a trie of their token ids, and a search along it.

A class that does not exist cannot be named, since at every place only tokens that continue an answer are allowed. The
answers are few and short, so the language model runs over all of them at once (`generation.token_scores`) and the
search needs it no more: what it finds is what generating token by token under the same restriction would give.
"""


class AnswerTrie:
    """Which token may follow which beginning of an answer.

    answers: lists of token ids, each ended by the end-of-sequence token. Raises ValueError where two are the same or
    one is the beginning of another.
    """

    def __init__(self, answers):
        self._ends = {tuple(ids): index for index, ids in enumerate(answers)}
        self._next = {}
        for index, ids in enumerate(answers):
            for place, token in enumerate(ids):
                self._next.setdefault(tuple(ids[:place]), {}).setdefault(token, index)
        if len(self._ends) < len(answers) or any(ids in self._next for ids in self._ends):
            raise ValueError("two answers are the same, or one is the beginning of another")

    def following(self, beginning):
        """Token id → index of an answer that goes on with it, for a tuple of token ids; {} at the end of an answer."""
        return self._next.get(beginning, {})

    def end(self, beginning):
        """Index of the answer that a tuple of token ids is, or None."""
        return self._ends.get(beginning)


def search(answers, scores, num_beams=1):
    """Index of the answer that constrained generation gives, greedily or with beams.

    answers: lists of token ids as for `AnswerTrie`; scores: for each answer the log-probability of each of its tokens,
    given those before. Beams compare sums of log-probabilities, not divided by length; with as many beams as answers
    the most likely answer is found. In a tie the shorter answer wins, then the earlier.
    """
    trie = AnswerTrie(answers)
    running, best = [((), 0.0)], (None, float("-inf"))
    while running:
        grown = [
            ((*beginning, token), score + float(scores[index][len(beginning)]))
            for beginning, score in running
            for token, index in trie.following(beginning).items()
        ]
        grown.sort(key=lambda entry: -entry[1])
        for beginning, score in grown[:num_beams]:
            if trie.end(beginning) is not None and score > best[1]:
                best = trie.end(beginning), score
        running = [entry for entry in grown if trie.end(entry[0]) is None and entry[1] > best[1]][:num_beams]
    return best[0]
