"""The text teacher (paper, semi-supervised labels): which emotion a transcript alone speaks for.

The paper asks GLM-4-9B-Chat; here it may be any local causal language model, asked in the language of the words and
read by the likelihood of each class's answer, or any local sequence classifier.
"""

from pathlib import Path

import torch

from c2ser.cot.quote import clean_transcript
from c2ser.emotions import EMOTIONS, canonical
from c2ser.errors import InputError
from c2ser.inference.chat import ChatModel, context_length, load_pretrained
from c2ser.jsonfile import read_json
from c2ser.models.language_model import answer_ids, load_tokenizer
from c2ser.silver.prompts import answers, instruction

LEFT_OUT = "-"
"""What a label map writes for a class of the model that counts for none of ours."""


class ChatTeacher:
    """A causal language model as a teacher: the softmax over the classes of the likelihood of their answers.

    labels: the classes to choose from. device, dtype: see `ChatModel`.
    """

    kind = "causal language model"

    def __init__(self, path, labels=EMOTIONS, device="cpu", dtype="float32"):
        self.model, self.labels = ChatModel(path, device, dtype), list(labels)
        self._answers = {}

    @property
    def limit(self):
        """How many tokens a question may have, the longest answer left aside; None where it is not known."""
        return self.model.limit

    def encode(self, text, language):
        """A transcript → (token ids of the question, token ids of each class's answer)."""
        if language not in self._answers:
            texts = answers(language, self.labels)
            self._answers[language] = [answer_ids(self.model.tokenizer, answer) for answer in texts]
        return self.model.prompt_ids(instruction(text, language, self.labels)), self._answers[language]

    def length(self, encoded):
        """Tokens that one transcript takes, its longest answer included."""
        return len(encoded[0]) + max(map(len, encoded[1]))

    def posteriors(self, batch):
        """What `encode` gave for several transcripts → probabilities, float `(batch, labels)`."""
        prompts, candidates = zip(*batch)
        return self.model.score(prompts, candidates).double().softmax(1)


class ClassifierTeacher:
    """A sequence classifier as a teacher: its classes mapped to ours and their probabilities added up.

    labels: our classes; those that no class of the model stands for are left out of `self.labels`. label_map: the
    model's class → ours, or `LEFT_OUT`, for names that `c2ser.emotions` does not know; what remains is scaled to sum
    to 1. A model with several labels a text counts by its sigmoids. Raises InputError for a class without a place.
    """

    kind = "sequence classifier"

    def __init__(self, path, labels=EMOTIONS, label_map=None, device="cpu", dtype="float32"):
        from transformers import AutoModelForSequenceClassification

        self.model = load_pretrained(AutoModelForSequenceClassification, path, dtype, device)
        self.tokenizer, self.device = load_tokenizer(path, answers=False), device
        config = self.model.config
        if config.pad_token_id is None:  # classifiers on top of a decoder need one to find the last token
            config.pad_token_id = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else 0
        self.several = config.problem_type == "multi_label_classification"
        self.limit = context_length(config, self.tokenizer)
        ours = map_labels([config.id2label[index] for index in range(config.num_labels)], labels, label_map or {}, path)
        self.labels = [label for label in labels if label in ours]
        self._place = torch.zeros(len(ours), len(self.labels), dtype=torch.float64)
        for index, label in enumerate(ours):
            if label is not None:
                self._place[index, self.labels.index(label)] = 1

    def encode(self, text, language):
        """A transcript → token ids; a classifier is asked nothing, so the language plays no part."""
        return self.tokenizer(text)["input_ids"]

    def length(self, encoded):
        """Tokens that one transcript takes."""
        return len(encoded)

    @torch.no_grad()
    def posteriors(self, batch):
        """What `encode` gave for several transcripts → probabilities, float `(batch, labels)`."""
        rows = [torch.tensor(ids, device=self.device) for ids in batch]
        pad = torch.nn.utils.rnn.pad_sequence
        ids = pad(rows, batch_first=True, padding_value=self.model.config.pad_token_id)
        mask = pad([torch.ones_like(row) for row in rows], batch_first=True)
        logits = self.model(input_ids=ids, attention_mask=mask).logits.double().cpu()
        ours = (logits.sigmoid() if self.several else logits.softmax(1)) @ self._place
        return ours / ours.sum(1, keepdim=True)


def load_teacher(path, labels=EMOTIONS, label_map=None, device="cpu", dtype="float32"):
    """The teacher in a local Hugging Face folder, by the architecture that its config.json names. Raises InputError."""
    config = read_json(Path(path) / "config.json", "give a local Hugging Face folder, nothing is fetched")
    names = config.get("architectures") or ["none"]
    if names[0].endswith("ForSequenceClassification"):
        return ClassifierTeacher(path, labels, label_map, device, dtype)
    if label_map:
        raise InputError(f"{path}: --label_map is for sequence classifiers; this is {names[0]}")
    if names[0].endswith(("ForCausalLM", "LMHeadModel")):
        return ChatTeacher(path, labels, device, dtype)
    raise InputError(f"{path}: architecture {names[0]}; a causal language model or a sequence classifier is needed")


def map_labels(theirs, labels, label_map, where):
    """The class of ours for each class of a model, None for those left out; InputError naming what is not mapped."""
    ours, lost = [], []
    for name in theirs:
        label = label_map.get(name)
        if label is None:
            try:
                label = canonical(name)
            except InputError:
                label = name
        if label not in (*labels, LEFT_OUT):
            lost.append(name)
        ours.append(None if label == LEFT_OUT else label)
    unknown = sorted(set(label_map) - set(theirs))
    if unknown:
        raise InputError(f"--label_map: {where} has no class {', '.join(unknown)}; it has {', '.join(theirs)}")
    if lost:
        raise InputError(
            f'{where}: no place for its classes {", ".join(lost)}; say --label_map "{lost[0]}=CLASS …" with CLASS '
            f"one of {', '.join(labels)}, or {LEFT_OUT} to leave it out"
        )
    if len(set(ours) - {None}) < 2:
        raise InputError(f"{where}: fewer than two of its classes count; see --label_map")
    return ours


def classify(teacher, texts, languages, batch_size=8, journal=None, progress=None):
    """Let a teacher judge transcripts, batched by length; the batch size changes nothing but speed.

    texts: utterance → transcript; languages: utterance → language of the question; journal: an open Journal that keeps
    what is done, and has what was done before; progress: called with the number of utterances done. Returns (utterance →
    list of probabilities in the order of `teacher.labels`, utterance → why it was left out): words there must be, and no
    more tokens than the model takes.
    """
    encoded, excluded = {}, {}
    for utterance, text in texts.items():
        words = clean_transcript(text)
        if not words:
            excluded[utterance] = "no words in its transcript"
            continue
        item = teacher.encode(words, languages[utterance])
        if teacher.limit and teacher.length(item) > teacher.limit:
            excluded[utterance] = f"{teacher.length(item)} tokens; the model takes {teacher.limit}"
        else:
            encoded[utterance] = item
    judged = journal.made() if journal else {}
    order = sorted(encoded.keys() - judged.keys(), key=lambda utterance: (teacher.length(encoded[utterance]), utterance))
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
        rows = teacher.posteriors([encoded[utterance] for utterance in chosen]).tolist()
        judged.update(zip(chosen, rows))
        if journal:
            journal.keep(dict(zip(chosen, rows)))
        if progress:
            progress(len(chosen))
    return judged, excluded
