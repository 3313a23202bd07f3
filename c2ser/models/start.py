"""A start of an emotion encoder from a teacher that knows something already, ours and not the paper's.

A network that hears raw samples learns next to nothing from a teacher as untrained as itself, or from the labels of
minutes of speech. What is known asks something of every frame: the log-mel spectrum (spectrum.py), of the front end
alone, or hidden layers of a frozen encoder, of the whole network, as HuBERT and its followers learn from each other's
layers (Hsu et al., 2021). No label is used.
"""

import torch
import torch.nn.functional as F
from torch import nn

from c2ser.audio import SAMPLE_RATE
from c2ser.errors import InputError
from c2ser.models.distributed import joint_mean, total
from c2ser.models.kept_frames import heard_once
from c2ser.models.spectrum import Spectrum
from c2ser.models.whisper_encoder import WhisperEncoder

KINDS = "mel, whisper:FILE:LAYERS or ark:WIDTH"
WHISPER_STEP = SAMPLE_RATE // 50
"""Samples between two frames of Whisper, whose first is centred on the first sample."""


class Start(nn.Module):
    """Linear regression from a network's frames to those of its teacher.

    teacher: "mel": the log-mel spectrum of what a frame hears, told by the front end; "whisper:FILE:LAYERS", as
    "whisper:base.pt:3,4": layers of a frozen Whisper, an openai-whisper file or Hugging Face folder, 0 the input of the
    first block, k the output of block k, the number after the last block's that under the final norm; "ark:WIDTH": what
    `c2ser extract-features --teacher_layers` has written of them, as data `teacher_frames`. dim, reach, stride: width of
    the frames, samples that one hears, and between two (see ConvFrontend). keep_frames: let the frozen encoder hear every
    utterance of training once, and keep its frames in memory. Raises InputError for any other teacher.
    """

    def __init__(self, teacher, dim, reach, stride, keep_frames=False):
        super().__init__()
        kind, _, rest = teacher.partition(":")
        file, _, layers = rest.rpartition(":")
        if teacher == "mel":
            made = Spectrum(reach, stride)
        elif kind == "whisper" and file:
            made = WhisperLayers(file, layers, reach, stride, keep_frames)
        elif kind == "ark" and rest.isascii() and rest.isdigit() and int(rest):
            made = GivenFrames(int(rest))
        else:
            raise InputError(f"model_conf: teacher {teacher!r}: expected {KINDS}")
        self.whole, self.targets = kind != "mel", made
        self.predict = nn.Linear(dim, made.width)

    def step(self, model, speech, lengths, groups=None, names=None, given=None, given_lengths=None):
        """One training step of an `Emotion2Vec`, or in evaluation mode its judgement: (loss, stats, weight) as ESPnet's
        trainer expects.

        speech: float `(batch, samples)` at 16 kHz; lengths: int `(batch,)`; groups: (rows, samples of the longest) of what
        is computed together, None for all at once; names: the utterances'; given, given_lengths: data `teacher_frames`,
        float `(batch, frames, width)`, int `(batch,)`. The loss is the mean squared error; every frame of the batch, over
        all processes, counts alike. `explained_var`, in evaluation mode: the fraction of the targets' variance over these
        frames, summed over channels, that is explained.
        """
        errors, sums = [], 0
        for rows, longest in groups or [(torch.arange(len(speech), device=speech.device), speech.shape[1])]:
            frames, inside = self.frames(model, speech[rows, :longest], lengths[rows])
            few = [names[row] for row in rows.tolist()] if names is not None else None
            own = None if given is None else (given[rows, : inside.shape[1]], given_lengths[rows])
            wanted = self.targets(speech[rows, :longest], lengths[rows], inside, few if model.training else None, own)
            wanted = wanted[inside]
            errors.append(((self.predict(frames).float()[inside] - wanted) ** 2).mean(-1))
            sums = sums + torch.stack([torch.ones_like(wanted), wanted, wanted**2]).double().sum(1)
        errors = torch.cat(errors)
        loss = joint_mean(errors, torch.ones_like(errors), len(speech))
        stats = {"loss_teacher": loss.detach().clone(), "loss": loss.detach().clone()}
        if not model.training:
            count, mean, square = total(sums)
            missed = total(errors.double().sum()) * len(mean)
            spread = (square - mean**2 / count.clamp_min(1)).sum()
            stats["explained_var"] = (1 - missed / spread.clamp_min(1e-12)).float()
        return loss, stats, loss.new_tensor(float(len(speech)))

    def frames(self, model, speech, lengths):
        """What tells the targets: frames `(batch, frames, dim)` and which are inside, bool `(batch, frames)`."""
        x, inside = model.embed(speech, lengths)
        if self.whole:
            x = model.encode(x + model.positions(x, inside), inside)[0]
        return x, inside


def make_start(student, teacher, updates, keep_frames):
    """The `Start` of an `Emotion2Vec`, None for 0 updates. Raises InputError for a teacher that would not be heard."""
    if not updates and teacher != "mel":
        raise InputError(f"model_conf: teacher {teacher!r} without teacher_updates: say for how many it teaches")
    front = student.frontend
    return Start(teacher, student.config.dim, front.reach, front.stride, keep_frames) if updates else None


class WhisperLayers:
    """Targets from a frozen Whisper: each frame of each layer layer-normed over channels, the layers side by side.

    No module, so that the weights stand in no checkpoint, optimiser or process group. `width`: of a target.
    """

    def __init__(self, file, layers, reach, stride, keep_frames=False):
        self.encoder = WhisperEncoder.from_checkpoint(file).requires_grad_(False).eval()
        depths = len(self.encoder.encoder.blocks) + 2
        asked = layers.split(",")
        if not all(layer.isascii() and layer.isdigit() and int(layer) < depths for layer in asked):
            raise InputError(f"teacher: layers {layers!r} of {file}: expected numbers from 0 to {depths - 1}, commas between")
        self.layers = [int(layer) for layer in asked]
        self.width, self.reach, self.stride = self.encoder.dim * len(asked), reach, stride
        self.kept = {} if keep_frames else None

    @torch.no_grad()
    def __call__(self, speech, lengths, inside, names=None, given=None):
        """float `(batch, samples)`, int `(batch,)`, bool `(batch, frames)` → float32 `(batch, frames, width)`, in float32
        whatever autocast says. names: the utterances', under which frames are kept."""
        self.encoder.to(speech.device)
        with torch.autocast(speech.device.type, enabled=False):
            if self.kept is None or names is None:
                return self._hear(speech, lengths, inside.shape[1])
            counts = inside.sum(1).tolist()

            def alone(row):
                length = lengths[row : row + 1]
                return self._hear(speech[row : row + 1, : max(1, int(length))], length, counts[row])[0]

            frames, _ = heard_once(self.kept, names, alone)
            return F.pad(frames, (0, 0, 0, inside.shape[1] - frames.shape[1]))

    def _hear(self, speech, lengths, frames):
        heard = {}
        for depth, (states, counts) in enumerate(self.encoder.depths(speech.float(), lengths)):
            if depth in self.layers:
                heard[depth] = F.layer_norm(states, states.shape[-1:])
            if depth == max(self.layers):
                break
        made = torch.cat([heard[layer] for layer in self.layers], dim=-1)
        index = nearest(frames, self.reach, self.stride, counts)
        return made.gather(1, index[:, :, None].expand(-1, -1, self.width))


def nearest(frames, reach, stride, counts):
    """Whisper's frame that is nearest in time to each frame of a convolutional front end: int `(batch, frames)`.

    Frame i of the front end hears samples i · stride to i · stride + reach - 1 and is centred between them; frame j of
    Whisper, whose spectrum and convolutions are padded, is centred on sample 320 j. With 400 and 320 samples that is j =
    i + 1, 7.5 ms later (i itself: 12.5 ms earlier). counts: int `(batch,)`, Whisper's frames; the last stands in for
    those that it lacks.
    """
    index = torch.arange(frames, device=counts.device)
    index = ((index * stride + (reach - 1) / 2) / WHISPER_STEP + 0.5).floor().long()
    return torch.minimum(index[None], counts[:, None] - 1)


class GivenFrames:
    """Targets that come with the batch; as many as the network has frames, or the audio is not what they were made of."""

    def __init__(self, width):
        self.width = width

    def __call__(self, speech, lengths, inside, names=None, given=None):
        """`WhisperLayers`' arguments, given: (float `(batch, frames, width)`, int `(batch,)`) → float32 of that shape."""
        if given is None:
            raise InputError("teacher: ark: there is no data `teacher_frames`; c2ser extract-features makes frames.scp")
        frames, counts = given
        if frames.shape[2] != self.width or not torch.equal(counts, inside.sum(1)):
            raise InputError(
                f"teacher: ark:{self.width}: data `teacher_frames` have {counts.tolist()} frames of {frames.shape[2]} numbers, "
                f"where {inside.sum(1).tolist()} are needed; extract them of this audio, uncut (--chunk_seconds)"
            )
        return F.pad(frames.float(), (0, 0, 0, inside.shape[1] - frames.shape[1]))
