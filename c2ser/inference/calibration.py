"""Correcting the posteriors of label scoring: a temperature, and a prior of the classes to divide by.

    q(c | x)  ∝  p(c | x) ** (1 / T)  /  prior(c) ** strength

p is the softmax over the classes' log-likelihoods. T makes confidence what it says (temperature scaling, Guo et al.,
ICML 2017) and moves no decision by itself. Dividing by a prior undoes what the system expects before it has heard
anything (Saerens et al., Neural Computation 2002; for language models, Zhao et al., ICML 2021): with the prior of an
unbalanced training set and strength 1 the decision is the one for balanced classes, which is what the mean recall (UA)
asks for. What T and strength should be, c2ser.evaluation.calibration finds. Float64 arrays throughout.
"""

from dataclasses import asdict, dataclass

import numpy as np

from c2ser.errors import InputError
from c2ser.jsonfile import read_json, write_json

TINY = 1e-12
"""Taken for smaller probabilities: one that a table rounded to 0 has a logarithm."""


@dataclass(frozen=True)
class Prior:
    """Class probabilities in the order of the calibration's labels, and the strength that served best."""

    probabilities: tuple
    strength: float


@dataclass(frozen=True)
class Calibration:
    """What was fitted on a development set, for one mode of a system.

    labels: the classes; mode: "explicit" or "implicit"; temperature: T; priors: name, out of "train", "dev",
    "content_free" and "file", → Prior.
    """

    labels: tuple
    mode: str
    temperature: float
    priors: dict

    @classmethod
    def read(cls, path):
        """Read what `write` wrote. Raises InputError for another file."""
        content = read_json(path, "rerun `c2ser calibrate`")
        try:
            priors = {
                name: Prior(tuple(float(value) for value in prior["probabilities"]), float(prior["strength"]))
                for name, prior in content["priors"].items()
            }
            found = cls(tuple(content["labels"]), content["mode"], float(content["temperature"]), priors)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not a calibration ({error!r}); rerun `c2ser calibrate`") from None
        if not found.temperature > 0 or any(len(prior.probabilities) != len(found.labels) for prior in priors.values()):
            raise InputError(f"{path}: temperature or priors are damaged; rerun `c2ser calibrate`")
        return found

    def write(self, path, **further):
        """Write as JSON, with further entries for the reader."""
        write_json(path, {**asdict(self), **further})

    def correction(self, prior="none", strength=None):
        """The `Correction` for a name of `decoding.PRIORS`; a strength of None is the fitted one.

        Raises InputError where the calibration has no such prior.
        """
        if prior == "none":
            return Correction(self.temperature)
        if prior not in self.priors:
            known = ", ".join(self.priors) or "none"
            raise InputError(
                f"prior {prior!r}: the calibration has {known}; rerun `c2ser calibrate` with what it needs"
            )
        chosen = self.priors[prior]
        return Correction(
            self.temperature, prior, chosen.strength if strength is None else strength, chosen.probabilities
        )


@dataclass(frozen=True)
class Correction:
    """The formula above with its numbers; without any it is the plain softmax."""

    temperature: float = 1.0
    prior: str = "none"
    strength: float = 0.0
    probabilities: tuple | None = None

    def __call__(self, scores):
        """Log-likelihoods, or log-posteriors, `(utterances, classes)` → posteriors of the same shape."""
        scores = log_softmax(scores) / self.temperature
        if self.probabilities is not None:
            scores = scores - self.strength * np.log(np.maximum(self.probabilities, TINY))
        return np.exp(log_softmax(scores))


def log_softmax(scores):
    """Log-probabilities over the last axis, float64."""
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores - scores.max(axis=-1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def log_posteriors(posteriors):
    """Logarithms of posteriors `(utterances, classes)` as read from a table, where small ones may have become 0."""
    return log_softmax(np.log(np.maximum(np.asarray(posteriors, dtype=np.float64), TINY)))
