"""Self-distillation by posteriors: in stage 2, what stage 1 concludes from its rationale also teaches the verdict.

The paper's self-distillation (section III-E) is cross-entropy on the label alone; the term here is our own option.
The teacher is the stage-1 model, decoded once over the training set in explicit mode: it hears the utterance, writes
its own rationale, and scores the classes after it (`posteriors` of c2ser.bin.decode). No second model is in memory
while stage 2 trains, and the teacher is the same however often it is asked.
"""

import torch
import torch.nn.functional as F
from torch import nn

from c2ser.cot import templates
from c2ser.models.language_model import answer_ids


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
    """Log-likelihood of every candidate verdict, with gradient; what stands before it is run once for all of them.

    model: C2SER; heard: `(batch, length, llm_dim)`; lengths: int `(batch,)`; verdicts: token ids int
    `(batch, classes, tokens)`, padded with −1. The ids that all verdicts of an utterance begin with ("Emotion:") count
    as part of what precedes them, since they cannot tell one class from another. Returns float `(batch, classes)`: the
    numbers of which the posteriors of label scoring are the softmax.
    """
    embed, head, decoder = model.llm.get_input_embeddings(), model.llm.get_output_embeddings(), model.decoder()
    beginnings, rests = [], []
    for beginning, rows in zip(model.beginnings(mode, heard, lengths), verdicts):
        shared = shared_beginning(rows)
        beginnings.append(torch.cat([beginning, embed(rows[0, :shared])]))
        rests.append(F.pad(rows[:, shared:], (0, shared), value=-1))
    rests = torch.stack(rests)
    known = torch.tensor([len(beginning) for beginning in beginnings], device=heard.device)
    inputs = nn.utils.rnn.pad_sequence(beginnings, batch_first=True).to(embed.weight.dtype)
    batch, classes, _ = rests.shape

    prompt = model.prompt_embeddings(mode)
    cache = decoder(inputs_embeds=prompt[None], use_cache=True).past_key_values
    cache.batch_repeat_interleave(batch)
    before = decoder(inputs_embeds=inputs, past_key_values=cache, use_cache=True)
    last = before.last_hidden_state[torch.arange(batch, device=heard.device), known - 1]
    scores = head(last).float().log_softmax(-1).gather(1, rests[:, :, 0])

    ids = rests.flatten(0, 1)
    ids = ids[:, : int((ids >= 0).sum(1).max())]
    if ids.shape[1] > 1:
        before.past_key_values.batch_repeat_interleave(classes)
        inside = torch.arange(inputs.shape[1], device=heard.device) < known[:, None]
        mask = F.pad(inside, (len(prompt), 0), value=True).repeat_interleave(classes, 0)
        mask = torch.cat([mask, ids[:, :-1] >= 0], dim=1)
        places = (len(prompt) + known).repeat_interleave(classes)[:, None] + torch.arange(
            ids.shape[1] - 1, device=ids.device
        )
        later = decoder(
            inputs_embeds=embed(ids[:, :-1].clamp_min(0)), attention_mask=mask.long(), position_ids=places,
            past_key_values=before.past_key_values, use_cache=True,
        ).last_hidden_state  # fmt: skip
        likely = head(later).float().log_softmax(-1).gather(2, ids[:, 1:, None].clamp_min(0))[:, :, 0]
        scores = scores + (likely * (ids[:, 1:] >= 0)).sum(1).view(batch, classes)
    return scores


def shared_beginning(rows):
    """How many token ids all rows, int `(classes, tokens)` padded with −1, begin with; one at least is left to each."""
    shortest = int((rows >= 0).sum(1).min())
    same = (rows[:, : shortest - 1] == rows[0, : shortest - 1]).all(0)
    return int(same.int().cumprod(0).sum())
