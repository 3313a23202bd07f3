import numpy as np
import pytest
import torch
from espnet2.train.reporter import Reporter
from PIL import Image
from sklearn.decomposition import PCA

from c2ser.ark import ArkWriter
from c2ser.bin import plot_curves, plot_embeddings
from c2ser.datadir import write_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation import curves, plots

LIMIT = 300_000


def pixels(path):
    assert 0 < path.stat().st_size <= LIMIT
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


def test_confusion_matrix_of_seven_classes_is_small_and_not_blank(tmp_path):
    counts = np.random.default_rng(0).integers(0, 5000, (7, 8))
    plots.confusion_matrix(counts, EMOTIONS, "n = 35000", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size < 100_000 and np.ptp(pixels(tmp_path / "a.png")) > 100


def test_confusion_matrix_leaves_out_rows_without_utterances(tmp_path):
    counts = np.zeros((7, 8), dtype=int)
    for rows in (2, 7):
        counts[:rows] = 3
        plots.confusion_matrix(counts, EMOTIONS, "", tmp_path / f"{rows}.png")
    assert pixels(tmp_path / "2.png").shape[0] < pixels(tmp_path / "7.png").shape[0]


def test_reliability_diagram_shows_its_bins(tmp_path):
    """Bars as high as the accuracy of their bin: the blue of both diagrams is in proportion to it."""
    confidence = np.linspace(0.03, 0.97, 15)
    blue = {}
    for share in (0.4, 0.8):
        bins = {"count": np.full(15, 10.0), "confidence": confidence, "accuracy": np.full(15, share)}
        plots.reliability_diagram(bins, "n = 150", tmp_path / "a.png")
        assert 0 < (tmp_path / "a.png").stat().st_size < 60_000
        with Image.open(tmp_path / "a.png") as picture:
            colours = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
        blue[share] = (np.abs(colours - (0x4C, 0x78, 0xA8)).sum(axis=1) < 12).sum()
    assert blue[0.8] == pytest.approx(2 * blue[0.4], rel=0.05)


def test_pictures_do_not_depend_on_the_users_settings(tmp_path):
    import matplotlib

    plots.confusion_matrix(np.eye(2, 3, dtype=int), EMOTIONS[:2], "t", tmp_path / "a.png")
    with matplotlib.rc_context({"font.size": 25, "axes.facecolor": "red"}):
        plots.confusion_matrix(np.eye(2, 3, dtype=int), EMOTIONS[:2], "t", tmp_path / "b.png")
        assert matplotlib.rcParams["font.size"] == 25
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_failure_leaves_no_picture(tmp_path):
    with pytest.raises(InputError, match="no training curves"):
        plots.training_curves({}, "", tmp_path / "a.png")
    with pytest.raises(IndexError):
        plots.confusion_matrix(np.ones((3, 4), dtype=int), EMOTIONS[:2], "", tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def drawn(monkeypatch):
    """Figures that were written since."""
    from matplotlib.figure import Figure

    figures, save = [], Figure.savefig

    def keep(figure, stream, **more):
        save(figure, stream, **more)
        assert "dpi" not in more and "bbox_inches" not in more  # the picture is as large as its figure
        figures.append(figure)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def texts(figure):
    """(text, its size in points, its box in inches) of all that a figure shows."""
    from matplotlib.text import Text

    found = [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip()]
    boxes = [one.get_window_extent().transformed(figure.dpi_scale_trans.inverted()) for one in found]
    return [(one.get_text(), one.get_fontsize(), box) for one, box in zip(found, boxes)]


def test_pictures_can_be_read_on_a_phone(drawn, tmp_path):
    """A page of 375 CSS pixels shows a picture 343 wide: no text is then lower than 9 pixels. None is cut: a picture's
    outermost pixels are white."""
    random, paths = np.random.default_rng(3), [tmp_path / f"{number}.png" for number in range(7)]
    labels = [*EMOTIONS, "calm", "bored", "frustrated", "excited", "contempt"]
    title = "implicit, constrained answer, n = 2330, UA 46.8 %"
    plots.confusion_matrix(random.integers(0, 2000, (7, 8)), EMOTIONS, title, paths[0])
    plots.confusion_matrix(random.integers(0, 999, (12, 13)), labels, title, paths[1])
    bins = {name: np.linspace(0.1, 1, 10) for name in ("count", "confidence", "accuracy")}
    plots.reliability_diagram(bins, "n = 2330, ECE 17.3 %", paths[2])
    parts = {part: (range(1, 9), np.arange(8.0)) for part in ("train", "valid")}
    plots.training_curves({"loss": parts}, "C2SER, explicit", paths[3])
    plots.training_curves(dict.fromkeys(curves.WORDS.values(), parts), "C2SER, explicit to implicit", paths[4])
    layers = {"Emotion2Vec-S": random.random((3, 9)), "Whisper": random.random((3, 13))}
    plots.layer_curves(layers, "UA %, test (not used for choosing)", "Probes on frozen features", paths[5])
    speakers = [f"emovo_f{i % 12}" for i in range(60)]
    plots.embeddings(random.random((60, 2)), (EMOTIONS * 9)[:60], speakers, "t-SNE", paths[6])
    for figure, path in zip(drawn, paths, strict=True):
        for text, points, _ in texts(figure):
            assert points * 343 / (72 * figure.get_size_inches()[0]) >= 9, (path.name, text, points)
        light = pixels(path)
        assert all((line == 255).all() for line in (light[0], light[-1], light[:, 0], light[:, -1])), path.name


def test_titles_of_panels_lie_apart(drawn, tmp_path):
    parts = {"valid": ([1, 2], [0.5, 0.7])}
    plots.training_curves(dict.fromkeys(curves.WORDS.values(), parts), "C2SER, explicit to implicit", tmp_path / "a.png")
    boxes = [box for text, _, box in texts(drawn[0]) if text in curves.WORDS.values()]
    assert len(boxes) == len(curves.WORDS)
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])


def test_a_part_has_one_colour_in_all_panels(drawn, tmp_path):
    both = {part: ([1, 2], [0.1, 0.2]) for part in ("train", "valid")}
    plots.training_curves({"loss": both, "acc": {"valid": ([1, 2], [0.5, 0.7])}}, "", tmp_path / "a.png")
    first, second = (panel.lines for panel in drawn[0].axes)
    assert second[0].get_color() == first[1].get_color() != first[0].get_color()
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["train", "valid"]


def test_pca_agrees_with_sklearn():
    features = np.random.default_rng(1).normal(size=(40, 6)) @ np.diag([1, 2, 3, 4, 5, 6])
    features[:, 1] += 2 * features[:, 5]
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    found, expected = plots.project(features), PCA(2).fit_transform(standard)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)


def test_projections_are_repeatable_and_stand_constant_dimensions():
    features = np.random.default_rng(2).normal(size=(12, 5))
    features[:, 0] = 7
    for method in ("pca", "tsne"):
        points = plots.project(features, method, seed=1)
        assert points.shape == (12, 2) and np.isfinite(points).all()
        np.testing.assert_array_equal(points, plots.project(features, method, seed=1))


@pytest.mark.parametrize(
    ("features", "method", "message"),
    [
        (np.ones((2, 4)), "pca", "at least 3"),
        (np.full((4, 4), np.nan), "pca", "finite"),
        (np.ones((4, 4)), "umap", "pca or tsne"),
    ],
)
def test_project_refuses(features, method, message):
    with pytest.raises(InputError, match=message):
        plots.project(features, method)


def test_embeddings_picture_of_many_speakers(tmp_path):
    random = np.random.default_rng(3)
    speakers = [f"说话人{i % 30}" for i in range(90)]
    plots.embeddings(random.normal(size=(90, 2)), list(random.choice(EMOTIONS, 90)), speakers, "", tmp_path / "a.png")
    assert np.ptp(pixels(tmp_path / "a.png")) > 100


@pytest.fixture
def features(tmp_path):
    """(features' scp, data directory) of eight utterances whose features are 1 to 4 tokens of width 5."""
    random = np.random.default_rng(4)
    utterances = [f"a_{i}" for i in range(8)]
    with ArkWriter(tmp_path / "feats.ark", tmp_path / "feats.scp") as writer:
        for i, utterance in enumerate(utterances):
            writer[utterance] = random.normal(size=(1 + i % 4, 5)).astype(np.float32)
    write_table(tmp_path / "data/utt2emo", {utterance: "sad" for utterance in utterances})
    write_table(tmp_path / "data/utt2spk", {utterance: "a" for utterance in utterances})
    return tmp_path / "feats.scp", tmp_path / "data"


def test_a_layer_is_chosen_or_all_are_averaged(tmp_path):
    with ArkWriter(tmp_path / "b.ark", tmp_path / "b.scp") as writer:
        writer["u"] = np.array([[1, 2], [3, 6]], dtype=np.float32)
        writer["v"] = np.array([5, 7], dtype=np.float32)
    scp = tmp_path / "b.scp"
    assert plot_embeddings.chosen(scp, ["v", "u"]).tolist() == [[5, 7], [3, 6]]
    assert plot_embeddings.chosen(scp, ["v", "u"], "mean").tolist() == [[5, 7], [2, 4]]
    assert plot_embeddings.chosen(scp, ["v", "u"], 0).tolist() == [[5, 7], [1, 2]]
    with pytest.raises(InputError, match="v: no row 1; its 1 rows are counted from 0"):
        plot_embeddings.chosen(scp, ["u", "v"], 1)


@pytest.mark.parametrize(("method", "layer"), [("pca", "mean"), ("tsne", "0")])
def test_plot_embeddings_command(features, tmp_path, method, layer):
    out = tmp_path / "embeddings.png"
    plot_embeddings.main(
        ["--feats_scp", str(features[0]), "--data_dir", str(features[1]), "--method", method, "--out", str(out)]
        + ["--layer", layer]
    )
    assert np.ptp(pixels(out)) > 100
    with pytest.raises(SystemExit):
        plot_embeddings.get_parser().parse_args(["--feats_scp", "a", "--data_dir", "b", "--out", "c", "--layer", "first"])


def test_of_a_large_set_some_are_drawn(features, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "embeddings", lambda *given: drawn.append(given))
    argv = ["--feats_scp", str(features[0]), "--data_dir", str(features[1]), "--title", "t", "--out", "a.png"]
    for limit in ("8", "5"):
        plot_embeddings.main([*argv, "--max_utterances", limit])
    assert [(len(points), title) for points, _, _, title, _ in drawn] == [(8, "t"), (5, "t, 5 of 8 utterances")]


def test_plot_embeddings_refuses_missing_features(features, tmp_path):
    lines = features[0].read_text(encoding="utf-8").splitlines()
    features[0].write_text("\n".join(lines[2:]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"no entry for 2 utterances \(a_0, a_1\); extract"):
        plot_embeddings.main(["--feats_scp", str(features[0]), "--data_dir", str(features[1]), "--out", "x.png"])


def write_checkpoint(exp_dir, epochs):
    """What ESPnet's own Reporter keeps, in the trainer's checkpoint: means of two batches an epoch."""
    reporter = Reporter()
    for epoch in range(1, epochs + 1):
        reporter.set_epoch(epoch)
        for part, more in (("train", {"train_time": 1.0}), ("valid", {"acc": torch.tensor(0.1 * epoch)})):
            with reporter.observe(part) as sub:
                for away in (-1, 1):
                    sub.register({"loss": torch.tensor(10 / epoch + (part == "valid") + away), **more})
                    sub.next()
    state = {"model": {"weight": torch.ones(3)}, "reporter": reporter.state_dict(), "optimizers": [{"step": 1}]}
    state["generators"] = {"numpy": np.arange(3, dtype=np.uint32), "figure": np.float32(1)}
    torch.save(state, exp_dir / "checkpoint.pth")


def test_read_curves_takes_the_means_of_epochs(tmp_path):
    write_checkpoint(tmp_path, 3)
    found = curves.read_curves(tmp_path)
    assert set(found) == {"loss", "acc"}  # times are not model quantities
    assert found["loss"]["train"] == ([1, 2, 3], pytest.approx([10, 5, 10 / 3]))
    assert found["loss"]["valid"] == ([1, 2, 3], pytest.approx([11, 6, 13 / 3]))
    assert set(found["acc"]) == {"valid"}
    assert list(curves.read_curves(tmp_path, ["train_time"])) == ["train_time"]


def test_plot_curves_command(tmp_path):
    write_checkpoint(tmp_path, 2)
    plot_curves.main(["--exp_dir", str(tmp_path), "--out", str(tmp_path / "curves.png"), "--title", "tiny"])
    assert np.ptp(pixels(tmp_path / "curves.png")) > 100


def test_read_curves_refuses(tmp_path):
    with pytest.raises(InputError, match="checkpoint.pth: no such file"):
        curves.read_curves(tmp_path)
    write_checkpoint(tmp_path, 0)
    with pytest.raises(InputError, match="no loss or acc of a finished epoch"):
        curves.read_curves(tmp_path)
    write_checkpoint(tmp_path, 1)
    with pytest.raises(InputError, match="no quantity wer; it holds acc, .*loss"):
        curves.read_curves(tmp_path, ["wer"])
    torch.save({"reporter": exec}, tmp_path / "checkpoint.pth")
    with pytest.raises(InputError, match="no checkpoint of a training"):
        curves.read_curves(tmp_path)
