"""The Whisper encoder at the true length of each utterance, in batches that give what single utterances give.

openai-whisper's own forward pass takes exactly 30 s and knows no padding mask; this one reuses its parameters (and so
its checkpoints) and masks what is padding.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from whisper.audio import N_FRAMES, log_mel_spectrogram
from whisper.model import AudioEncoder

from c2ser.audio import MIN_SAMPLES
from c2ser.checkpoints.hf_whisper import read_hf_whisper
from c2ser.checkpoints.weights import SAFE, check_size, read_safe_metadata, read_weights, write_safe
from c2ser.errors import InputError, brief
from c2ser.jsonfile import parse_json

DIMS = ("n_mels", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer")
"""The dims of an openai-whisper file that are the encoder's."""


class WhisperEncoder(nn.Module):
    """Waveforms → hidden states at 50 Hz (paper, section III-A).

    n_mels, n_audio_ctx (positions at 50 Hz), n_audio_state (width), n_audio_head, n_audio_layer: as in Whisper's
    "dims". Speech longer than n_audio_ctx / 50 s (30 s) is encoded in consecutive windows of that length. Where `layers` is
    set to more than 1, frames are those of all blocks, each under the final norm, side by side: for a `LayerMix`.
    """

    def __init__(self, n_mels=80, n_audio_ctx=1500, n_audio_state=384, n_audio_head=6, n_audio_layer=4):
        super().__init__()
        self.n_mels, self.dim, self.layers = n_mels, n_audio_state, 1
        self.encoder = AudioEncoder(n_mels, n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer)
        self.window = min(N_FRAMES, 2 * n_audio_ctx)

    @classmethod
    def from_checkpoint(cls, path):
        """Load an openai-whisper .pt file ({"dims", "model_state_dict"}) or a Hugging Face folder, of which only the
        encoder is kept, or the .safetensors file of a packed system.

        Raises InputError where the file is not one. Nothing in the file is executed (weights_only).
        """
        dims, state = load_whisper_file(path)
        state = {key.removeprefix("encoder."): value.float() for key, value in state.items() if key.startswith("encoder.")}
        check_size(lambda: cls(**dims), state, dims.get("n_audio_layer", 0), path)
        model = cls(**dims)
        try:
            model.encoder.load_state_dict(state)
        except RuntimeError as error:
            raise InputError(f"{path}: not a whole Whisper encoder ({brief(error)}); fetch it again") from None
        return model

    def mel(self, speech, lengths):
        """Waveforms `(batch, samples)` → list of `(n_mels, frames)` at 100 Hz, each normalised by its own maximum.

        Whisper's normalisation takes the maximum of everything it is given, hence one utterance at a time. In float32
        whatever autocast says: in float16 silence would be log 0.
        """
        mels = []
        with torch.autocast(speech.device.type, enabled=False):
            for wave, length in zip(speech, lengths.tolist()):
                wave = wave[: max(length, 1)]
                wave = F.pad(wave, (0, max(0, MIN_SAMPLES - wave.numel())))
                mels.append(log_mel_spectrogram(wave.float(), self.n_mels))
        return mels

    def forward(self, speech, lengths, augment=None):
        """Encode waveforms.

        speech: float `(batch, samples)` at 16 kHz; lengths: int `(batch,)` in samples; augment: a function on one mel
        spectrogram `(n_mels, frames)`, or None. Returns `(batch, frames, layers · dim)`, zero where padded, and the numbers
        of frames, int `(batch,)`, at 50 Hz.
        """
        mels = self.mel(speech, lengths)
        if augment is not None:
            mels = [augment(mel) for mel in mels]
        normed = []
        for depth, (states, frames) in enumerate(self._encode(self._windows(mels))):
            if self.layers > 1 and 1 <= depth <= self.layers:
                normed.append(self.encoder.ln_post(states))
        return self._join(torch.cat(normed, dim=-1) if normed else states, frames, mels)

    def depths(self, speech, lengths):
        """Encode waveforms, yielding what `forward` returns at every depth in turn: the input of the first block (after
        the convolutions and positions), the output of each block, and that of the last under the final norm."""
        mels = self.mel(speech, lengths)
        for states, frames in self._encode(self._windows(mels)):
            yield self._join(states, frames, mels)

    def _windows(self, mels):
        return [part for mel in mels for part in mel.split(self.window, dim=1)]

    def _join(self, states, lengths, mels):
        """States of windows `(windows, frames, dim)` with true lengths → those of utterances, and theirs."""
        windows = iter([one[:length] for one, length in zip(states, lengths)])
        joined = [torch.cat([next(windows) for _ in mel.split(self.window, dim=1)]) for mel in mels]
        frames = torch.tensor([len(states) for states in joined], device=states.device)
        return nn.utils.rnn.pad_sequence(joined, batch_first=True), frames

    def _encode(self, mels):
        """Encode windows of up to 30 s together: list of `(n_mels, frames)` → at every depth `(windows, frames // 2,
        dim)` and lengths."""
        encoder = self.encoder
        lengths = torch.tensor([mel.shape[1] for mel in mels], device=mels[0].device)
        x = nn.utils.rnn.pad_sequence([mel.T for mel in mels], batch_first=True).transpose(1, 2)
        # A short utterance must see zeros beyond its end in the second convolution too, as it does when alone.
        inside = torch.arange(x.shape[2], device=x.device) < lengths[:, None]
        x = F.gelu(encoder.conv1(x)) * inside[:, None]
        x = F.gelu(encoder.conv2(x)).transpose(1, 2)
        x = x + encoder.positional_embedding[: x.shape[1]].to(x.dtype)
        lengths = (lengths + 1) // 2
        mask = (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[:, None, None, :]
        lengths = lengths.tolist()
        yield x, lengths
        for block in encoder.blocks:
            x = x + masked_attention(block.attn, block.attn_ln(x), mask)
            x = x + block.mlp(block.mlp_ln(x))
            yield x, lengths
        yield encoder.ln_post(x), lengths


class LayerMix(nn.Module):
    """A learned sum over the layers of an encoder, its weights a softmax from equal ones (ELMo, Peters et al., 2018)."""

    def __init__(self, layers):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(layers))

    def forward(self, x):
        """float `(batch, …, layers · dim)` → `(batch, …, dim)`."""
        return torch.einsum("...ld,l->...d", x.unflatten(-1, (len(self.weights), -1)), self.weights.softmax(0).to(x.dtype))


def masked_attention(attention, x, mask):
    """Self-attention with the parameters of whisper's MultiHeadAttention; mask `(batch, 1, 1, frames)`, True = attend."""
    batch, frames, dim = x.shape

    def heads(projected):
        return projected.view(batch, frames, attention.n_head, -1).transpose(1, 2)

    query, key, value = heads(attention.query(x)), heads(attention.key(x)), heads(attention.value(x))
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return attention.out(mixed.transpose(1, 2).reshape(batch, frames, dim))


def load_whisper_file(path):
    """Read an openai-whisper file, a Hugging Face folder, or what `save_whisper_encoder` wrote: the encoder's dims as a
    dict, and the state dict in openai-whisper's names. Raises InputError."""
    if Path(path).is_dir():
        dims, state = read_hf_whisper(path)
        return {name: dims[name] for name in DIMS}, state
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file or folder; tools/download_pretrained.py fetches Whisper checkpoints")
    try:
        if Path(path).suffix == SAFE:
            return parse_json(read_safe_metadata(path)["dims"]), read_weights(path)
        checkpoint = read_weights(path)
        return {name: checkpoint["dims"][name] for name in DIMS}, checkpoint["model_state_dict"]
    except (InputError, KeyError, TypeError, ValueError) as error:
        what = str(error).removeprefix(f"{path}: ") if isinstance(error, InputError) else f"lacks {error}"
        raise InputError(
            f"{path}: not an openai-whisper checkpoint ({what}); of a Hugging Face model give the folder"
        ) from None


def save_whisper_encoder(source, path, **metadata):
    """Write the encoder of a Whisper file or folder as safetensors, its dims and further texts, name → text, beside the
    weights. Raises InputError."""
    dims, state = load_whisper_file(source)
    encoder = {name: value for name, value in state.items() if name.startswith("encoder.")}
    write_safe(path, encoder, {"dims": json.dumps(dims), **metadata})
