"""Which batches of the second stage are explicit."""

import pytest

from c2ser.models.schedule import explicit_batch, explicit_probability


def test_probability_falls_from_one_to_zero():
    assert [explicit_probability(batch, 5) for batch in range(5)] == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0])
    assert explicit_probability(9, 5) == 0.0
    assert explicit_probability(0, 1) == 1.0


def test_first_batch_is_explicit_and_the_last_implicit():
    for seed in range(50):
        assert explicit_batch(0, 100, seed) and not explicit_batch(99, 100, seed)


def test_draw_depends_on_seed_and_batch_alone():
    draws = {seed: [explicit_batch(batch, 200, seed) for batch in range(200)] for seed in (0, 1)}
    assert draws[0] == [explicit_batch(batch, 200, 0) for batch in reversed(range(200))][::-1]
    assert draws[0] != draws[1]


@pytest.mark.parametrize("batch", [100, 250, 400])
def test_mean_of_many_draws_is_the_probability(batch):
    mean = sum(explicit_batch(batch, 501, seed) for seed in range(2000)) / 2000
    assert mean == pytest.approx(1 - batch / 500, abs=0.035)


def test_about_half_of_a_stage_is_explicit():
    draws = [explicit_batch(batch, 2000, 7) for batch in range(2000)]
    assert sum(draws) / 2000 == pytest.approx(0.5, abs=0.03)
    assert sum(draws[:500]) / 500 == pytest.approx(0.875, abs=0.05)
