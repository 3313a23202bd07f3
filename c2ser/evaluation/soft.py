"""Scores against the votes of several annotators instead of one label (table utt2votes: `utt angry:2 sad:1`).

An utterance's votes make a distribution q over the classes: its votes divided by their sum.

Of answers, and so for every system (an invalid answer agrees with nobody):

- `any_vote`: share of utterances whose answer at least one annotator gave;
- `vote_share`: mean of q(answer), the share of annotators that an answer agrees with. It is below 1 even for the best
  system where annotators differ: then `vote_share_limit`, the mean of max q, is the most that can be had;
- `macro_f1`: mean F1 over the classes with votes, from soft counts: an utterance adds q to its row of classes. With one
  vote an utterance it is the macro-F1 of labels.

Of posteriors p, where there are any, as means over utterances (Kullback and Leibler 1951; Lin 1991):

- `cross_entropy`: −Σ q log p, in nats; `entropy`: −Σ q log q, its least value; `kl`: the difference of the two;
- `js`: Jensen–Shannon divergence, base 2, from 0 to 1.

These compare over the classes of the posteriors: votes for other classes are left out of them and counted, and so are
utterances that have no others. In logarithms p is at least `FLOOR`, about what posteriors are written to, so that one
vote for a class that a system rules out stays finite.
"""

import numpy as np

from c2ser.evaluation import metrics
from c2ser.evaluation.metrics import INVALID
from c2ser.evaluation.predictions import label_order

FLOOR = 1e-6


def soft_scores(sets):
    """Soft-label scores of `PredictedSet`s, pooled; None where no set has votes.

    Returns:
        A dict that JSON can hold: `n` (utterances with votes), `without_votes` (those without), `unused_votes`
        (utterances with votes that are not scored), `any_vote`, `vote_share`, `vote_share_limit`, `macro_f1`,
        `per_class` (label → `votes`, the sum of its shares, and `f1`), and `distribution`: None where a set with votes
        has no posteriors, else `n`, `left_out` (utterances), `votes_left_out` (share of all), `floor`,
        `cross_entropy`, `entropy`, `kl`, `js`; these four are None where n is 0. None of all this has an interval.
    """
    if all(one.votes is None for one in sets):
        return None
    voted = [(one, *_with_votes(one)) for one in sets if one.votes is not None]
    shares = [row for _, _, rows in voted for row in rows]
    answers = [one.predicted[i] for one, places, _ in voted for i in places]
    scores = {
        "n": len(shares),
        "without_votes": sum(len(one) for one in sets) - len(shares),
        "unused_votes": sum(len(one.votes) - len(places) for one, places, _ in voted),
    }
    if not shares:
        return {**scores, **dict.fromkeys(("any_vote", "vote_share", "vote_share_limit", "macro_f1")),
                "per_class": {}, "distribution": None}  # fmt: skip
    labels = label_order(answers, *shares)
    counts = soft_confusion(shares, answers, labels)
    f1 = metrics.f1(counts)
    return {
        **scores,
        "any_vote": float(np.mean([row.get(answer, 0) > 0 for row, answer in zip(shares, answers)])),
        "vote_share": float(metrics.wa(counts)),
        "vote_share_limit": float(np.mean([max(row.values()) for row in shares])),
        "macro_f1": float(metrics.macro_f1(counts)),
        "per_class": {
            label: {"votes": float(votes), "f1": float(value) if votes else None}
            for label, votes, value in zip(labels, metrics.support(counts), f1)
        },
        "distribution": _distribution(voted),
    }


def soft_confusion(shares, answers, labels):
    """Confusion counts whose rows are shared out among an utterance's voted classes.

    Args:
        shares: for each utterance a dict label → share of its votes, which sum to 1.
        answers: the label answered to each, or `INVALID`.
        labels: the classes, in the order of rows and columns.
    Returns:
        float array `(classes, classes + 1)`, as `metrics` takes it; the last column holds invalid answers.
    """
    row = {label: i for i, label in enumerate(labels)}
    column = {**row, INVALID: len(row)}
    counts = np.zeros((len(row), len(row) + 1))
    for votes, answer in zip(shares, answers):
        for label, share in votes.items():
            counts[row[label], column[answer]] += share
    return counts


def divergences(target, posteriors):
    """Cross-entropy, entropy and KL divergence in nats and JS divergence in bits, each `(utterances,)`.

    target, posteriors: float arrays `(utterances, classes)` whose rows sum to 1.
    """
    logs = np.log(np.maximum(posteriors, FLOOR))
    cross_entropy, entropy = -(target * logs).sum(axis=1), -_xlogx(target).sum(axis=1)
    middle = (target + posteriors) / 2
    js = (_xlogx(target) + _xlogx(posteriors)).sum(axis=1) / 2 - _xlogx(middle).sum(axis=1)
    return cross_entropy, entropy, cross_entropy - entropy, js / np.log(2)


def soft_rows(scores):
    """A table of soft-label scores for `results.format_table`; [] where no system has any. scores: name → score."""
    rows = [["Against votes", "n", "any vote %", "vote share %", "soft macro-F1 %", "cross-entropy", "KL", "JS"]]
    for name, score in scores.items():
        soft = score["soft"]
        if soft is None or not soft["n"]:
            continue
        shares = [f"{100 * soft[key]:.1f}" for key in ("any_vote", "vote_share", "macro_f1")]
        found = soft["distribution"] or {}
        nats = [f"{found[key]:.3f}" if found.get("n") else "–" for key in ("cross_entropy", "kl", "js")]
        rows.append([name, str(soft["n"]), *shares, *nats])
    return rows if len(rows) > 1 else []


def _with_votes(one):
    """The places of a set's utterances that have votes, and their votes as shares: dicts label → share."""
    places = [i for i, utterance in enumerate(one.utterances) if utterance in one.votes]
    votes = [one.votes[one.utterances[i]] for i in places]
    return places, [{label: number / sum(row.values()) for label, number in row.items()} for row in votes]


def _distribution(voted):
    if any(one.posteriors is None for one, _, _ in voted):
        return None
    parts, left_out, votes_left_out, total = [], 0, 0.0, 0
    for one, places, shares in voted:
        target = np.array([[row.get(label, 0.0) for label in one.classes] for row in shares])
        target = target.reshape(len(places), len(one.classes))
        kept = target.sum(axis=1)
        some = kept > 0
        total, left_out = total + len(places), left_out + int((~some).sum())
        votes_left_out += float((1 - kept).sum())
        posteriors = one.posteriors[places][some]
        posteriors = posteriors / posteriors.sum(axis=1, keepdims=True)  # they were rounded when written
        parts.append(np.stack(divergences(target[some] / kept[some, None], posteriors)))
    found = np.concatenate(parts, axis=1)
    count = found.shape[1]
    means = [float(value) for value in found.mean(axis=1)] if count else [None] * len(found)
    return {
        "n": count,
        "left_out": left_out,
        "votes_left_out": max(0.0, votes_left_out / total) if total else 0.0,
        "floor": FLOOR,
        **dict(zip(("cross_entropy", "entropy", "kl", "js"), means)),
    }


def _xlogx(values):
    """x log x, 0 for 0."""
    return values * np.log(np.where(values > 0, values, 1))
