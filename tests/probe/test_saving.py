"""A probe that was written and read again answers as before; other files are refused."""

import numpy as np
import pytest

from c2ser.errors import InputError
from c2ser.probe import choose
from c2ser.probe.choose import make_design
from c2ser.probe.fit import fit_probe
from c2ser.probe.saving import read_probe, save_probe
from tests.closeness import assert_rounds_alike


@pytest.fixture(scope="module")
def data():
    """Two tables of three layers, (30, 3, 4) and (30, 3, 2), and labels that lie apart in them, of three classes."""
    random, labels = np.random.default_rng(0), ["sad", "happy", "angry"] * 10
    place = np.array([("sad", "happy", "angry").index(label) for label in labels])[:, None, None]
    tables = [random.normal(place * scale, 1.0, (30, 3, width)).astype(np.float32) for scale, width in ((1, 4), (3, 2))]
    return tables, labels


@pytest.mark.parametrize(("classifier", "mix"), [("logistic", False), ("mlp", False), ("mlp", True)])
def test_it_answers_as_before(data, tmp_path, monkeypatch, classifier, mix):
    monkeypatch.setattr(choose, "EPOCHS", 2)
    monkeypatch.setattr(choose, "HIDDEN", (8,))
    tables, labels = data
    probe = fit_probe(tables, labels, make_design("dev", labels, labels, 21), classifier, mix=mix)
    save_probe(tmp_path / "probe.npz", probe, "speaker")
    again, normalise = read_probe(tmp_path / "probe.npz")
    assert normalise == "speaker" and (again.classes, again.layers) == (probe.classes, probe.layers)
    assert_rounds_alike(again.posteriors(tables), probe.posteriors(tables))
    assert again.posteriors(tables).std(axis=0).min() > 0.01  # answers that depend on what is asked


def test_nothing_in_the_file_is_executed(data, tmp_path):
    np.savez(tmp_path / "evil.npz", probe=np.array([print], dtype=object))
    with pytest.raises(InputError, match="evil.npz: not a probe as c2ser probe writes it .*allow_pickle"):
        read_probe(tmp_path / "evil.npz")


def test_other_files_are_named(data, tmp_path):
    with pytest.raises(InputError, match="none.npz: no such file; c2ser probe"):
        read_probe(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", weight=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("text.npz", "other.npz", "array.npy"):
        with pytest.raises(InputError, match=f"{name}: not a probe"):
            read_probe(tmp_path / name)
