"""L_cate: the category-level contrastive loss of Emotion2Vec-S (paper, section III-B)."""

import torch
import torch.nn.functional as F


def category_contrastive(embeddings, labels, temperature):
    """Pull utterances of one emotion together and push the others away, CLIP-like, over a batch.

    embeddings: float `(items, dim)`, compared by cosine; labels: int `(items,)`, negative where unlabelled;
    temperature: divides the cosines (open in the paper; a configuration key here). For every labelled item that shares
    its label with another, minus the mean log probability that a softmax over all other labelled items gives to those
    of its own class; the mean over such items. Returns the loss, and the fraction of them whose nearest item has their
    label; both are zero where no two labelled items share a label.
    """
    known = labels >= 0
    embeddings, labels = F.normalize(embeddings[known].float(), dim=-1), labels[known]
    others = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positives = (labels[:, None] == labels[None, :]) & others
    anchors = positives.any(1)
    if not anchors.any():
        return embeddings.sum() * 0.0, embeddings.new_zeros(())
    logits = (embeddings @ embeddings.T / temperature).masked_fill(~others, float("-inf"))
    log_probabilities = F.log_softmax(logits, dim=1).masked_fill(~positives, 0.0)
    losses = -log_probabilities.sum(1)[anchors] / positives.sum(1)[anchors]
    nearest = labels[logits.argmax(1)] == labels
    return losses.mean(), nearest[anchors].float().mean()
