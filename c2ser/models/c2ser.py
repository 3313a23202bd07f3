"""C2SER: contextual perception (Whisper, Emotion2Vec-S) before a language model that reasons aloud or answers at once.

Sequence given to the language model: [prompt] [speech begin] [10 emotion tokens | speech tokens] [speech end] [answer]
(paper, section III). The text-only ablation puts the transcript's tokens where the speech would stand.
"""

import contextlib

import torch
import torch.nn.functional as F
from torch import nn

from c2ser.cot.prompts import MODES
from c2ser.cot.questions import ASKED, QUESTIONS, WORDS, check_questions
from c2ser.errors import InputError
from c2ser.models.connector import Connector, Standardize, Subsampler, join_lengthwise
from c2ser.models.distillation import posterior_divergence, verdict_scores
from c2ser.models.distributed import gather, joint_mean, widened
from c2ser.models.kept_frames import heard_once
from c2ser.models.language_model import embedding_deviation
from c2ser.models.likelihoods import logits_at
from c2ser.models.schedule import asked_question, explicit_batch
from c2ser.models.verdict import unpadded, verdict_tokens
from c2ser.models.whisper_encoder import LayerMix


class C2SER(nn.Module):
    """The audio language model and its training objective: cross-entropy on the answer's tokens.

    encoder: WhisperEncoder, or None for the ablation without it; llm: a causal LM; prompts: mode, or question of style, → (ids
    before, ids after the speech); emotion_dim: width of the emotion tokens, or 0 for the ablation without Emotion2Vec-S,
    emotion_layers: of how many layers they are, side by side, to hear a learned sum of (utterance_mode all_layers; our own
    option); connector:
    arguments of `Connector`; augment: a function on a mel spectrogram used in training, or None; freeze_encoder:
    whether Whisper stays as it is (the paper trains it); train_mode: "explicit" | "implicit" | "explicit_to_implicit",
    where a batch is explicit with a probability that falls linearly from 1 to 0 over the training's `total_batches`
    batches (section III-E); seed: of that choice; align_batches: how many batches at the start warm up the connector
    alone, without running the language model (`align`; our own option, for little data; 0 as in the paper);
    llm_autocast: "bfloat16": run the language model's training steps, and those of a frozen Whisper, under bfloat16
    autocast, on any device (ESPnet's use_amp knows CUDA only), twice as fast where there are instructions for it
    ("auto": there alone, `c2ser.precision`); keep_frames: in
    training, let a frozen Whisper hear every utterance once and keep its frames in memory (370 MB an hour of speech with
    Whisper base), or read them (--kept_frames), for sets that are gone through often; standardize: `Standardize` what both encoders give; "speaker": by
    the means of each speaker's own recordings (c2ser.inference.speakers), which needs freeze_encoder;
    hold_connector: after the warm-up the connector stays as it is, and the language model learns to read it;
    verdict_weight: as how many tokens each of those counts that name the emotion at the end of a rationale, one or two
    among its many (these four are our own options, for little data), classes: the short answers among which they tell,
    `verdict_ids`; text_only: the ablation that reads the transcript and hears nothing (neither encoder nor connector);
    verdict: whether rationales have it "last" or "first"; style_questions: share of the batches that ask one of `questions`
    (c2ser.cot.questions) in place of the emotion, for a short answer; utterances of which it is not known do not count;
    measured_style: the language in which the model is told the measured levels (`tell`), or None;
    kl_weight, kl_temperature: of the term of c2ser.models.distillation on implicit batches that bring `teacher`,
    weight 0: without it; verdicts: its candidates, `verdict_ids`.

    Batches may be spread over processes: losses are then those of all their utterances together.
    """

    def __init__(
        self, encoder, llm, prompts, emotion_dim, connector=None, augment=None, freeze_encoder=False,
        train_mode="explicit", total_batches=1, seed=0, align_batches=0, llm_autocast="none", keep_frames=False,
        standardize=False, hold_connector=False, verdict_weight=1.0, text_only=False, kl_weight=0.0, kl_temperature=1.0,
        verdicts=None, classes=None, emotion_layers=1, verdict="last", style_questions=0.0, questions=ASKED,
        measured_style=None,
    ):  # fmt: skip
        super().__init__()
        hears = encoder is not None or bool(emotion_dim)
        if text_only and (hears or align_batches):
            raise InputError(
                "text_only: takes no Whisper, no emotion_dim and no align_batches: there is nothing to hear"
            )
        if not text_only and not hears:
            raise InputError("model_conf: neither Whisper nor Emotion2Vec-S: nothing would hear the speech")
        if train_mode not in (*MODES, "explicit_to_implicit"):
            raise InputError(
                f"model_conf: train_mode: {train_mode!r}: expected explicit, implicit or explicit_to_implicit"
            )
        if keep_frames and encoder is not None and not (freeze_encoder and augment is None):
            raise InputError("model_conf: keep_frames: needs freeze_encoder: true and specaug: false")
        if standardize not in (True, False, "speaker"):
            raise InputError(f"model_conf: standardize: {standardize!r}: expected true, false or speaker")
        if standardize == "speaker" and encoder is not None and not freeze_encoder:
            raise InputError("model_conf: standardize: speaker: needs freeze_encoder: true, or the means would be others'")
        if not (kl_weight >= 0 and kl_temperature > 0):
            raise InputError(
                f"model_conf: kl_weight {kl_weight} must not be negative, kl_temperature {kl_temperature} positive"
            )
        if llm_autocast not in ("none", "bfloat16"):
            raise InputError(f"model_conf: llm_autocast: {llm_autocast!r}: expected none, auto or bfloat16")
        if not verdict_weight > 0:
            raise InputError(f"model_conf: verdict_weight {verdict_weight}: must be positive")
        if verdict_weight != 1 and classes is None:
            raise InputError(f"verdict_weight {verdict_weight} needs `classes`, the answers among which a name tells")
        if not 0 <= style_questions < 1:
            raise InputError(f"model_conf: style_questions {style_questions}: expected a share from 0 to below 1")
        check_questions(questions)
        self.style_questions, self.questions, self.verdict = style_questions, tuple(questions), verdict
        self.measured_style = measured_style
        self.encoder, self.llm, self.augment = encoder, llm, augment
        self.emotion_dim, self.freeze_encoder, self.text_only = emotion_dim, freeze_encoder, text_only
        embeddings = llm.get_input_embeddings()
        scale = embedding_deviation(embeddings)
        self.connector = None if text_only else Connector(embeddings.embedding_dim, scale, **(connector or {}))
        if emotion_layers < 1 or emotion_dim % emotion_layers:
            raise InputError(f"model_conf: emotion_layers {emotion_layers}: no such parts of tokens of width {emotion_dim}")
        self.emotion_width = emotion_dim // emotion_layers
        self.emotion_mixture = LayerMix(emotion_layers) if emotion_layers > 1 and emotion_dim else None
        if hears and self.emotion_width > self.connector.dim:
            raise InputError(f"connector_conf: dim {self.connector.dim} is less than the emotion tokens' {self.emotion_width}")
        self.mixture = LayerMix(encoder.layers) if encoder is not None and encoder.layers > 1 else None
        self.subsampler = Subsampler(encoder.dim, self.connector.dim) if encoder is not None else None
        self.standardize = nn.ModuleDict()
        if standardize and encoder is not None:
            self.standardize["frames"] = Standardize(encoder.dim)
        if standardize and emotion_dim:
            self.standardize["emotion"] = Standardize(self.emotion_width)
        self.speech_ends = nn.Embedding(2, embeddings.embedding_dim)
        nn.init.normal_(self.speech_ends.weight, std=scale)
        self.prompts = {mode: tuple(torch.tensor(part, dtype=torch.long) for part in ids) for mode, ids in prompts.items()}
        self.train_mode, self.seed = train_mode, seed
        self.align_batches, self.total_batches, self.hold_connector = align_batches, total_batches, hold_connector
        self.llm_bfloat16, self.verdict_weight = llm_autocast == "bfloat16", verdict_weight
        self.classes = None if classes is None else [unpadded(language) for language in classes]
        self.kept_frames = {} if keep_frames else None
        if self.llm_bfloat16:
            _leave_casts_to_autocast(llm)
        self.kl_weight, self.kl_temperature = kl_weight, kl_temperature
        self.register_buffer("verdicts", verdicts, persistent=False)
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))
        if encoder is not None and freeze_encoder:
            encoder.requires_grad_(False)
        self._leave_frozen_llm_out_of_checkpoints()

    def forward(
        self, implicit, explicit=None, speech=None, speech_lengths=None, emotion=None, transcript=None,
        teacher=None, language=None, utt_id=None, speaker_frames=None, speaker_emotion=None, style=None, words=None,
        measured=None, **_,
    ):  # fmt: skip
        """One training step.

        implicit, explicit: answer ids int `(batch, tokens)`, padded with −1, the latter where batches can be explicit;
        speech: float `(batch, samples)` at 16 kHz, speech_lengths: int `(batch,)`, emotion: float
        `(batch, 10, emotion_dim)`, transcript: token ids int `(batch, tokens)`, padded with −1: what `hear` needs;
        speaker_frames, speaker_emotion: float `(batch, dim)` of each encoder, for standardize: speaker;
        teacher: class probabilities `(batch, classes)` with language: int `(batch, 1)`, row of `verdicts`; style: answers
        to the questions but the last, int `(batch, questions, tokens)`, words: to the last, int `(batch, tokens)`, both
        padded with −1 alone where not known; measured: what `tell` takes. Returns (loss, stats, weight). Raises InputError
        where something needed is not there.
        """
        batch = int(self.batches)
        if self.training:
            self.batches += 1
        heard, lengths = self.hear(
            speech, speech_lengths, emotion, transcript, utt_id, speaker_frames, speaker_emotion
        )
        if self.training and batch < self.align_batches:
            loss, accuracy = self.align(heard, lengths, implicit)
            stats = {"loss_align": loss.detach().clone(), "acc_align": accuracy}
        else:
            question = self.training and asked_question(batch, self.style_questions, self.questions, self.seed)
            mode = question or self.batch_mode(batch - self.align_batches)
            if self.hold_connector and not self.text_only:
                heard = heard.detach()
            if self.measured_style and measured is None:
                raise InputError("measured_style: there is no data `measured`, the table utt2style")
            heard, lengths = self.tell(heard, lengths, measured)
            answers = {"implicit": implicit, "explicit": explicit, WORDS: words}.get(mode)
            if mode in QUESTIONS[:-1] and style is not None:
                answers = style[:, QUESTIONS.index(mode)]
            if answers is None:
                name = "style" if mode in QUESTIONS[:-1] else mode
                raise InputError(f"the batch is {mode}, but there is no data `{name}`; stage 9 writes it, of stage 4's")
            loss, accuracy, whole = self.answer_loss(mode, heard, lengths, answers, implicit)
            stats = {f"loss_{mode}": loss.detach().clone(), "acc": accuracy, f"acc_answer_{mode}": whole}
            if mode == "implicit" and self.kl_weight and teacher is not None:
                divergence = self.distil(heard, lengths, teacher, language)
                loss = loss + self.kl_weight * divergence
                stats["loss_kl"] = divergence.detach()
        return loss, {"loss": loss.detach().clone(), **stats}, loss.new_tensor(float(len(implicit)))

    def _apply(self, fn, recurse=True):
        """As torch's, under all that moves or casts a model; but a frozen base in bfloat16 stays so, which ESPnet would
        cast to the `train_dtype` of what learns."""

        def keep(tensor):
            rounded = tensor.dtype == torch.bfloat16 and not tensor.requires_grad
            return fn(tensor).to(tensor.dtype) if rounded else fn(tensor)

        return super()._apply(keep, recurse)

    def collect_feats(self, **batch):
        """Nothing to collect: the encoders normalise their own input."""
        return {}

    def begin(self):
        """Count batches from here: what `--init_param` brought along has the count of another training."""
        self.batches.zero_()

    def batch_mode(self, batch):
        """Whether that batch, counted from the end of the warm-up, is answered explicitly or implicitly."""
        if self.train_mode != "explicit_to_implicit":
            return self.train_mode
        total = self.total_batches - self.align_batches
        return "explicit" if self.training and explicit_batch(batch, total, self.seed) else "implicit"

    def hear(
        self, speech=None, lengths=None, emotion=None, transcript=None, names=None, speaker_frames=None,
        speaker_emotion=None,
    ):  # fmt: skip
        """Speech, or with text_only the transcript → what the language model is given of it.

        Arguments as `forward`'s, names its utt_id. Returns `(batch, length, llm_dim)` and int `(batch,)`. Raises
        InputError where what the model hears with is missing or of the wrong width.
        """
        if self.text_only:
            if transcript is None:
                raise InputError("this model reads the transcript (text_only), and none was given")
            return self.llm.get_input_embeddings()(transcript.clamp_min(0)), (transcript >= 0).sum(1)
        self._check_heard(speech, emotion)
        if self.encoder is not None:
            known = self.kept_frames if names is not None else None
            if known is not None and (self.training or not isinstance(known, dict)):  # those heard here may be rounded
                frames, counts = heard_once(
                    known, names, lambda row: self.encode(speech[row : row + 1], lengths[row : row + 1])[0][0], lengths.device
                )
            else:
                frames, counts = self.encode(speech, lengths)
            if self.mixture is not None:
                frames, speaker_frames = (one if one is None else self.mixture(one) for one in (frames, speaker_frames))
            if "frames" in self.standardize:
                frames = self.standardize["frames"](frames, counts, speaker_frames)
            frames, counts = self.subsampler(frames, counts)
        else:
            frames = emotion.new_zeros(len(emotion), 0, self.connector.dim)
            counts = torch.zeros(len(emotion), dtype=torch.long, device=emotion.device)
        if self.emotion_dim:
            if self.emotion_mixture is not None:
                emotion, speaker_emotion = (
                    one if one is None else self.emotion_mixture(one) for one in (emotion, speaker_emotion)
                )
            if "emotion" in self.standardize:
                all_of_them = torch.full_like(counts, emotion.shape[1])
                emotion = self.standardize["emotion"](emotion, all_of_them, speaker_emotion)
            emotion = F.pad(emotion.to(frames.dtype), (0, self.connector.dim - self.emotion_width))
            frames, counts = join_lengthwise(emotion, frames, counts)
        return self.connector(frames, counts), counts

    def tell(self, heard, lengths, measured):
        """Put what was measured before what is heard: arguments and results as of `hear`; measured: token ids int
        `(batch, tokens)`, padded with −1, or None, which changes nothing."""
        if measured is None:
            return heard, lengths
        embed = self.llm.get_input_embeddings()
        rows = [
            torch.cat([embed(ids[ids >= 0]).to(tokens.dtype), tokens[:length]])
            for ids, tokens, length in zip(measured, heard, lengths.tolist())
        ]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths + (measured >= 0).sum(1)

    def encode(self, speech, lengths):
        """Whisper's frames, of all layers where they are mixed. Rounding is for a frozen one's training only: an answer must
        not depend on its batch."""
        rounded = self.training and self.freeze_encoder
        precision = self._precision(speech.device.type) if rounded else contextlib.nullcontext()
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_encoder), precision:
            frames, counts = self.encoder(speech, lengths, augment=self.augment if self.training else None)
        return frames.float() if rounded else frames, counts

    def _check_heard(self, speech, emotion):
        if self.encoder is not None and speech is None:
            raise InputError("this model hears speech, and none was given")
        if self.emotion_dim and emotion is None:
            raise InputError(
                f"this model hears Emotion2Vec-S tokens of width {self.emotion_dim}, and none were given: training "
                "takes them as data `emotion`, a trained system from the `emotion` part of its model.yaml"
            )
        if self.emotion_dim and (emotion.dim() != 3 or emotion.shape[2] != self.emotion_dim):
            raise InputError(
                f"emotion tokens of shape {tuple(emotion.shape)}: expected (batch, tokens, {self.emotion_dim}); were "
                "they extracted by the Emotion2Vec-S that emotion_dim was taken from?"
            )

    def distil(self, heard, lengths, teacher, language):
        """KL(teacher ‖ student) of the classes' posteriors in implicit mode, the student scoring the verdicts of each
        utterance's language. Arguments as `forward`'s and `answer_loss`'s."""
        with self._precision(heard.device.type):
            scores = verdict_scores(self, "implicit", heard, lengths, self.verdicts[language[:, 0]])
        return posterior_divergence(scores, teacher, self.kl_temperature)

    def align(self, heard, lengths, answers):
        """Warm-up of the connector: tell the batch's short answers apart by what the language model would be given.

        The mean of an utterance's connector outputs is compared, by cosine over temperature 0.1, with the mean input
        embedding of every different answer in the batch, that of all processes, less the mean of these, and must be
        nearest to its own: cross-entropy. heard:
        `(batch, length, llm_dim)`; lengths: int `(batch,)`; answers: int `(batch, tokens)`, padded with −1. Returns the
        loss and the fraction nearest to their own.
        """
        embed = self.llm.get_input_embeddings()
        own = widened(answers, -1)
        different, own = torch.cat([own, gather(own)]).unique(dim=0, return_inverse=True)
        own = own[: len(answers)]
        named = torch.stack([embed(ids[ids >= 0][:-1]).float().mean(0) for ids in different]).detach()
        inside = torch.arange(heard.shape[1], device=heard.device) < lengths[:, None]
        pooled = (heard * inside[:, :, None]).sum(1) / lengths[:, None]
        logits = F.normalize(pooled, dim=-1) @ F.normalize(named - named.mean(0), dim=-1).T / 0.1
        return F.cross_entropy(logits, own), (logits.argmax(1) == own).float().mean()

    def prefixes(self, mode, heard, lengths):
        """Embeddings of everything before the answer, one `(length, llm_dim)` for every utterance."""
        before, after = (self.llm.get_input_embeddings()(ids.to(heard.device)) for ids in self.prompts[mode])
        begin, end = self.speech_ends.weight[:1], self.speech_ends.weight[1:]
        spoken = [tokens[:length] for tokens, length in zip(heard, lengths.tolist())]
        return [torch.cat([before, begin, tokens, end, after]) for tokens in spoken]

    def answer_loss(self, mode, heard, lengths, answers, verdicts=None):
        """Mean cross-entropy over the answers' tokens, the fraction of them predicted right, and the fraction of
        answers predicted right throughout, all under teacher forcing.

        heard: `(batch, length, llm_dim)`; lengths: int `(batch,)`; answers: int `(batch, tokens)`, padded with −1;
        verdicts: the same answers in short, likewise: the tokens of a long one that name its class weigh
        `verdict_weight` in the mean (`verdict_tokens`). An utterance without an answer counts for nothing. Logits are made
        for answer positions only.
        """
        known = (answers >= 0).any(1)
        answers = torch.cat([answers[:, :1].clamp_min(0).where(~known[:, None], answers[:, :1]), answers[:, 1:]], dim=1)
        embed, inputs, targets = self.llm.get_input_embeddings(), [], []
        for prefix, answer in zip(self.prefixes(mode, heard, lengths), answers):
            answer = answer[answer >= 0]
            inputs.append(torch.cat([prefix, embed(answer[:-1])]))
            targets.append(F.pad(answer, (len(prefix) - 1, 0), value=-1))
        inputs = nn.utils.rnn.pad_sequence(inputs, batch_first=True).to(embed.weight.dtype)
        targets = nn.utils.rnn.pad_sequence(targets, batch_first=True, padding_value=-1)

        answered = targets >= 0
        with self._precision(inputs.device.type):
            # Padding is at the right, where causal attention does not look: no mask
            logits, _ = logits_at(self.llm, answered, inputs_embeds=inputs, use_cache=False)
        wanted = targets[answered]
        right = logits.argmax(-1) == wanted
        row = answered.nonzero()[:, 0]
        wrong = torch.zeros(len(targets), device=row.device).index_add_(0, row, (~right).float())
        counted = known[row].to(logits.dtype)
        weights = counted.clone()
        if mode == "explicit" and verdicts is not None and self.verdict_weight != 1:
            weights[verdict_tokens(answers, verdicts, self.classes, self.verdict)[answers >= 0]] = self.verdict_weight
        loss = joint_mean(F.cross_entropy(logits, wanted, reduction="none"), weights, len(answers))
        accuracy = joint_mean(right.float(), counted, len(answers))
        return loss, accuracy, ((wrong == 0) & known).float().sum() / known.sum().clamp_min(1)

    def _precision(self, device):
        """Autocast of the language model; without llm_autocast the trainer's own goes on, where it is on."""
        return torch.autocast(device, torch.bfloat16) if self.llm_bfloat16 else contextlib.nullcontext()

    def _leave_frozen_llm_out_of_checkpoints(self):
        """The frozen base model comes from its own folder: its weights stand neither in checkpoints nor are missed."""
        frozen = {f"llm.{name}" for name, weight in self.llm.named_parameters() if not weight.requires_grad}

        def drop(module, state, prefix, metadata):
            for name in frozen:
                state.pop(prefix + name, None)
            for name in [
                name for name in state if name.startswith(prefix + "llm.") and name.endswith("lm_head.weight")
            ]:
                state.pop(name)

        def forgive(module, keys):
            keys.missing_keys[:] = [
                key for key in keys.missing_keys if key not in frozen and not key.endswith("lm_head.weight")
            ]

        if frozen:
            self.register_state_dict_post_hook(drop)
            self.register_load_state_dict_post_hook(forgive)


def _leave_casts_to_autocast(llm):
    """peft would take what its adapters read to their dtype, and autocast would take it back."""
    for module in llm.modules():
        if hasattr(module, "cast_input_dtype_enabled"):
            module.cast_input_dtype_enabled = False
