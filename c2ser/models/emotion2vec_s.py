"""Emotion2Vec-S pretraining: L = L_frm + 0.1 · L_utt + 100 · L_cate (paper, section III-B).

Online distillation after data2vec 2.0: an exponential-moving-average teacher sees the whole utterance; the student
sees several masked views of it, encodes only the frames left visible, and a convolutional decoder predicts the
teacher's frames at the masked places.
"""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE
from c2ser.errors import InputError
from c2ser.models.contrastive import category_contrastive
from c2ser.models.decoder import ConvDecoder
from c2ser.models.distributed import gather, joint_mean, rank, total
from c2ser.models.emotion2vec import Emotion2Vec
from c2ser.models.masking import by_length, masked_instance_norm, masked_mean, span_mask, visible_frames
from c2ser.models.start import make_start

EMBEDDINGS = ("tokens", "frames", "both")

SCALES = {"mean": lambda dim: 1.0, "sqrt_dim": math.sqrt}
"""frame_scale → what the mean over channels of the squared errors of L_frm and L_utt is multiplied with."""

GROUP_SAMPLES = {"cpu": 20 * SAMPLE_RATE, "cuda": 320 * SAMPLE_RATE}
GROUP_FRAMES = {"cpu": 1024, "cuda": 16384}
"""Utterances, and the visible frames of views, are encoded in groups of similar length with no less than this, by device:
padding costs a CPU most, and many small kernels a GPU. Results do not depend on it."""


class Emotion2VecS(nn.Module):
    """The pretraining objective around an `Emotion2Vec` backbone.

    views: masked student views of each utterance; mask_prob, mask_length: fraction of frames masked, in spans of that
    many; target_layers: how many of the teacher's top blocks are averaged; frame_weight, utterance_weight,
    category_weight: the three weights of the loss; frame_scale: how the squared errors of L_frm and L_utt are summed up
    over channels before they are weighed: "sqrt_dim", their sum over √dim, as in data2vec 2.0, or "mean", √dim times
    less; temperature: of L_cate, and learn_temperature: whether training moves it from there, as CLIP does, to no less
    than 0.01; category_embedding: what is average-pooled for L_cate: "tokens" | "frames", or "both", each utterance's
    tokens against all utterances' frames and the other way round; own_views: whether the views of one utterance are
    positives of each other in L_cate (with "both", its own frames of its tokens, too); else an utterance is not
    compared with itself, and a class that stands alone in a batch has no loss;
    ema_decay → ema_end_decay: linearly over ema_anneal_updates; min_target_variance: training stops with an error when
    the teacher's targets fall below it, the sign of a collapse. teacher_updates: so many updates at first learn the frames
    of another `teacher` alone, keep_frames as there (see start.py; ours, 0 in the paper); the teacher that is averaged is a
    copy of the student until then.

    Batches may be spread over processes: every loss is then that of all their utterances together, and L_cate compares
    across processes.
    """

    def __init__(
        self, config, decoder_dim=384, decoder_depth=4, decoder_kernel=7, decoder_groups=16, views=8, mask_prob=0.5,
        mask_length=5, mask_noise=0.01, target_layers=8, frame_weight=1.0, utterance_weight=0.1, category_weight=100.0,
        frame_scale="sqrt_dim", temperature=0.1, learn_temperature=False, category_embedding="tokens", own_views=False,
        ema_decay=0.999, ema_end_decay=0.9999, ema_anneal_updates=20000, min_target_variance=0.01, teacher_updates=0,
        teacher="mel", keep_frames=False,
    ):  # fmt: skip
        super().__init__()
        if category_embedding not in EMBEDDINGS:
            raise InputError(f"category_embedding {category_embedding!r}: expected one of {', '.join(EMBEDDINGS)}")
        if frame_scale not in SCALES:
            raise InputError(f"frame_scale {frame_scale!r}: expected one of {', '.join(SCALES)}")
        self.student = Emotion2Vec(config)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.decoder = ConvDecoder(config.dim, decoder_dim, decoder_depth, decoder_kernel, decoder_groups)
        self.views, self.mask_prob, self.mask_length, self.mask_noise = views, mask_prob, mask_length, mask_noise
        self.target_layers, self.category_embedding = min(target_layers, config.depth), category_embedding
        self.weights = {"frm": frame_weight, "utt": utterance_weight, "cate": category_weight}
        self.scale, self.own_views, self.temperature = SCALES[frame_scale](config.dim), own_views, temperature
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature))) if learn_temperature else None
        self.ema = (ema_decay, ema_end_decay, ema_anneal_updates)
        self.min_target_variance, self.teacher_updates = min_target_variance, teacher_updates
        self.start = make_start(self.student, teacher, teacher_updates, keep_frames)
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self.drawn = self.teacher_sum()

    def train(self, mode=True):
        """The teacher stays in evaluation mode: its targets are not dropped out."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(
        self, speech, speech_lengths, label=None, utt_id=None, teacher_frames=None, teacher_frames_lengths=None, **_
    ):
        """One pretraining step.

        speech: float `(batch, samples)`; speech_lengths: int `(batch,)`; label: int `(batch, 1)` class index, −1 for
        unlabelled; teacher_frames: float `(batch, frames, width)`, for teacher: ark. Evaluation tells of the start, too,
        until its last update. Returns (loss, stats, weight) as ESPnet's trainer expects: it averages over processes by weight.
        """
        if self.start is not None and self.updates < self.teacher_updates + (not self.training):
            groups = self.groups(speech_lengths)
            return self.start.step(
                self.student, speech, speech_lengths, groups, utt_id, teacher_frames, teacher_frames_lengths
            )
        labels = label.view(-1) if label is not None else speech_lengths.new_full((len(speech),), -1)
        parts, order = [], []
        for rows, longest in self.groups(speech_lengths):
            parts.append(self.distil(speech[rows, :longest], speech_lengths[rows]))
            order.append(rows)
        joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        with torch.autocast(speech.device.type, enabled=False):
            losses, retrieval = self.losses(joined, labels[torch.cat(order)])
            loss = sum(self.weights[name] * value for name, value in losses.items())
            variance = self.check_variance(joined["target_frames"])
        stats = {f"loss_{name}": value.detach() for name, value in losses.items()}
        stats |= {"loss": loss.detach().clone(), "retrieval_acc": retrieval, "target_var": variance}
        if self.log_temperature is not None:
            stats["temperature"] = self.category_temperature().detach()
        return loss, stats, loss.new_tensor(float(len(speech)))

    def groups(self, lengths):
        """Utterances that are encoded together: (rows, int; samples of the longest), see `by_length`."""
        return by_length(lengths.clamp_min(MIN_SAMPLES), GROUP_SAMPLES[lengths.device.type])

    def distil(self, speech, lengths):
        """What the losses are made of, for some utterances.

        speech: float `(batch, samples)`; lengths: int `(batch,)`. Returns a dict of `predictions` and their
        `answers` `(masked frames, dim)`, `target_frames` `(frames inside, dim)`, `target_means` `(batch, dim)`, and, for
        every view, `tokens` `(batch · views, extra_tokens, dim)` and `pooled_frames` `(batch · views, dim)`.
        """
        views = self.views if self.training else 1
        targets, inside, means = self.targets(speech, lengths)
        student = self.student_views(speech, lengths, views)
        row, frame = student["masked"].nonzero(as_tuple=True)
        made = {name: student[name] for name in ("predictions", "tokens", "pooled_frames")}
        made |= {"answers": targets[row // views, frame], "target_frames": targets[inside]}
        return {**made, "target_means": means}

    def losses(self, made, labels):
        """The three losses, in float32, as a dict, and the fraction of retrieved neighbours of L_cate.

        made: what `distil` returns; labels: int `(batch,)`.
        """
        views = len(made["tokens"]) // len(labels)
        errors = ((made["predictions"].float() - made["answers"]) ** 2).mean(-1) * self.scale
        pooled = {"tokens": made["tokens"].float().mean(1), "frames": made["pooled_frames"]}
        first = "tokens" if self.category_embedding == "both" else self.category_embedding
        second = gather(pooled["frames"]) if self.category_embedding == "both" else None
        utterances = torch.arange(len(labels), device=labels.device) + (rank() << 32)
        category, retrieval = category_contrastive(
            gather(pooled[first]), gather(labels.repeat_interleave(views)), self.category_temperature(), second,
            gather(utterances.repeat_interleave(views)), self.own_views,
        )  # fmt: skip
        return {
            "frm": joint_mean(errors, torch.ones_like(errors), len(labels)),
            "utt": F.mse_loss(pooled["tokens"], made["target_means"].repeat_interleave(views, dim=0)) * self.scale,
            "cate": category,
        }, retrieval  # fmt: skip

    def category_temperature(self):
        """What divides the cosines of L_cate."""
        return self.temperature if self.log_temperature is None else self.log_temperature.exp().clamp_min(0.01)

    def check_variance(self, frames):
        """Variance of the targets `(frames, dim)` over the batch's frames, the mean over channels.

        Raises RuntimeError, in every process at once, where it says that teacher and student have collapsed.
        """
        frames = frames.double()
        count, sums, squares = total(torch.stack([torch.ones_like(frames).sum(0), frames.sum(0), (frames**2).sum(0)]))
        variance = ((squares - sums**2 / count) / (count - 1).clamp_min(1)).mean().float()
        if self.training and variance < self.min_target_variance:  # not a number: the trainer skips the update
            raise RuntimeError(
                f"the teacher's targets have collapsed (variance {variance:.2g} < {self.min_target_variance}); "
                "lower the learning rate or raise ema_decay"
            )
        return variance

    def collect_feats(self, **batch):
        """Nothing to collect: the network normalises its own input."""
        return {}

    def begin(self):
        """Count updates from here: what `--init_param` brought along has the count of another training. A teacher that it
        did not bring, as from a released checkpoint, starts as a copy of the student."""
        self.updates.zero_()
        if self.teacher_sum() == self.drawn:
            self.teacher.load_state_dict(self.student.state_dict())

    def teacher_sum(self):
        """The sum of the teacher's numbers, by which one knows whether it is still as it was drawn."""
        return sum(float(weight.detach().cpu().double().sum()) for weight in self.teacher.parameters())

    @torch.no_grad()
    def after_step(self):
        """Move the teacher towards the student, with the annealed decay; the trainer calls this after every step of the
        optimiser."""
        start, end, anneal = self.ema
        self.updates += 1
        done = int(self.updates) - self.teacher_updates
        decay = start + (end - start) * min(1.0, done / max(1, anneal)) if done > 0 else 0.0
        torch._foreach_lerp_(list(self.teacher.parameters()), list(self.student.parameters()), 1.0 - decay)

    @torch.no_grad()
    def targets(self, speech, lengths):
        """The teacher's targets, float32, and which frames are inside, bool `(batch, frames)`.

        Of frames `(batch, frames, dim)`: its top blocks' feed-forward outputs, each instance-normalised over the
        utterance's own frames, averaged. Of utterances `(batch, dim)`: the same outputs without that norm, which leaves
        every channel's mean over frames at 0, averaged over blocks and frames, then layer-normed over channels.
        Returns (frames, inside, utterances).
        """
        x, inside = self.teacher.embed(speech, lengths)
        _, _, layers = self.teacher.encode(x + self.teacher.positions(x, inside), inside)
        top = [layer.float() for layer in layers[-self.target_layers :]]
        frames = sum(masked_instance_norm(layer, inside) for layer in top) / len(top)
        means = masked_mean(sum(top) / len(top), inside)
        return frames, inside, F.layer_norm(means, means.shape[1:])

    def student_views(self, speech, lengths, views):
        """Encode `views` masked views of every utterance, visible frames only; decode them over all frames.

        Returns a dict of `masked` bool `(batch · views, frames)`, `predictions` `(masked frames, dim)` in the order of
        `masked.nonzero()`, `tokens` `(batch · views, extra_tokens, dim)` and `pooled_frames` `(batch · views, dim)`.
        """
        local, inside = self.student.embed(speech, lengths)
        local, inside = local.repeat_interleave(views, dim=0), inside.repeat_interleave(views, dim=0)
        masked = span_mask(inside, self.mask_prob, self.mask_length)
        noise = torch.randn_like(local) * self.mask_noise
        x = torch.where(masked[:, :, None], noise, local)
        x = x + self.student.positions(x, inside)

        index, shown = visible_frames(inside & ~masked)
        order, places, frames, tokens, means = [], [], [], [], []
        for rows, longest in by_length(shown.sum(1), GROUP_FRAMES[shown.device.type]):
            place, real = index[rows, :longest], shown[rows, :longest]
            visible, extra, _ = self.student.encode(x[rows[:, None], place], real, place)
            order.append(rows)
            places.append((rows[:, None] * x.shape[1] + place)[real])
            frames.append(visible[real])
            tokens.append(extra)
            means.append(masked_mean(visible, real))
        back = torch.cat(order).argsort()

        frames = torch.cat(frames)
        full = (torch.randn_like(local) * self.mask_noise).to(frames.dtype).flatten(0, 1)
        full = full.index_copy(0, torch.cat(places), frames).view(x.shape)
        predictions = self.decoder(full, inside, masked)
        return {
            "predictions": predictions, "masked": masked, "tokens": torch.cat(tokens)[back],
            "pooled_frames": torch.cat(means)[back],
        }  # fmt: skip
