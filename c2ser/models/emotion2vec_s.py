"""Emotion2Vec-S pretraining: L = L_frm + 0.1 · L_utt + 100 · L_cate (paper, section III-B).

Online distillation after data2vec 2.0: an exponential-moving-average teacher sees the whole utterance; the student
sees several masked views of it, encodes only the frames left visible, and a convolutional decoder predicts the
teacher's frames at the masked places.
"""

import copy

import torch
import torch.nn.functional as F
from espnet2.train.abs_espnet_model import AbsESPnetModel
from torch import nn

from c2ser.models.contrastive import category_contrastive
from c2ser.models.emotion2vec import Emotion2Vec
from c2ser.models.masking import masked_instance_norm, masked_mean, span_mask, visible_frames


class Emotion2VecS(AbsESPnetModel):
    """The pretraining objective around an `Emotion2Vec` backbone.

    views: masked student views of each utterance; mask_prob, mask_length: fraction of frames masked, in spans of that
    many; target_layers: how many of the teacher's top blocks are averaged; frame_weight, utterance_weight,
    category_weight: the three weights of the loss; temperature: of L_cate; category_embedding: "tokens" | "frames",
    what is average-pooled for L_cate; ema_decay → ema_end_decay: linearly over ema_anneal_updates; accum_grad: the
    trainer's, so that the teacher moves once per optimiser step; min_target_variance: training stops with an error
    when the teacher's targets fall below it, the sign of a collapse.
    """

    def __init__(
        self, config, decoder_dim=384, decoder_depth=4, decoder_kernel=7, decoder_groups=16, views=8, mask_prob=0.5,
        mask_length=5, mask_noise=0.01, target_layers=8, frame_weight=1.0, utterance_weight=0.1, category_weight=100.0,
        temperature=0.1, category_embedding="tokens", ema_decay=0.999, ema_end_decay=0.9999, ema_anneal_updates=20000,
        accum_grad=1, min_target_variance=0.01,
    ):  # fmt: skip
        super().__init__()
        self.student = Emotion2Vec(config)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.decoder = ConvDecoder(config.dim, decoder_dim, decoder_depth, decoder_kernel, decoder_groups)
        self.views, self.mask_prob, self.mask_length, self.mask_noise = views, mask_prob, mask_length, mask_noise
        self.target_layers, self.category_embedding = min(target_layers, config.depth), category_embedding
        self.weights = {"frm": frame_weight, "utt": utterance_weight, "cate": category_weight}
        self.temperature = temperature
        self.ema = (ema_decay, ema_end_decay, ema_anneal_updates, accum_grad)
        self.min_target_variance = min_target_variance
        self.register_buffer("forward_passes", torch.zeros((), dtype=torch.long))

    def train(self, mode=True):
        """The teacher stays in evaluation mode: its targets are not dropped out."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, speech, speech_lengths, label=None, **_):
        """One pretraining step.

        speech: float `(batch, samples)`; speech_lengths: int `(batch,)`; label: int `(batch, 1)` class index, −1 for
        unlabelled. Returns (loss, stats, weight) as ESPnet's trainer expects.
        """
        if self.training:
            self.move_teacher()
        views = self.views if self.training else 1
        targets, inside = self.targets(speech, speech_lengths)
        repeat = lambda x: x.repeat_interleave(views, dim=0)  # noqa: E731
        student = self.student_views(speech, speech_lengths, views)
        masked, targets, inside = student["masked"], repeat(targets), repeat(inside)

        losses = {
            "frm": ((student["predictions"] - targets) ** 2).mean(-1)[masked].mean(),
            "utt": F.mse_loss(student["tokens"].mean(1).float(), masked_mean(targets, inside)),
        }
        labels = label.view(-1) if label is not None else speech_lengths.new_full((len(speech),), -1)
        pooled = student["tokens"].mean(1) if self.category_embedding == "tokens" else student["pooled_frames"]
        losses["cate"], retrieval = category_contrastive(pooled, repeat(labels), self.temperature)
        loss = sum(self.weights[name] * value for name, value in losses.items())

        variance = targets[inside].var(0).mean()
        if self.training and variance < self.min_target_variance:
            raise RuntimeError(
                f"the teacher's targets have collapsed (variance {variance:.2g} < {self.min_target_variance}); "
                "lower the learning rate or raise ema_decay"
            )
        stats = {f"loss_{name}": value.detach() for name, value in losses.items()}
        stats |= {"loss": loss.detach().clone(), "retrieval_acc": retrieval, "target_var": variance}
        return loss, stats, loss.new_tensor(float(len(speech)))

    def collect_feats(self, **batch):
        """Nothing to collect: the network normalises its own input."""
        return {}

    def begin(self):
        """Count forward passes from here: what `--init_param` brought along has the count of another training."""
        self.forward_passes.zero_()

    @torch.no_grad()
    def move_teacher(self):
        """Move the teacher towards the student, once per optimiser step, with the annealed decay."""
        start, end, anneal, accum_grad = self.ema
        updates, rest = divmod(int(self.forward_passes), accum_grad)
        self.forward_passes += 1
        if rest or not updates:
            return
        decay = start + (end - start) * min(1.0, updates / max(1, anneal))
        for teacher, student in zip(self.teacher.parameters(), self.student.parameters()):
            teacher.lerp_(student, 1.0 - decay)

    @torch.no_grad()
    def targets(self, speech, lengths):
        """The teacher's targets `(batch, frames, dim)`, float32: its top blocks' feed-forward outputs, each
        instance-normalised over the utterance's own frames, averaged. And which frames are inside, bool."""
        x, inside = self.teacher.embed(speech, lengths)
        _, _, layers = self.teacher.encode(x + self.teacher.positions(x, inside), inside)
        top = [masked_instance_norm(layer.float(), inside) for layer in layers[-self.target_layers :]]
        return torch.stack(top).mean(0), inside

    def student_views(self, speech, lengths, views):
        """Encode `views` masked views of every utterance, visible frames only; decode them over all frames.

        Returns a dict of `predictions` `(batch · views, frames, dim)`, `masked` bool `(batch · views, frames)`,
        `tokens` `(batch · views, extra_tokens, dim)` and `pooled_frames` `(batch · views, dim)`.
        """
        local, inside = self.student.embed(speech, lengths)
        local, inside = local.repeat_interleave(views, dim=0), inside.repeat_interleave(views, dim=0)
        masked = span_mask(inside, self.mask_prob, self.mask_length)
        noise = torch.randn_like(local) * self.mask_noise
        x = torch.where(masked[:, :, None], noise, local)
        x = x + self.student.positions(x, inside)

        index, shown = visible_frames(inside & ~masked)
        gather = index[:, :, None].expand(-1, -1, x.shape[-1])
        visible, tokens, _ = self.student.encode(x.gather(1, gather), shown, index)

        full = (torch.randn_like(local) * self.mask_noise).to(visible.dtype)
        rows = torch.arange(len(full), device=full.device)[:, None].expand_as(index)
        full = full.index_put((rows[shown], index[shown]), visible[shown])
        predictions = self.decoder(full * inside[:, :, None], inside).float()
        return {
            "predictions": predictions, "masked": masked, "tokens": tokens,
            "pooled_frames": masked_mean(visible, shown),
        }  # fmt: skip


class ConvDecoder(nn.Module):
    """data2vec 2.0's decoder: grouped convolutions with residuals, back to the width of the backbone."""

    def __init__(self, dim, width, depth, kernel, groups):
        super().__init__()
        self.trim = 1 - kernel % 2
        sizes = [dim] + [width] * depth
        self.convs = nn.ModuleList(
            nn.Conv1d(before, after, kernel, padding=kernel // 2, groups=groups) for before, after in zip(sizes, sizes[1:])
        )
        self.project = nn.Linear(width, dim)

    def forward(self, x, inside):
        """`(batch, frames, dim)` → the same; inside: bool `(batch, frames)`."""
        for conv in self.convs:
            y = conv((x * inside[:, :, None]).transpose(1, 2)).transpose(1, 2)
            y = y[:, : y.shape[1] - self.trim]
            y = F.gelu(F.layer_norm(y, y.shape[-1:]))
            x = x + y if x.shape == y.shape else y
        return self.project(x)
