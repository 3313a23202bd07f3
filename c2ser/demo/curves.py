"""The picture of pitch and loudness over time, readable on a phone, and both in words."""

import numpy as np

INK, PITCH, LOUDNESS = "#333333", "#1f5fa8", "#a85a1f"
QUIETEST = -70.0
"""LUFS below which nothing is drawn: the gate of the standard."""


def draw(analysis):
    """A matplotlib figure of an `Analysis`: F0 above, loudness below, over the same time."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
        figure = Figure(figsize=(4.6, 3.4), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        upper.plot(*analysis.pitch, color=PITCH, marker=".", markersize=3, linewidth=1.2)
        upper.set_ylabel("pitch, Hz")
        times, values = analysis.loudness
        lower.plot(times, np.where(values < QUIETEST, np.nan, values), color=LOUDNESS, marker=".", linewidth=1.2)
        lower.set_ylabel("loudness, LUFS")
        lower.set_xlabel("time, s")
        lower.set_xlim(0, max(analysis.seconds, 0.1))
        for axes in (upper, lower):
            axes.grid(alpha=0.25)
            axes.tick_params(colors=INK)
        if not np.isfinite(analysis.pitch[1]).any():
            upper.text(0.5, 0.5, "nothing voiced", transform=upper.transAxes, ha="center", va="center", color=INK)
    return figure


def describe(analysis):
    """Length, mean pitch and loudness of an `Analysis` on one line."""
    pitch = f"mean pitch {analysis.mean_pitch:.0f} Hz" if np.isfinite(analysis.mean_pitch) else "nothing voiced"
    loud = f"loudness {analysis.mean_loudness:.1f} LUFS" if np.isfinite(analysis.mean_loudness) else "silent: no voice to judge"
    return f"{analysis.seconds:.2f} s · {pitch} · {loud}"
