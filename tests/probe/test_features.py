"""Reading, normalising and standardising features."""

import logging

import numpy as np
import pytest

from c2ser.ark import ArkWriter
from c2ser.errors import InputError
from c2ser.probe.features import Standardiser, normalise_speakers, read_layers


@pytest.fixture
def scp(tmp_path):
    """scp(a=array, …): the scp of those features."""

    def write(**features):
        with ArkWriter(tmp_path / "f.ark", tmp_path / "f.scp") as writer:
            for utterance, value in features.items():
                writer[utterance] = value if isinstance(value, tuple) else np.array(value, np.float32)
        return tmp_path / "f.scp"

    return write


def test_matrices_and_vectors_in_the_order_asked_for(scp):
    made = read_layers(scp(a=[[1, 2], [3, 4]], b=[[5, 6], [7, 8]]), ["b", "a", "b"])
    assert made.dtype == np.float32
    assert made.tolist() == [[[5, 6], [7, 8]], [[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert read_layers(scp(a=[1, 2]), ["a"]).tolist() == [[[1, 2]]]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"a": [1.0, 2]}, r"no entry for 2 utterances \(b, c\); extract"),
        ({"a": [1.0, 2], "b": [[1.0, 2], [3, 4]], "c": [1.0, 2]}, "b: 2 layers of width 2, but a has 1 of 2"),
        ({"a": [1.0, 2], "b": [1.0, 2, 3], "c": [1.0, 2]}, "b: 1 layers of width 3, but a has 1 of 2"),
        ({"a": [1.0, 2], "b": [1.0, np.inf], "c": [1.0, 2]}, "b: infinite values"),
        ({"a": [1.0, 2], "b": [np.nan, np.nan], "c": [1.0, 2]}, "b: a layer without a single number"),
        ({"a": [1.0, 2], "b": (16000, np.zeros(9, np.int16)), "c": [1.0, 2]}, "b: the entry holds audio"),
    ],
)
def test_what_is_refused(scp, features, message):
    with pytest.raises(InputError, match=rf"f\.scp: {message}"):
        read_layers(scp(**features), ["a", "b", "c"])


def test_standardiser_knows_only_what_it_was_fitted_on():
    train = np.array([[1.0, 5, np.nan], [3, 5, 2], [5, 5, 4]])
    scaling = Standardiser.fit(train)
    assert scaling.mean.tolist() == [3, 5, 3]
    np.testing.assert_allclose(scaling.deviation, [np.sqrt(8 / 3), 1, 1])
    made = scaling.apply(np.array([[3.0, 6, np.nan]]))
    assert made.tolist() == [[0, 1, 0]] and made.dtype == np.float32
    assert np.isnan(scaling.apply(np.array([[np.nan, 5, 3]]), fill=np.nan)[0, 0])


def test_a_feature_that_is_constant_up_to_rounding_stays_small():
    train = np.full((7, 1), 0.1) + 1e-17 * np.arange(7)[:, None]
    assert abs(Standardiser.fit(train).apply(train)).max() < 1e-9


def test_normalising_by_speaker_takes_the_speaker_away(caplog):
    random = np.random.default_rng(0)
    base = random.normal(size=(30, 2, 3))
    speakers = ["x"] * 10 + ["y"] * 19 + ["z"]
    moved = base.copy()
    moved[10:29] = moved[10:29] * 7 + 100
    moved[0, 0, 0] = base[0, 0, 0] = np.nan
    with caplog.at_level(logging.WARNING):
        one, other = normalise_speakers(base, speakers), normalise_speakers(moved, speakers)
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert np.isnan(one[0, 0, 0])
    np.testing.assert_allclose(one[10:29].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(one[10:29].std(0), 1, atol=1e-5)
    assert (one[29] == 0).all() and "1 speakers with one utterance" in caplog.text and "z" in caplog.text
