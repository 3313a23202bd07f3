"""Answering for speech: load a trained system, hear, answer freely, score the classes, and name one by a grammar."""

import time
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch

from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE, has_sound
from c2ser.cot.questions import check_questions, told_ids
from c2ser.errors import InputError
from c2ser.given import as_list, name_of, read_speech
from c2ser.inference.answer_trie import search
from c2ser.inference.answers import Answers
from c2ser.inference.asking import ask
from c2ser.inference.batching import run_batches
from c2ser.inference.calibration import Correction
from c2ser.inference.chat import SeededSampling
from c2ser.inference.decoding import Decoding
from c2ser.inference.emotion_encoder import EmotionEncoder
from c2ser.inference.generation import generate, token_scores
from c2ser.inference.labels import parse_label
from c2ser.inference.pooling import frame_statistics
from c2ser.inference.streaming import stream_tokens, whole_characters
from c2ser.inference.system import System
from c2ser.models.language_model import transcript_ids
from c2ser.prosody.measures import Levels

WINDOW, WINDOW_SECONDS = 256, 1800.0
"""How many inputs, or seconds of speech, `Predictor.each` reads before it answers them."""


@dataclass
class Prediction:
    """What the system says of one utterance, by each of the methods of `Decoding`; None for what was not asked for.

    label, posterior (class → probability): of label scoring; text: what was generated freely (mode explicit: the
    rationale), tokens: its length; parsed: the class that it names, None where it names none or several; constrained:
    the class that the grammar led to. sound: whether there was anything to hear; an answer to silence means nothing.
    asked: question of style → the level, or the words, answered.
    """

    label: str | None
    posterior: dict | None
    text: str
    parsed: str | None
    tokens: int
    constrained: str | None = None
    sound: bool = True
    asked: dict | None = None


class Predictor(System):
    """A trained C2SER. `predictor(["a.wav"])` gives one `Prediction` an input.

    model: the folder that stage 11 or 14 of a recipe made; device: "cpu", "cuda"; decoding: a `Decoding`; calibration:
    a `Calibration` of the mode that is used, or None; paraphrase: 0 asks what training asked, 1 … the paraphrases of
    `c2ser.cot.prompts`; labels: among which words label scoring and the grammar choose, None: the classes of training
    (any words will do, but those that training never gave are found unlikely beside those that it did); ensemble: ask that
    many paraphrases, too, and take the mean of the posteriors, all else being of the trained prompt; questions: of style to
    ask (`c2ser.cot.questions`); voice: "language" and "gender" of the speech, where known, for a system that is told the
    measured style. Raises InputError where the folder lacks a part, or these do not fit the system.
    """

    def __init__(
        self, model, device="cpu", decoding=None, calibration=None, paraphrase=0, labels=None, ensemble=0, questions=(),
        voice=None,
    ):  # fmt: skip
        self.decoding = decoding or Decoding()
        super().__init__(model, device, self.decoding.dtype, paraphrase, ensemble)
        self.labels = self.bundle.labels if labels is None else list(labels)
        self.languages = self.decoding.languages or self.bundle.languages
        order = self._config("explicit").verdict if "explicit" in self.bundle.modes else "last"
        self.answers = Answers(self.tokenizer, self.labels, self.languages, order, any_words=labels is not None)
        self.questions, self.voice = tuple(questions), voice or {}
        if questions:
            check_questions(questions)
        if ensemble and (paraphrase or "score" not in self.decoding.methods):
            raise InputError("ensemble_prompts: needs the method score, and no paraphrase beside")
        self.levels = Levels(self.bundle.style) if self.bundle.style else None
        self.sampling = (1.0, 1.0)
        self.emotion_encoder = EmotionEncoder(**self.bundle.emotion, device=device) if self.bundle.emotion else None
        self.seconds = {"generation": 0.0, "scoring": 0.0}
        self.calibration, self.correction = calibration, self._correction(calibration)

    def __call__(
        self, inputs, mode="implicit", channel=None, emotion=None, made=None, names=None, transcripts=None, speakers=None,
        styles=None, rationales=None, seeds=None,
    ):  # fmt: skip
        """Answer for many inputs, batched by length; the batch size changes nothing but speed.

        inputs: a list of paths, arrays or whatever else `c2ser.given.read_speech` takes, or one alone; mode: "implicit"
        or "explicit"; channel: 1-based number, "mean" or None (mono only); emotion: features `(10, dim)` made before, one
        an input, instead of computing them; made: called with index → `Prediction` of every batch, in the order of length, as it is done;
        names: what messages call the inputs; transcripts: the words of each input, for a system that reads them
        (`text_only`) or is told how fast they are said; speakers: what `enrol` gave of each input's speaker, or None, for
        a system that is normalised by speaker: without it the means of the training speakers serve; styles: {measure:
        level} of each, for a system that is told them, instead of measuring; rationales: the free answer of each, instead
        of generating; seeds: of each, to draw its free answer by `sampling`, (temperature, top_p), instead of searching
        the likeliest. Returns a list of `Prediction` in the order of the inputs. Raises InputError naming the input, as
        where one alone does not fit into memory.
        """
        self._check_calibrated(mode)
        inputs = as_list(inputs)
        names = names or [name_of(item, number) for number, item in enumerate(inputs)]
        speech = [self._read(item, channel, name) for item, name in zip(inputs, names)]
        heard = list(map(has_sound, speech, names))
        order = sorted(range(len(speech)), key=lambda index: len(speech[index]))
        predictions, columns = [None] * len(speech), (emotion, transcripts, speakers, styles, rationales, seeds)

        def answer(chosen):
            given = [None if column is None else [column[index] for index in chosen] for column in columns]
            batch = dict(zip(chosen, self._answer([speech[i] for i in chosen], mode, *given)))
            for index, prediction in batch.items():
                predictions[index] = batch[index] = replace(prediction, sound=heard[index])
            if made:
                made(batch)

        limit = self.decoding.batch_seconds * SAMPLE_RATE
        run_batches(
            order, self.decoding.batch_size, answer, lambda index: names[index], lambda index: len(speech[index]), limit
        )
        return predictions

    def each(self, inputs, mode="implicit", channel=None, speaker=None, bad=None):
        """Yield the `Prediction` of each input in turn, for as many as there are: no more than a window of them, `WINDOW`
        or `WINDOW_SECONDS`, is held at a time. inputs: an iterable of what a call takes, read as it is needed; speaker: what
        `enrol` gave, where all are of one; bad: a dict that inputs which cannot be read go into by name, with the reason;
        in their turn None is yielded. Answers, and other errors, are those of a call."""
        speech, names = [], []
        for number, item in enumerate(inputs):
            names.append(name_of(item, number))
            try:
                speech.append(self._read(item, channel, names[-1]))
            except InputError as error:
                if bad is None:
                    raise
                bad[names[-1]] = str(error)
                speech.append(None)
            seconds = sum(len(samples) for samples in speech if samples is not None) / SAMPLE_RATE
            if len(speech) == WINDOW or seconds >= WINDOW_SECONDS:
                yield from self._window(speech, names, mode, speaker)
                speech, names = [], []
        yield from self._window(speech, names, mode, speaker)

    def _window(self, speech, names, mode, speaker):
        """Predictions of a window of `each`; None where there are no samples."""
        held = {place: samples for place, samples in enumerate(speech) if samples is not None}
        made = self(list(held.values()), mode, names=[names[place] for place in held], speakers=[speaker] * len(held)) if held else []
        found = dict(zip(held, made))
        return [found.get(place) for place in range(len(speech))]

    @torch.no_grad()
    def stream(self, item, mode="explicit", channel=None):
        """Answer for one input while somebody watches: a `Prediction` for every token that is generated.

        item, mode, channel: as in a call. Until the last, predictions have a `text` that grows, and neither label nor
        posterior; the last is that of a call that generates greedily. Raises InputError as a call does.
        """
        self._check_calibrated(mode)
        samples, model, ids = self._read(item, channel, name_of(item, 0)), self._model(mode), []
        sound = has_sound(samples, name_of(item, 0))
        prefixes = model.prefixes(mode, *self._hear(model, [samples], None, None))
        limit = self.decoding.max_new_tokens[mode] if self._generates(mode) else 0
        for token in stream_tokens(model, prefixes[0], self.tokenizer, limit, self.decoding.repetition_penalty):
            ids.append(token)
            text = whole_characters(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()
            yield Prediction(None, None, text, None, len(ids))
        text = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        yield replace(self._conclude(model, mode, prefixes, [text], [len(ids)])[0], sound=sound)

    @torch.no_grad()
    def enrol(self, inputs, mode="implicit", channel=None, emotion=None, names=None):
        """What a system that is normalised by speaker (`by_speaker`) takes off what it hears of one: the means of these
        recordings of the speaker, each counting alike. No label is asked for, but recordings of one mood alone would take
        the mood off, too.

        inputs: as in a call, but any iterable, read a batch at a time; emotion: an iterable of features made before.
        Returns an entry of a call's `speakers`. Raises InputError as a call does, and where there is no recording.
        """
        model, items, sums, number = self._model(mode), iter(inputs), {}, 0
        features = None if emotion is None else iter(emotion)
        while batch := list(islice(items, self.decoding.batch_size)):
            titles = [names[number + row] if names else name_of(item, number + row) for row, item in enumerate(batch)]
            speech, lengths = self._padded([self._read(item, channel, title) for item, title in zip(batch, titles)])
            given = None if features is None else torch.tensor(np.stack(list(islice(features, len(batch)))))
            for name, means in self._means(model, speech, lengths, given).items():
                sums[name] = sums.get(name, 0.0) + means.double().sum(0)
            number += len(batch)
        if not number:
            raise InputError("no recording of the speaker was given")
        return {name: (total / number).float() for name, total in sums.items()}

    def _correction(self, calibration):
        if calibration is None:
            if self.decoding.prior != "none":
                raise InputError(f"prior {self.decoding.prior!r}: stands in a calibration; give one (--calibration)")
            return Correction()
        if list(calibration.labels) != list(self.labels):
            given, own = ", ".join(calibration.labels), ", ".join(self.labels)
            raise InputError(f"the calibration is for the classes {given}; here they are {own}")
        return calibration.correction(self.decoding.prior, self.decoding.prior_strength)

    def _check_calibrated(self, mode):
        if self.calibration and self.calibration.mode != mode:
            raise InputError(f"the calibration is of mode {self.calibration.mode}, not {mode}; calibrate each mode")

    def _read(self, item, channel, name):
        samples = read_speech(item, channel, name=name)
        if len(samples) < MIN_SAMPLES:
            raise InputError(f"{name}: {len(samples)} samples at 16 kHz; at least {MIN_SAMPLES} (25 ms) are needed")
        return samples

    @torch.no_grad()
    def _answer(self, speech, mode, emotion, words, speakers, styles, rationales, seeds):
        model = self._model(mode)
        emotion = None if emotion is None else torch.tensor(np.stack(emotion))
        heard = self._hear(model, speech, emotion, words, speakers, styles)
        prompts = [mode, *(f"{mode} {number}" for number in range(1, self.ensemble + 1))]
        made, *others = [self._prompted(model, mode, model.prefixes(name, *heard), rationales, seeds) for name in prompts]
        for row, prediction in enumerate(made if others else ()):
            rows = [prediction.posterior, *(other[row].posterior for other in others)]
            mean = {label: sum(one[label] for one in rows) / len(rows) for label in self.labels}
            made[row] = replace(prediction, posterior=mean, label=max(mean, key=mean.get))
        if not self.questions:
            return made
        longest = self.decoding.max_new_tokens["explicit"]
        asked = ask(model, self.tokenizer, self.questions, self.languages, *heard, longest)
        return [replace(prediction, asked=said) for prediction, said in zip(made, asked)]

    def _prompted(self, model, mode, prefixes, rationales, seeds):
        """Predictions by one prompt."""
        start = time.perf_counter()
        texts, counts = (rationales, [0] * len(prefixes)) if rationales else self._generate(model, mode, prefixes, seeds)
        generated = time.perf_counter()
        made = self._conclude(model, mode, prefixes, texts, counts)
        self.seconds["generation"] += generated - start
        self.seconds["scoring"] += time.perf_counter() - generated
        return made

    def _conclude(self, model, mode, prefixes, texts, counts):
        """Predictions, once there are texts of these numbers of tokens."""
        labels, posteriors, constrained = self._choose(model, mode, prefixes, texts)
        parsed = [None] * len(texts)
        if "free" in self.decoding.methods:
            hint = self.languages[0] if len(self.languages) == 1 else None
            parsed = [parse_label(text, hint, self.labels).label for text in texts]
        return list(map(Prediction, labels, posteriors, texts, parsed, counts, constrained))

    def _padded(self, speech):
        """Waveforms as float `(batch, samples)` and their lengths."""
        lengths = torch.tensor([len(samples) for samples in speech], device=self.device)
        padded = torch.nn.utils.rnn.pad_sequence(list(map(torch.from_numpy, speech)), batch_first=True)
        return padded.to(self.device), lengths

    def _means(self, model, speech, lengths, emotion):
        """Of every utterance the means `(batch, dim)` of its frames and of its emotion tokens, where the model hears them."""
        means = {}
        if model.encoder is not None:
            means["speaker_frames"] = frame_statistics(*model.encode(speech, lengths))[0]
        if self.emotion_encoder:
            means["speaker_emotion"] = (self.emotion_encoder(speech, lengths)[0] if emotion is None else emotion).mean(1)
        return {name: values.to(self.device) for name, values in means.items()}

    def _hear(self, model, speech, emotion, words, speakers=None, styles=None):
        """What the language model is given of a batch, and its lengths."""
        padded, lengths = self._padded(speech)
        if emotion is None and self.emotion_encoder:
            emotion = self.emotion_encoder(padded, lengths)[0]
        transcript = None
        if words is not None:
            ids = [torch.tensor(transcript_ids(self.tokenizer, text), dtype=torch.long) for text in words]
            transcript = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=-1).to(self.device)
        known = {}
        for part, layer in model.standardize.items() if any(speakers or ()) else ():
            name = f"speaker_{part}"
            known[name] = torch.stack([layer.mean if means is None else means[name] for means in speakers])
        heard = model.hear(padded, lengths, None if emotion is None else emotion.to(self.device), transcript, **known)
        if not model.measured_style:
            return heard
        if styles is None and self.levels is None:
            raise InputError("this system is told the measured style: its model.yaml must name the statistics (`style`)")
        styles = styles or [self.levels(*one, **self.voice) for one in zip(speech, words or [""] * len(speech))]
        ids = [torch.tensor(told_ids(self.tokenizer, style, model.measured_style)) for style in styles]
        measured = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=-1)
        return model.tell(*heard, measured.to(self.device))

    def _generates(self, mode):
        """Whether anything is generated freely: an explicit answer needs its rationale."""
        return mode == "explicit" or "free" in self.decoding.methods

    def _generate(self, model, mode, prefixes, seeds):
        """Free answers and their numbers of tokens; empty ones where no method needs them."""
        if not self._generates(mode):
            return [""] * len(prefixes), [0] * len(prefixes)
        ids = generate(
            model, prefixes, self.tokenizer, self.decoding.max_new_tokens[mode], self.decoding.num_beams,
            self.decoding.repetition_penalty, seeds and SeededSampling(seeds, *self.sampling),
        )  # fmt: skip
        texts = [self.tokenizer.decode(row, skip_special_tokens=True).replace("\0", " ").strip() for row in ids]
        return texts, [len(row) for row in ids]

    def _choose(self, model, mode, prefixes, texts):
        """Labels and posteriors by label scoring, and the classes that the grammar leads to; None for methods not used.

        A class is as likely as its answers together. The grammar goes by what the language model says, uncorrected.
        """
        nothing = [None] * len(texts)
        if not {"score", "constrained"} & set(self.decoding.methods):
            return nothing, nothing, nothing
        ids, scores = token_scores(model, prefixes, [self.answers.candidates(mode, text) for text in texts])
        scores = scores.double().cpu().numpy()
        if not np.isfinite(scores).all():
            raise InputError(
                "the language model's likelihoods are not finite: the checkpoint is damaged, or dtype too coarse"
            )
        labels, posteriors, constrained = nothing, nothing, nothing
        if "score" in self.decoding.methods:
            sums = scores.sum(axis=2).reshape(len(texts), len(self.languages), len(self.labels))
            rows = self.correction(np.logaddexp.reduce(sums, axis=1)).tolist()
            labels = [self.labels[max(range(len(row)), key=row.__getitem__)] for row in rows]
            posteriors = [dict(zip(self.labels, row)) for row in rows]
        if "constrained" in self.decoding.methods:
            found = [search(answers, rows, self.decoding.num_beams) for answers, rows in zip(ids, scores)]
            constrained = [self.labels[self.answers.owners[index]] for index in found]
        return labels, posteriors, constrained
