"""emotion2vec+ (Ma et al.) with the classifier it was released with: backbone → mean over frames → nine classes."""

from functools import partial

import torch

from c2ser.checkpoints.layouts import load
from c2ser.emotions import canonical
from c2ser.errors import InputError
from c2ser.inference.extraction import extract
from c2ser.inference.pooling import frame_statistics, join_chunks
from c2ser.models.packed import freeze

UNUSED = "unuse"
"""What a released classifier calls an output that was never trained; FunASR's inference gives it no probability."""


class Emotion2VecPlus:
    """A checkpoint with a classifier, as `c2ser.inference.extraction` wants an extractor.

    path: a file or folder of `c2ser.checkpoints.layouts.load`: FunASR's (model.pt, config.yaml, tokens.txt) or what
    `c2ser convert` made of it; labels: our classes to choose from, of which `self.labels` keeps those that it has;
    device: "cpu", "cuda". Raises InputError where there is no classifier, its classes have no names, or fewer than two
    are left.
    """

    names = ("mean",)
    join = {"mean": partial(join_chunks, dim=0)}

    def __init__(self, path, labels, device="cpu"):
        backbone = load(path)
        if backbone.head is None:
            raise InputError(f"{path}: no classifier; emotion2vec+ has one, emotion2vec and Emotion2Vec-S have none")
        if backbone.labels is None:
            raise InputError(f"{path}: the classes of its classifier have no names; put tokens.txt beside it")
        classes = group(backbone.labels)
        self.labels = [label for label in labels if label in classes]
        if len(self.labels) < 2:
            raise InputError(
                f"{path}: fewer than two of {', '.join(labels)} are among its classes: {', '.join(classes)}"
            )
        self._ours = [classes[label] for label in self.labels]
        self._others = {name: members for name, members in classes.items() if name not in self.labels}
        self._used = sorted(index for members in classes.values() for index in members)
        self._weight, self._bias = (backbone.head[name].double() for name in ("weight", "bias"))
        self.notes, self.device, self.model = backbone.notes, device, backbone.build()
        self._arithmetic = freeze(self.model, device)

    @torch.no_grad()
    def __call__(self, speech, lengths):
        """float `(batch, samples)`, int `(batch,)` → {"mean": float32 array `(batch, dim)`}, and numbers of frames."""
        with self._arithmetic():
            frames, _, counts = self.model(speech.to(self.device), lengths.to(self.device))
        return {"mean": frame_statistics(frames, counts)[0].cpu().numpy()}, counts.tolist()

    def classify(self, mean):
        """The mean over frames, float array `(dim,)` → probabilities of `self.labels`, scaled to sum to 1, and, by its
        name, the probability that each other class had before."""
        logits = self._weight @ torch.from_numpy(mean).double() + self._bias
        logits = logits - logits[self._used].logsumexp(0)
        posterior = torch.stack([logits[members].logsumexp(0) for members in self._ours]).softmax(0)
        return posterior.tolist(), {name: float(logits[members].exp().sum()) for name, members in self._others.items()}


def group(theirs):
    """The classes of a classifier by our names for them: name → its outputs, those that were never trained left out.

    theirs: names as tokens.txt has them, in Chinese and English, "开心/happy", or as "<unk>".
    """
    classes = {}
    for index, name in enumerate(theirs):
        if not name.startswith(UNUSED):
            classes.setdefault(name_of(name), []).append(index)
    return classes


def name_of(theirs):
    """One class of a classifier by our name for it: "开心/happy" → "happy"; its own name where we have none."""
    english = theirs.rsplit("/", 1)[-1].strip()
    try:
        return canonical(english)
    except InputError:
        return english


def classify_set(model, audio, utterances, chunk_samples, batch_samples, progress=None):
    """Classify utterances of a set in batches of similar lengths; the batches change nothing but speed.

    audio: `c2ser.inference.extraction.Audio`; chunk_samples: longer utterances are cut into equal chunks, whose frames
    are averaged together; batch_samples: in a batch, padding included. progress: called with 1 for each utterance done.
    Returns two dicts by utterance, in the order given: what `Emotion2VecPlus.classify` returns.
    """
    posteriors, others = {}, {}
    for utterance, values in extract(model, audio, utterances, chunk_samples, batch_samples):
        posteriors[utterance], others[utterance] = model.classify(values["mean"])
        if progress:
            progress(1)
    return tuple({utterance: table[utterance] for utterance in utterances} for table in (posteriors, others))
