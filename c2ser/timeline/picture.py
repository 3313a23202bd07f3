"""The picture of a time line: the posteriors over time, a panel a speaker, above the waveform."""

import numpy as np

from c2ser.timeline.formats import tiers

COLOURS = ("#d55e00", "#009e73", "#cc79a7", "#f0e442", "#999999", "#0072b2", "#56b4e9", "#e69f00")
"""Told apart by the colour-blind too (Okabe and Ito, grey for black); the next eight are hatched."""

COLUMNS = 2000
"""Stretches of the waveform that are drawn, however long it is."""

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
"""Seconds between marks of the time axis, of which there are 12 at most."""


def draw(timeline):
    """A matplotlib figure of a `Timeline`."""
    import matplotlib
    from matplotlib.figure import Figure

    panels, seconds = tiers(timeline.segments), timeline.seconds
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
        figure = Figure(figsize=(11, 1.6 + 2.2 * len(panels)), layout="constrained")
        *upper, lower = figure.subplots(len(panels) + 1, 1, sharex=True, height_ratios=[2.2] * len(panels) + [1])
        for axes, (name, segments) in zip(upper, panels.items()):
            _posteriors(axes, segments, timeline.labels)
            axes.set(ylim=(0, 1), ylabel="posterior")
            axes.set_title(name, loc="left")
        upper[0].legend(loc="upper left", bbox_to_anchor=(1.005, 1.02), frameon=False, reverse=True)
        bounds = np.unique(np.linspace(0, len(timeline.peaks), COLUMNS, dtype=int))[:-1]
        if len(bounds):
            times, least, most = timeline.peaks.T
            ends = np.minimum.reduceat(least, bounds), np.maximum.reduceat(most, bounds)
            lower.fill_between(times[bounds], *ends, step="post", color="#444444", linewidth=0)
        step = next((step for step in STEPS if seconds / step <= 12), 14400)
        lower.set(xlim=(0, max(seconds, 0.1)), ylabel="waveform", xticks=np.arange(0, seconds + 1e-9, step))
        form = "{0:.0f}" if seconds < 90 else "{1}:{3:02.0f}" if seconds < 3600 else "{4}:{2:02d}:{3:02.0f}"
        lower.xaxis.set_major_formatter(lambda time, place: form.format(*_parts(time)))
        lower.set_xlabel("time, s" if seconds < 90 else "time, min:s" if seconds < 3600 else "time, h:min:s")
    return figure


def _parts(time):
    """Seconds, minutes, minutes of the hour, seconds of the minute, hours."""
    return time, int(time // 60), int(time // 60 % 60), time % 60, int(time // 3600)


def _posteriors(axes, segments, labels):
    """Stacked posteriors, constant over each segment; nothing between segments."""
    times = np.repeat([edge for one in segments for edge in one[:2]], 2)
    below = np.zeros(len(times))
    for index, label in enumerate(labels):
        above = below + [height for one in segments for height in (0, one.posterior[label], one.posterior[label], 0)]
        colour, hatch = COLOURS[index % len(COLOURS)], "" if index < len(COLOURS) else "///"
        axes.fill_between(times, below, above, color=colour, hatch=hatch, edgecolor="white", linewidth=0, label=label)
        below = above
