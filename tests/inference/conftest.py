"""What the tests of Predictor share."""

import pytest

from tests.builders import waves
from tests.closeness import nearly

LENGTHS = [4000, 12000, 400, 7777, 16000]


@pytest.fixture(scope="session")
def speech():
    padded, _ = waves(LENGTHS)
    return [wave[:length].numpy() for wave, length in zip(padded, LENGTHS)]


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        for name in ("label", "text", "parsed", "tokens", "constrained"):
            assert getattr(one, name) == getattr(other, name)
        assert one.posterior == nearly(other.posterior)
