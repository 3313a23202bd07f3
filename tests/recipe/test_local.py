"""All jobs at once never have more threads than there are processors."""

import pytest

from c2ser.recipe.local import threads_of_a_job


@pytest.mark.parametrize(
    ("processors", "jobs", "gpus", "wanted", "granted", "expected"),
    [
        (2, 1, 0, None, None, 2),
        (2, 2, 0, None, None, 1),
        (16, 3, 0, None, None, 5),
        (16, 3, 0, 2, None, 2),
        (2, 1, 0, 8, None, 2),
        (16, 1, 8, None, None, 2),
        (16, 2, 4, None, None, 2),
        (2, 5, 0, None, None, 1),
        (16, 2, 0, None, "4", 2),
        (16, 2, 0, None, "0", 8),
        (2, 2, 0, None, "64", 1),
        (16, 1, 0, None, "4,2", 16),
    ],
)
def test_threads(monkeypatch, processors, jobs, gpus, wanted, granted, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if granted is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", granted)
    assert threads_of_a_job(processors, jobs, gpus, wanted) == expected
