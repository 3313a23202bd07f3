"""Answering for speech: load a trained system, hear, answer freely, and score the classes."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch

from c2ser.audio import MIN_SAMPLES, read_audio
from c2ser.cot import templates
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.emotion_encoder import EmotionEncoder, load_weights, read_config, read_weights
from c2ser.inference.generation import generate, score_candidates
from c2ser.inference.labels import parse_label
from c2ser.models.build import build_c2ser
from c2ser.models.language_model import answer_ids, load_tokenizer


@dataclass
class Prediction:
    """What the system says of one utterance.

    label: the most probable class; posterior: class → probability, from label scoring; text: the free answer (mode
    explicit: the rationale); parsed: the class that the free answer names, or None; tokens: its length.
    """

    label: str
    posterior: dict
    text: str
    parsed: str | None
    tokens: int


@dataclass
class Decoding:
    """How answers are made. Generation is greedy with num_beams 1."""

    batch_size: int = 8
    num_beams: int = 1
    repetition_penalty: float = 1.0
    max_new_tokens: dict = field(default_factory=lambda: {"explicit": 120, "implicit": 10})


class Predictor:
    """A trained C2SER. `predictor(["a.wav"])` gives one `Prediction` an input.

    model: the folder that stage 11 or 14 of a recipe made; device: "cpu", "cuda"; decoding: a `Decoding`. Raises
    InputError where the folder lacks a part.
    """

    def __init__(self, model, device="cpu", decoding=None):
        self.bundle = Bundle.read(model)
        self.device, self.decoding = device, decoding or Decoding()
        self.tokenizer = load_tokenizer(self.bundle.llm)
        self.labels = self.bundle.labels
        self.emotion_encoder = EmotionEncoder(**self.bundle.emotion, device=device) if self.bundle.emotion else None
        self.seconds = {"generation": 0.0, "scoring": 0.0}
        self._models = {}

    def __call__(self, inputs, mode="implicit", channel=None, emotion=None, progress=None):
        """Answer for many inputs, batched by length; the batch size changes nothing but speed.

        inputs: paths, or float arrays `(samples,)` at 16 kHz; mode: "implicit" or "explicit"; channel: 1-based number,
        "mean" or None (mono only), for paths; emotion: features `(10, dim)` made before, one an input, instead of
        computing them; progress: called with the number of inputs done. Returns a list of `Prediction` in the order of
        the inputs. Raises InputError naming the input.
        """
        speech = [self._read(item, channel) for item in inputs]
        order = sorted(range(len(speech)), key=lambda index: len(speech[index]))
        predictions = [None] * len(speech)
        for first in range(0, len(order), self.decoding.batch_size):
            chosen = order[first : first + self.decoding.batch_size]
            given = None if emotion is None else torch.tensor(np.stack([emotion[index] for index in chosen]))
            answers = self._answer([speech[index] for index in chosen], mode, given)
            for index, prediction in zip(chosen, answers):
                predictions[index] = prediction
            if progress:
                progress(len(chosen))
        return predictions

    def _read(self, item, channel):
        samples = np.asarray(item, np.float32) if isinstance(item, np.ndarray) else read_audio(str(item), channel)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise InputError("array: expected finite mono samples `(samples,)` at 16 kHz")
        if len(samples) < MIN_SAMPLES:
            what = "array" if isinstance(item, np.ndarray) else item
            raise InputError(f"{what}: {len(samples)} samples at 16 kHz; at least {MIN_SAMPLES} (25 ms) are needed")
        return torch.from_numpy(samples)

    @torch.no_grad()
    def _answer(self, speech, mode, emotion):
        model = self._model(mode)
        lengths = torch.tensor([len(samples) for samples in speech], device=self.device)
        padded = torch.nn.utils.rnn.pad_sequence(speech, batch_first=True).to(self.device)
        if emotion is None and self.emotion_encoder:
            emotion = self.emotion_encoder(padded, lengths)[0]
        heard, counts = model.hear(padded, lengths, None if emotion is None else emotion.to(self.device))
        prefixes = model.prefixes(mode, heard, counts)

        start = time.perf_counter()
        ids = generate(
            model, prefixes, self.tokenizer, self.decoding.max_new_tokens[mode], self.decoding.num_beams,
            self.decoding.repetition_penalty,
        )  # fmt: skip
        texts = [self.tokenizer.decode(row, skip_special_tokens=True).strip() for row in ids]
        generated = time.perf_counter()
        scores = score_candidates(model, prefixes, [self._candidates(mode, text) for text in texts])
        self.seconds["generation"] += generated - start
        self.seconds["scoring"] += time.perf_counter() - generated
        return [
            self._prediction(text, row.softmax(0).tolist(), len(token_ids)) for text, row, token_ids in zip(texts, scores, ids)
        ]

    def _candidates(self, mode, text):
        """Token ids of the answer that each class would give; in explicit mode, after the rationale as generated."""
        language = self.bundle.language
        words = templates.load(language)
        if mode == "implicit":
            return [answer_ids(self.tokenizer, words.implicit_answer(label)) for label in self.labels]
        reasoning = text.rpartition(words.ANSWER_LEAD)[0] or text
        return [
            answer_ids(self.tokenizer, words.with_verdict(reasoning.rstrip(), words.emotion_name(label))) for label in self.labels
        ]

    def _prediction(self, text, posterior, tokens):
        best = max(range(len(posterior)), key=posterior.__getitem__)
        parsed = parse_label(text, self.bundle.language, self.labels).label
        return Prediction(self.labels[best], dict(zip(self.labels, posterior)), text, parsed, tokens)

    def _model(self, mode):
        """The model of that mode, loaded at first use."""
        if mode not in self.bundle.modes:
            raise InputError(f"mode {mode!r}: this system has {', '.join(self.bundle.modes)}")
        if mode not in self._models:
            part = self.bundle.modes[mode]
            config = read_config(part["config"])
            config.llm, config.whisper = str(self.bundle.llm), self.bundle.whisper and str(self.bundle.whisper)
            model = build_c2ser(config)
            load_weights(model, read_weights(part["checkpoint"]), part["checkpoint"])
            self._models[mode] = model.eval().requires_grad_(False).to(self.device)
        return self._models[mode]
