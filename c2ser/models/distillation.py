"""Self-distillation by posteriors: in stage 2, what stage 1 concludes from its rationale also teaches the verdict.

The paper's self-distillation (section III-E) is cross-entropy on the label alone; the term here is our own option.
The teacher is the stage-1 model, decoded once over the training set in explicit mode: it hears the utterance, writes
its own rationale, and scores the classes after it (`posteriors` of c2ser decode). No second model is in memory
while stage 2 trains, and the teacher is the same however often it is asked.
"""

import torch
import torch.nn.functional as F
from torch import nn

from c2ser.cot import templates
from c2ser.models.language_model import answer_ids
from c2ser.models.likelihoods import token_scores


def verdict_ids(tokenizer, labels):
    """Token ids of the implicit answer of every class in every language: int `(languages, classes, tokens)`.

    Languages in the order of `templates.languages()`, classes in that of `labels`; padded with −1.
    """
    ids = [
        torch.tensor(answer_ids(tokenizer, templates.load(language).implicit_answer(label)))
        for language in templates.languages()
        for label in labels
    ]
    table = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=-1)
    return table.view(len(templates.languages()), len(labels), -1)


def posterior_divergence(scores, teacher, temperature):
    """Mean over the batch of KL(teacher ‖ student), both softened, times temperature² (Hinton et al., 2015, section 2).

    scores: the student's log-likelihood of every class, float `(batch, classes)`; teacher: probabilities
    `(batch, classes)`, of which only the ratios count. Softening raises probabilities to 1 / temperature and
    normalises.
    """
    wanted = (teacher.log() / temperature).softmax(-1)
    return F.kl_div((scores / temperature).log_softmax(-1), wanted, reduction="batchmean") * temperature**2


def verdict_scores(model, mode, heard, lengths, verdicts):
    """Log-likelihood of every candidate verdict, with gradient: the numbers of which the posteriors of label scoring are
    the softmax.

    model: C2SER; heard: `(batch, length, llm_dim)`; lengths: int `(batch,)`; verdicts: token ids int
    `(batch, classes, tokens)`, padded with −1. The ids that all verdicts of an utterance begin with ("Emotion:") do not
    count, since they cannot tell one class from another. Returns float `(batch, classes)`.
    """
    candidates = [[[token for token in row if token >= 0] for row in rows] for rows in verdicts.tolist()]
    return token_scores(model.llm, model.prefixes(mode, heard, lengths), candidates)[1].sum(2)
