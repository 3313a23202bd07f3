"""L_cate: the category-level contrastive loss of Emotion2Vec-S (paper, section III-B)."""

import torch
import torch.nn.functional as F


def category_contrastive(embeddings, labels, temperature, others=None):
    """Pull utterances of one emotion together and push the others away, CLIP-like, over a batch.

    embeddings: float `(items, dim)`, compared by cosine; labels: int `(items,)`, negative where unlabelled;
    temperature: divides the cosines (open in the paper; a configuration key here), a number or a tensor.

    Without `others`, for every labelled item that shares its label with another, minus the mean log probability that a
    softmax over all other labelled items gives to those of its own class (supervised contrastive, Khosla et al., 2020);
    the mean over such items. With `others`, a second embedding of the same items `(items, dim)`, the two are compared
    with each other as CLIP compares images with texts: the same mean for every row of the first against all of the
    second, and the other way round, averaged; an item's own second embedding is one of its positives.

    Returns the loss, computed in float32 or wider, and the fraction of those items whose nearest item has their label;
    both are zero where no two labelled items share a label.
    """
    known = labels >= 0
    labels = labels[known]
    rows = _unit(embeddings[known])
    columns = rows if others is None else _unit(others[known])
    allowed = torch.ones(len(labels), len(labels), dtype=torch.bool, device=labels.device)
    if others is None:
        allowed.fill_diagonal_(False)
    positives = (labels[:, None] == labels[None, :]) & allowed
    anchors = positives.any(1)
    if not anchors.any():
        return (rows.sum() + columns.sum()) * 0.0 * temperature, rows.new_zeros(())
    logits = (rows @ columns.T / temperature).masked_fill(~allowed, float("-inf"))
    loss = _mean_log_probability(logits, positives, anchors)
    if others is not None:
        loss = (loss + _mean_log_probability(logits.T, positives, anchors)) / 2
    nearest = labels[logits.argmax(1)] == labels
    return loss, nearest[anchors].float().mean()


def _unit(x):
    """Rows of length one, in float32 or, where they come so, wider."""
    return F.normalize(x.to(torch.promote_types(x.dtype, torch.float32)), dim=-1)


def _mean_log_probability(logits, positives, anchors):
    """Minus the log probability of an anchor's positives, averaged over them, then over anchors."""
    log_probabilities = F.log_softmax(logits, dim=1).masked_fill(~positives, 0.0)
    return (-log_probabilities.sum(1)[anchors] / positives.sum(1)[anchors]).mean()
