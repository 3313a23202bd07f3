"""Small pictures for reports: confusion matrices, reliability diagrams, training curves, curves over layers, embeddings.

A picture fits a phone, and its smallest text can be read there. Every function writes one PNG under its final name only
when complete. The same input gives the same bytes: no date or
version is stored in the file, and the user's matplotlib settings are not read.
"""

from contextlib import contextmanager

import numpy as np

from c2ser.errors import InputError
from c2ser.fileio import atomic_write

_STYLE = {
    "font.family": "DejaVu Sans", "axes.titlesize": "medium", "figure.titlesize": "medium", "legend.frameon": False,
    "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip
_POINTS = 2.0
"""Size of all text, in points for each inch of the picture's width. A phone of 375 CSS pixels shows a picture 343 wide:
text of this size is then 2 · 343 / 72 = 9.5 pixels high."""
_DPI = 130
_MAX_LEGEND = 12


def confusion_matrix(counts, labels, title, out):
    """Draw confusion counts `(classes, classes + 1)` as a picture; rows are coloured by their share, cells hold counts.

    Only classes of the reference get a row; the column of invalid answers is always shown.
    """
    counts = np.asarray(counts)
    rows = np.flatnonzero(counts.sum(axis=1))
    shown = counts[rows]
    share = shown / shown.sum(axis=1, keepdims=True)
    with _figure(max(3.8, 1.2 + 0.44 * shown.shape[1]), 1.3 + 0.36 * shown.shape[0], out) as figure:
        axes = figure.subplots()
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for row, column in np.ndindex(shown.shape):
            colour = "white" if share[row, column] > 0.6 else "black"
            text = str(shown[row, column])
            points = min(axes.xaxis.label.get_fontsize(), 42 / len(text))  # more digits than four fit a cell when smaller
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=points)
        axes.set_xticks(range(len(labels) + 1), [*labels, "invalid"], rotation=40, ha="right")
        axes.set_yticks(range(len(rows)), [labels[row] for row in rows])
        axes.set_xlabel("predicted")
        axes.set_ylabel("reference")
        axes.set_title(title)


def reliability_diagram(bins, title, out):
    """Draw how often answers are right (bars) by how sure they are, and below, how many answers are that sure.

    bins: what `metrics.reliability` gives, as {"count", "confidence", "accuracy"}, each `(bins,)`. The dashed diagonal is
    perfect calibration; a bar that ends below it is overconfident.
    """
    count, confidence, accuracy = (np.asarray(bins[name]) for name in ("count", "confidence", "accuracy"))
    edges = np.linspace(0, 1, len(count) + 1)
    filled, width = count > 0, 1 / len(count)
    with _figure(3.2, 3.4, out) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.bar(edges[:-1][filled], accuracy[filled], width, align="edge", color="#4c78a8", edgecolor="white")
        upper.plot([0, 1], [0, 1], linestyle="--", linewidth=1, color="#666666")
        upper.plot(confidence[filled], accuracy[filled], marker=".", linestyle="none", color="#222222", clip_on=False)
        upper.set_ylim(0, 1)
        upper.set_ylabel("share right")
        upper.set_title(title)
        lower.bar(edges[:-1], count / max(count.sum(), 1), width, align="edge", color="#b0b7bf", edgecolor="white")
        lower.set_xlim(0, 1)
        lower.set_ylabel("share of\nanswers")
        lower.set_xlabel("posterior of the answer")


def training_curves(curves, title, out):
    """Draw one panel for each quantity over the epochs.

    Args:
        curves: quantity → {"train" or "valid": (epochs, values)}.
    Raises:
        InputError: where there is nothing to draw.
    """
    if not curves:
        raise InputError("no training curves to draw")
    columns = min(len(curves), 2)
    rows = -(-len(curves) // columns)
    with _figure(1.8 + 1.4 * columns, 0.4 + 1.9 * rows, out) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        names, lines = list(dict.fromkeys(part for parts in curves.values() for part in parts)), {}
        for panel, (quantity, parts) in zip(panels, curves.items()):
            for part, (epochs, values) in parts.items():
                colour = _colour(names.index(part), len(names))
                (lines[part],) = panel.plot(epochs, values, marker=".", markersize=4, linewidth=1.2, color=colour)
            panel.set_title(quantity)
            panel.set_xlabel("epoch")
            panel.xaxis.get_major_locator().set_params(integer=True)
        for panel in panels[len(curves) :]:
            panel.set_visible(False)
        figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(lines))
        figure.suptitle(title)


def layer_curves(curves, ylabel, title, out):
    """Draw a score over the depth of the network, one line for each system.

    Args:
        curves: system → scores `(folds, layers)` in [0, 1]. The line is the mean over folds; the band around it reaches
            from the lowest fold to the highest. Features of one layer are a dashed line across.
        ylabel: what the score is.
    Raises:
        InputError: where there is nothing to draw.
    """
    if not curves:
        raise InputError("no layers to draw")
    with _figure(4.6, 3.4, out) as figure:
        axes, deepest = figure.subplots(), max(1, *(np.shape(scores)[1] - 1 for scores in curves.values()))
        for i, (name, scores) in enumerate(curves.items()):
            scores = 100 * np.asarray(scores, dtype=float)
            layers, colour = np.arange(scores.shape[1]), _colour(i, len(curves))
            line = {"marker": "o", "markersize": 3.5}
            if len(layers) == 1:
                layers, scores, line = np.array([0, deepest]), scores.repeat(2, axis=1), {"linestyle": "--"}
            axes.plot(layers, scores.mean(axis=0), linewidth=1.2, color=colour, label=name, **line)
            if len(scores) > 1:
                axes.fill_between(layers, scores.min(axis=0), scores.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        axes.set_xlabel("layer")
        axes.set_ylabel(ylabel)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
        axes.set_title(title)


def embeddings(points, emotions, speakers, title, out):
    """Draw 2-D points `(utterances, 2)` twice: coloured by emotion, and below by speaker."""
    points = np.asarray(points)
    with _figure(4.6, 7.6, out) as figure:
        for axes, groups, name in zip(figure.subplots(2, 1), (emotions, speakers), ("emotion", "speaker")):
            # Few colours to many speakers: above the legend's size the picture shows only how far they mix.
            members = sorted(set(groups))
            for i, member in enumerate(members):
                chosen = points[[group == member for group in groups]]
                label = member.encode("ascii", "backslashreplace").decode("ascii")
                axes.scatter(*chosen.T, s=9, alpha=0.7, linewidths=0, color=_colour(i, len(members)), label=label)
            if len(members) <= _MAX_LEGEND:
                axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, markerscale=1.5, handletextpad=0)
            axes.set_title(f"by {name} ({len(members)})")
            axes.set_xticks([])
            axes.set_yticks([])
        figure.suptitle(title)


def project(features, method="pca", seed=0):
    """Project `(utterances, dim)` features, each dimension standardised, to `(utterances, 2)` by "pca" or "tsne".

    The sign of a principal axis is fixed so that its largest weight is positive. Raises InputError for fewer than
    three utterances, features that are not finite, or another method.
    """
    features = np.asarray(features, dtype=np.float64)
    if len(features) < 3 or not np.isfinite(features).all():
        raise InputError(f"{len(features)} embeddings: at least 3 are needed, and all values must be finite")
    spread = features.std(axis=0)
    standard = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    if method == "pca":
        _, _, axes = np.linalg.svd(standard, full_matrices=False)
        axes = axes[:2] * np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(axis=1)])[:, None]
        return standard @ axes.T
    if method == "tsne":
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits

        perplexity = min(30.0, (len(features) - 1) / 3)
        with threadpool_limits(1):  # more threads wait for each other where the cores are shared: minutes, not seconds
            return TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(standard)
    raise InputError(f"projection {method!r}: expected pca or tsne")


@contextmanager
def _figure(width, height, out):
    """A figure of the given size in inches, saved to `out` when the block ends without an error."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "font.size": _POINTS * width})
        figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
        yield figure
        with atomic_write(out, "wb") as stream:
            figure.savefig(stream, format="png", metadata={"Software": None})


def _colour(index, total):
    import matplotlib

    return matplotlib.colormaps["tab10" if total <= 10 else "turbo"](index if total <= 10 else index / (total - 1))
