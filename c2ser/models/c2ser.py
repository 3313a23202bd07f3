"""C2SER: contextual perception (Whisper and Emotion2Vec-S) before a language model that reasons aloud or answers at once.

Sequence given to the language model: [prompt] [speech begin] [10 emotion tokens | speech tokens] [speech end] [answer]
(paper, section III).
"""

import torch
import torch.nn.functional as F
from espnet2.train.abs_espnet_model import AbsESPnetModel
from torch import nn

from c2ser.cot.prompts import MODES
from c2ser.errors import InputError
from c2ser.models.connector import Connector, Subsampler, join_lengthwise
from c2ser.models.schedule import explicit_batch


class C2SER(AbsESPnetModel):
    """The audio language model and its training objective: cross-entropy on the answer's tokens.

    encoder: WhisperEncoder, or None for the ablation without it; llm: a causal LM; prompts: mode → (ids before, ids
    after the speech); emotion_dim: width of the emotion tokens, or 0 for the ablation without Emotion2Vec-S; connector:
    arguments of `Connector`; augment: a function on a mel spectrogram used in training, or None; train_mode:
    "explicit" | "implicit" | "explicit_to_implicit", where a batch is explicit with a probability that falls linearly
    from 1 to 0 over `schedule_batches` batches (section III-E); seed: of that choice.
    """

    def __init__(
        self, encoder, llm, prompts, emotion_dim, connector=None, augment=None, freeze_encoder=False,
        train_mode="explicit", schedule_batches=1, seed=0,
    ):  # fmt: skip
        super().__init__()
        if encoder is None and not emotion_dim:
            raise InputError("model_conf: neither Whisper nor Emotion2Vec-S: nothing would hear the speech")
        if train_mode not in (*MODES, "explicit_to_implicit"):
            raise InputError(f"model_conf: train_mode: {train_mode!r}: expected explicit, implicit or explicit_to_implicit")
        self.encoder, self.llm, self.augment = encoder, llm, augment
        self.emotion_dim, self.freeze_encoder = emotion_dim, freeze_encoder
        embeddings = llm.get_input_embeddings()
        scale = float(embeddings.weight.std())
        self.connector = Connector(embeddings.embedding_dim, scale, **(connector or {}))
        if emotion_dim > self.connector.dim:
            raise InputError(f"connector_conf: dim {self.connector.dim} is less than the emotion tokens' {emotion_dim}")
        self.subsampler = Subsampler(encoder.dim, self.connector.dim) if encoder is not None else None
        self.speech_ends = nn.Embedding(2, embeddings.embedding_dim)
        nn.init.normal_(self.speech_ends.weight, std=scale)
        self.prompts = {mode: tuple(torch.tensor(ids, dtype=torch.long) for ids in prompts[mode]) for mode in MODES}
        self.train_mode, self.schedule_batches, self.seed = train_mode, schedule_batches, seed
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))
        if encoder is not None and freeze_encoder:
            encoder.requires_grad_(False)
        self._leave_frozen_llm_out_of_checkpoints()

    def forward(self, speech, speech_lengths, explicit, implicit, emotion=None, **_):
        """One training step.

        speech: float `(batch, samples)` at 16 kHz, speech_lengths: int `(batch,)`; explicit, implicit: answer ids int
        `(batch, tokens)`, padded with −1; emotion: float `(batch, 10, emotion_dim)`. Returns (loss, stats, weight).
        """
        mode = self.batch_mode()
        answers = explicit if mode == "explicit" else implicit
        speech_tokens, lengths = self.hear(speech, speech_lengths, emotion)
        inputs, targets = self.training_sequences(mode, speech_tokens, lengths, answers)
        loss, correct, whole = self.answer_loss(inputs, targets)
        stats = {f"loss_{mode}": loss.detach(), "loss": loss.detach().clone()}
        stats |= {"acc": correct, f"acc_answer_{mode}": whole}
        return loss, stats, loss.new_tensor(float(len(speech)))

    def collect_feats(self, **batch):
        """Nothing to collect: the encoders normalise their own input."""
        return {}

    def batch_mode(self):
        """Whether this batch is answered explicitly or implicitly; in training, counts it."""
        if self.train_mode != "explicit_to_implicit":
            return self.train_mode
        if not self.training:
            return "implicit"
        explicit = explicit_batch(int(self.batches), self.schedule_batches, self.seed)
        self.batches += 1
        return "explicit" if explicit else "implicit"

    def hear(self, speech, lengths, emotion):
        """Speech → what the language model is given of it: `(batch, length, llm_dim)`, int `(batch,)`."""
        if self.encoder is not None:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_encoder):
                frames, counts = self.encoder(speech, lengths, augment=self.augment if self.training else None)
            frames, counts = self.subsampler(frames, counts)
        else:
            frames, counts = speech.new_zeros(len(speech), 0, self.connector.dim), torch.zeros_like(lengths)
        if self.emotion_dim:
            emotion = F.pad(emotion.to(frames.dtype), (0, self.connector.dim - self.emotion_dim))
            frames, counts = join_lengthwise(emotion, frames, counts)
        return self.connector(frames, counts), counts

    def prefixes(self, mode, speech_tokens, lengths):
        """Embeddings of everything before the answer, one `(length, llm_dim)` for every utterance."""
        embed = self.llm.get_input_embeddings()
        before, after = (embed(ids.to(speech_tokens.device)) for ids in self.prompts[mode])
        begin, end = self.speech_ends.weight[:1], self.speech_ends.weight[1:]
        return [
            torch.cat([before, begin, tokens[:length], end, after]) for tokens, length in zip(speech_tokens, lengths.tolist())
        ]

    def training_sequences(self, mode, speech_tokens, lengths, answers):
        """Inputs `(batch, length, llm_dim)`, right-padded, and targets int `(batch, length)`: the token that each
        position must predict, −1 where none is (everything but the answer)."""
        embed, inputs, targets = self.llm.get_input_embeddings(), [], []
        for prefix, answer in zip(self.prefixes(mode, speech_tokens, lengths), answers):
            answer = answer[answer >= 0]
            inputs.append(torch.cat([prefix, embed(answer[:-1])]))
            targets.append(F.pad(answer, (len(prefix) - 1, 0), value=-1))
        pad = nn.utils.rnn.pad_sequence
        return pad(inputs, batch_first=True), pad(targets, batch_first=True, padding_value=-1)

    def answer_loss(self, inputs, targets):
        """Mean cross-entropy over the answers' tokens, the fraction of them predicted right, and the fraction of
        answers predicted right throughout (all under teacher forcing). Logits are made for answer positions only."""
        hidden = self.decoder()(inputs_embeds=inputs, use_cache=False).last_hidden_state
        answered = targets >= 0
        logits = self.llm.get_output_embeddings()(hidden[answered]).float()
        wanted = targets[answered]
        right = logits.argmax(-1) == wanted
        row = answered.nonzero()[:, 0]
        wrong = torch.zeros(len(targets), device=row.device).index_add_(0, row, (~right).float())
        return F.cross_entropy(logits, wanted), right.float().mean(), (wrong == 0).float().mean()

    def decoder(self):
        """The language model without its output layer, adapters included."""
        base = self.llm.get_base_model() if hasattr(self.llm, "get_base_model") else self.llm
        return base.get_decoder()

    def _leave_frozen_llm_out_of_checkpoints(self):
        """The frozen base model comes from its own folder: its weights stand neither in checkpoints nor are missed."""
        frozen = {f"llm.{name}" for name, weight in self.llm.named_parameters() if not weight.requires_grad}

        def drop(module, state, prefix, metadata):
            for name in frozen:
                state.pop(prefix + name, None)
            for name in [name for name in state if name.startswith(prefix + "llm.") and name.endswith("lm_head.weight")]:
                state.pop(name)

        def forgive(module, keys):
            keys.missing_keys[:] = [
                key for key in keys.missing_keys if key not in frozen and not key.endswith("lm_head.weight")
            ]

        if frozen:
            self.register_state_dict_post_hook(drop)
            self.register_load_state_dict_post_hook(forgive)
