"""What the tests of Predictor share."""

import pytest

from tests.builders import waves

LENGTHS = [4000, 12000, 400, 7777, 16000]


@pytest.fixture(scope="session")
def speech():
    padded, _ = waves(LENGTHS)
    return [wave[:length].numpy() for wave, length in zip(padded, LENGTHS)]


def assert_same(first, second, tolerance=1e-5):
    for one, other in zip(first, second, strict=True):
        for name in ("label", "text", "parsed", "tokens", "constrained"):
            assert getattr(one, name) == getattr(other, name)
        assert one.posterior == pytest.approx(other.posterior, abs=tolerance)
