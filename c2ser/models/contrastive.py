"""L_cate: the category-level contrastive loss of Emotion2Vec-S (paper, section III-B)."""

import torch
import torch.nn.functional as F


def category_contrastive(embeddings, labels, temperature, others=None, utterances=None, own_views=True):
    """Pull utterances of one emotion together and push the others away, CLIP-like, over a batch.

    embeddings: float `(items, dim)`, compared by cosine; labels: int `(items,)`, negative where unlabelled;
    temperature: divides the cosines (open in the paper; a configuration key here), a number or a tensor.

    Without `others`, for every labelled item that shares its label with another, minus the mean log probability that a
    softmax over all other labelled items gives to those of its own class (supervised contrastive, Khosla et al., 2020);
    the mean over such items. With `others`, a second embedding of the same items `(items, dim)`, the two are compared
    with each other as CLIP compares images with texts: the same mean for every row of the first against all of the
    second, and the other way round, averaged; an item's own second embedding is one of its positives.

    utterances: int `(items,)`, the utterance that an item is a view of; None: each of its own. Without `own_views` items
    of one utterance are not compared, neither as positives nor in the softmax.

    Returns the loss, computed in float32 or wider, and of the items that share their label with another utterance the
    fraction whose nearest item, its own utterance's left out, has it; each is zero where there are no such items.
    """
    known = labels >= 0
    labels = labels[known]
    rows = _unit(embeddings[known])
    columns = rows if others is None else _unit(others[known])
    alone = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    own = alone if utterances is None else utterances[known][:, None] == utterances[known][None, :]
    same, cosines = labels[:, None] == labels[None, :], rows @ columns.T
    left_out = own if not own_views else alone if others is None else torch.zeros_like(alone)
    positives = same & ~left_out
    anchors = positives.any(1)
    if anchors.any():
        logits = (cosines / temperature).masked_fill(left_out, float("-inf"))
        loss = _mean_log_probability(logits, positives, anchors)
        if others is not None:
            loss = (loss + _mean_log_probability(logits.T, positives, anchors)) / 2
    else:
        loss = (rows.sum() + columns.sum()) * 0.0 * temperature
    asked = (same & ~own).any(1)
    if not asked.any():
        return loss, rows.new_zeros(())
    nearest = labels[cosines.detach().masked_fill(own, float("-inf")).argmax(1)]
    return loss, (nearest == labels)[asked].float().mean()


def _unit(x):
    """Rows of length one, in float32 or, where they come so, wider."""
    return F.normalize(x.to(torch.promote_types(x.dtype, torch.float32)), dim=-1)


def _mean_log_probability(logits, positives, anchors):
    """Minus the log probability of an anchor's positives, averaged over them, then over anchors."""
    log_probabilities = F.log_softmax(logits, dim=1).masked_fill(~positives, 0.0)
    return (-log_probabilities.sum(1)[anchors] / positives.sum(1)[anchors]).mean()
