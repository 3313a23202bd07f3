"""Which tokens of an answer name its class."""

import torch


def verdict_tokens(answers, verdicts, classes, order="last"):
    """Which tokens of each answer name its class: bool `(batch, tokens)`.

    answers, verdicts: int `(batch, tokens)`, padded with −1: the long answers, and the same in short; classes: for every
    language its classes' short answers, lists of ids. They are where a long answer ends as the short one does, less what
    the short answers of that language all begin or end with ("Emotion:", the full stop), which is given with any class.
    In context a tokenizer may join the verdict's first token to what stands before it: hence the longest common end, and
    not a fixed number of tokens. With order "first" they are where it begins as the short one does.
    """
    found = torch.zeros_like(answers, dtype=torch.bool)
    for row, (answer, verdict) in enumerate(zip(unpadded(answers), unpadded(verdicts))):
        same = _alike([answer[::-1], verdict[::-1]])
        beginning, language = max(((_alike([verdict, *names]), names) for names in classes), key=lambda found: found[0])
        ending = _alike([names[::-1] for names in (verdict, *language)])
        ending = min(ending, min(map(len, language)) - beginning - 1)  # a class keeps a token at least
        if order == "first":
            found[row, beginning : min(_alike([answer, verdict]), len(verdict) - ending)] = True
            continue
        first = len(answer) - min(same, len(verdict) - beginning)
        found[row, first : len(answer) - ending] = True
    return found


def _alike(rows):
    """How many ids all rows, lists, begin with."""
    count = 0
    for ids in zip(*rows):
        if len(set(ids)) > 1:
            break
        count += 1
    return count


def unpadded(rows):
    """int `(rows, tokens)`, padded with −1, as lists of ids."""
    return [[token for token in row if token >= 0] for row in rows.tolist()]
