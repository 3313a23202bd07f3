"""What tests share: the order of files, fresh random numbers, one small language model and one Whisper file."""

import os
import sys

import hypothesis
import pytest

# What hypothesis tries is the same in every run; PROPERTY_EXAMPLES=2000 tries so many, others each time
_EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", 0))
hypothesis.settings.register_profile(
    "c2ser", deadline=None, database=None, derandomize=not _EXAMPLES, max_examples=_EXAMPLES or 40,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip
hypothesis.settings.load_profile("c2ser")

LONG = ("tests/egs/", "tests/docs/", "tests/tasks/", "tests/models/", "tests/bin/", "tests/inference/")
"""Where the files stand that take longest. They come first, so that no worker ends with one while the others wait."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Elsewhere than in tests/egs, whose tests go through one recipe step by step, the order stays random."""
    steps = sorted((item for item in items if item.nodeid.startswith("tests/egs/")), key=lambda item: item.location[:2])
    places = [place for place, item in enumerate(items) if item.nodeid.startswith("tests/egs/")]
    for place, item in zip(places, steps):
        items[place] = item
    items.sort(key=lambda item: next((place for place, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG)))


def pytest_terminal_summary(terminalreporter, config):
    """Of a log, the end is what is looked at first."""
    seed = config.getoption("randomly_seed", None)
    if seed is not None:
        terminalreporter.write_line(f'The order of this run again: make test PYTEST_ARGS="--randomly-seed={seed}"')


@pytest.fixture(autouse=True)
def seeded():
    """A test's random weights do not depend on which tests ran before."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def llm_dir(tmp_path_factory):
    """Folder of a small language model from scratch."""
    from tests import builders  # not above: it imports torch, which most rooms do without

    return builders.language_model(tmp_path_factory.mktemp("llm") / "llm")


@pytest.fixture(scope="session")
def tokenizer(llm_dir):
    """Its tokenizer."""
    from c2ser.models.language_model import load_tokenizer

    return load_tokenizer(llm_dir)


@pytest.fixture(scope="session")
def whisper_pt(tmp_path_factory):
    """A small Whisper checkpoint."""
    from tests import builders

    return builders.whisper_file(tmp_path_factory.mktemp("whisper") / "small.pt")


@pytest.fixture(scope="session")
def make_c2ser(llm_dir, whisper_pt):
    """make_c2ser(option=…): a small random C2SER in evaluation mode; `weights` is the seed of what it learns."""
    from tests import builders

    def build(weights=0, llm=llm_dir, whisper=whisper_pt, **options):
        return builders.c2ser_model(builders.c2ser_config(llm, whisper, **options), weights)

    return build


@pytest.fixture(scope="session")
def system_dir(tmp_path_factory, llm_dir, whisper_pt):
    """Folder of a small trained system with both modes; not to be written to."""
    from tests import builders

    return builders.system(tmp_path_factory.mktemp("system") / "system", llm_dir, whisper_pt)


@pytest.fixture(scope="session")
def preloaded():
    """preloaded(recipe): commands of that recipe's folder start at once (tests.preloaded)."""
    from tests.preloaded import preloaded

    with preloaded() as use:
        yield use


@pytest.fixture(scope="session")
def slurm():
    """A Slurm of this machine alone (tests.cluster.Cluster); skips where it is not installed."""
    from tests.cluster import cluster

    with cluster() as started:
        yield started
