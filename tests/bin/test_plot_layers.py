"""Curves over layers: what is read, what is refused, and that a picture comes out."""

import json

import numpy as np
import pytest
from PIL import Image

from c2ser.bin import plot_layers
from c2ser.errors import InputError
from c2ser.evaluation import plots
from c2ser.evaluation.layers import read_layer_curves
from c2ser.evaluation.named import named_lists


def write(folder, tables):
    """layers.json with the given table → [(dev, test), …]."""
    content = [
        {
            "feats_scp": name,
            "layers": [
                {"layer": i, "strength": 1.0, "dev_ua": dev, "test_ua_not_used_for_choosing": test}
                for i, (dev, test) in enumerate(layers)
            ],
        }
        for name, layers in tables.items()
    ]
    folder.mkdir()
    (folder / "layers.json").write_text(json.dumps({"tables": content}), encoding="utf-8")
    return str(folder)


def test_folds_are_stacked(tmp_path):
    folders = [
        write(tmp_path / "1", {"dump/w/layers.scp": [(0.1, 0.2), (0.3, 0.4)], "p/feats.scp": [(0.9, 0.8)]}),
        write(tmp_path / "2", {"exp/w/layers.scp": [(0.5, 0.6), (0.7, 0.8)], "p/feats.scp": [(0.7, None)]}),
    ]
    found = read_layer_curves(folders)
    assert found["w/layers"].tolist() == [[0.1, 0.3], [0.5, 0.7]] and found["p/feats"].tolist() == [[0.9], [0.7]]
    assert read_layer_curves(folders[:1], "test")["w/layers"].tolist() == [[0.2, 0.4]]
    with pytest.raises(InputError, match="2/layers.json: test_ua_not_used_for_choosing was not measured"):
        read_layer_curves(folders, "test")


def test_folds_that_do_not_fit_together(tmp_path):
    one = write(tmp_path / "1", {"w/l.scp": [(0.1, 0.2)]})
    other = write(tmp_path / "2", {"x/l.scp": [(0.1, 0.2)]})
    deeper = write(tmp_path / "3", {"w/l.scp": [(0.1, 0.2), (0.3, 0.4)]})
    with pytest.raises(InputError, match="tables x/l; the other folds have others"):
        read_layer_curves([one, other])
    with pytest.raises(InputError, match=r"w/l has \[1, 2\] layers"):
        read_layer_curves([one, deeper])
    (tmp_path / "1/layers.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="1/layers.json: not a file of layer curves"):
        read_layer_curves([one])
    with pytest.raises(InputError, match="no/layers.json: no such file"):
        read_layer_curves([tmp_path / "no"])


@pytest.mark.parametrize("part", ["dev", "test"])
def test_command_draws_several_probes(tmp_path, part):
    first = [write(tmp_path / f"a{i}", {"w/l.scp": [(0.3, 0.2), (0.5 + i / 10, 0.4)]}) for i in range(2)]
    second = write(tmp_path / "b", {"w/l.scp": [(0.2, 0.2)] * 4, "v/l.scp": [(0.6, 0.5)]})
    out = tmp_path / "layers.png"
    arguments = ["--probes", f"ours={','.join(first)}", f"theirs={second}", "--part", part, "--out", str(out)]
    plot_layers.main(arguments)
    with Image.open(out) as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 100 and min(picture.size) > 200
    before = out.read_bytes()
    plot_layers.main(arguments)
    assert out.read_bytes() == before


def test_the_line_is_the_mean_and_the_band_the_range(tmp_path, monkeypatch):
    import matplotlib.axes

    drawn = {}
    monkeypatch.setattr(matplotlib.axes.Axes, "plot", lambda self, x, y, **more: drawn.update(x=list(x), mean=list(y)))
    monkeypatch.setattr(matplotlib.axes.Axes, "fill_between", lambda self, x, low, high, **more: drawn.update(
        low=list(low), high=list(high)))  # fmt: skip
    monkeypatch.setattr(matplotlib.axes.Axes, "legend", lambda self, **more: None)
    plots.layer_curves({"a": [[0.25, 0.5], [0.75, 0.5]]}, "UA %", "", tmp_path / "a.png")
    assert drawn == {"x": [0, 1], "mean": [50, 50], "low": [25, 50], "high": [75, 50]}
    plots.layer_curves({"flat": [[0.4], [0.6]], "deep": [[0.1] * 4]}, "UA %", "", tmp_path / "a.png")
    assert drawn == {"x": [0, 1, 2, 3], "mean": [10] * 4, "low": [40, 40], "high": [60, 60]}
    with pytest.raises(InputError, match="no layers to draw"):
        plots.layer_curves({}, "UA %", "", tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_named_lists():
    assert named_lists(["a=1,2", "b=x=y"], "--o") == {"a": ["1", "2"], "b": ["x=y"]}
    for wrong, message in ((["a"], "expected name="), (["=x"], "expected name="), (["a=,"], "expected name="),
                           (["a=1", "a=2"], "'a' is given twice")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            named_lists(wrong, "--o")
