"""Frozen features of a set of utterances: reading them, normalising them a speaker, standardising them."""

import logging
from dataclasses import dataclass

import numpy as np

from c2ser.ark import read_ark
from c2ser.datadir import read_entries
from c2ser.errors import InputError


def read_layers(path, utterances):
    """Read the features of some utterances from one scp.

    An entry is a matrix `(layers, width)`, one row a depth of the network, or a vector, which counts as one layer.
    NaN stands for a value that could not be measured (the F0 of a whisper); `Standardiser` fills it in.

    Returns an array `(utterances, layers, width)` in the precision of the ark.
    Raises InputError, naming scp and utterances, for utterances without features, shapes that differ, infinite values
    and features of which every value of a layer is NaN.
    """
    entries = read_entries(path, utterances, "extract their features")
    values = None
    for row, utterance in enumerate(utterances):
        one = _read_one(entries[utterance], f"{path}: {utterance}")
        if values is None:
            values = np.empty((len(utterances), *one.shape), one.dtype)
        if one.shape != values.shape[1:]:
            raise InputError(
                f"{path}: {utterance}: {one.shape[0]} layers of width {one.shape[1]}, but {utterances[0]} has "
                f"{values.shape[1]} of {values.shape[2]}; extract the features of both in the same way"
            )
        values[row] = one
    return values


def _read_one(entry, where):
    """One entry as floats `(layers, width)`, checked by itself."""
    read = read_ark(entry)
    if isinstance(read, tuple):
        raise InputError(f"{where}: the entry holds audio, no features; give the scp of extracted features")
    one = np.atleast_2d(read)
    if one.ndim != 2 or one.size == 0:
        raise InputError(f"{where}: features of shape {read.shape}; expected (layers, width) or (width,)")
    if np.isinf(one).any():
        raise InputError(f"{where}: infinite values among the features; extract them again")
    if np.isnan(one).all(axis=1).any():
        raise InputError(f"{where}: a layer without a single number (NaN only); extract the features again")
    return one


def normalise_speakers(values, speakers):
    """Give every speaker mean 0 and variance 1 in each feature.

    values: `(utterances, layers, width)`; speakers: one name an utterance. No label is used, but all of a speaker's
    utterances are, those of a test set included: such a system hears the whole test set before it answers. A feature
    that does not vary within a speaker becomes 0, and so does everything of a speaker with one utterance. NaN stays.
    Returns float32, same shape.
    """
    result = np.empty(values.shape, np.float32)
    names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    for number in range(len(names)):
        rows = np.flatnonzero(index == number)
        result[rows] = Standardiser.fit(values[rows]).apply(values[rows], fill=np.nan)
    alone = names[np.bincount(index) == 1]
    if len(alone):
        logging.warning("%d speakers with one utterance, whose features normalised by speaker are all 0: %s",
                        len(alone), ", ".join(alone[:5]))  # fmt: skip
    return result


@dataclass(frozen=True)
class Standardiser:
    """Mean and deviation of each feature, float64 `(…)`, as training data have them."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def fit(cls, values):
        """From `(utterances, …)`, NaN left out. A feature without a number has mean 0, without spread deviation 1."""
        values = values.astype(np.float64)
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        variance = np.square(np.where(known, values - mean, 0.0)).sum(axis=0) / count
        # a constant feature far from 0 has a deviation of rounding errors: nothing to be divided by
        varies = variance > (1e-9 * np.maximum(np.abs(mean), 1e-30)) ** 2
        return cls(mean, np.where(varies, np.sqrt(variance), 1.0))

    def apply(self, values, fill=0.0):
        """`(utterances, …)` → float32 of the same shape; NaN becomes `fill`: 0 is the mean of what `fit` saw."""
        scaled = (values.astype(np.float64) - self.mean) / self.deviation
        return np.where(np.isnan(scaled), fill, scaled).astype(np.float32)
