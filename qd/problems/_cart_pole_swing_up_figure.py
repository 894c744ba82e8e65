"""The figure of one swing-up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.problems._cart_pole_swing_up_kernel import DT
from qd.problems.cart_pole_swing_up import HALF_TRACK, POLE_LENGTH

_POLES = 60  # at most so many are drawn


def figure(course: NDArray[np.float64], shares: NDArray[np.float64], on_track: bool) -> Any:
    """Cart and pole on the track, and place and angle over time.

    Args:
        course: (steps + 1, 4) the states.
        shares: objective, mean place [m], share of time upright.
        on_track: whether the cart never left the track.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    seconds = np.arange(len(course)) * DT
    shown = np.unique(np.linspace(0, len(course) - 1, min(_POLES, len(course))).astype(np.int64))
    x, angle = course[:, 0], course[:, 2]
    ends = np.stack([x + POLE_LENGTH * np.sin(angle), POLE_LENGTH * np.cos(angle)], axis=1)
    poles = np.stack([np.stack([x, np.zeros_like(x)], axis=1), ends], axis=1)[shown]  # (k, 2, 2)
    fig = Figure(figsize=(7.2, 5.6), layout="constrained")
    track, over_time = fig.subplots(2, 1, height_ratios=(1.1, 1.0))
    track.plot([-HALF_TRACK, HALF_TRACK], [0, 0], color="black", linewidth=2.0)
    lines = LineCollection(list(poles), cmap="viridis", linewidths=1.6, alpha=0.8)
    lines.set_array(seconds[shown])
    track.add_collection(lines)
    track.plot(x[-1], 0.0, "s", color="#d1495b", markersize=9, label="cart at the end")
    track.set(xlim=(-HALF_TRACK - 0.7, HALF_TRACK + 0.7), ylim=(-0.75, 0.75), xlabel="x [m]", ylabel="[m]")
    track.set_aspect("equal")
    fig.colorbar(lines, ax=track, label="time [s]")
    track.legend(loc="upper left", fontsize=8)
    ending = "" if on_track else ", left the track"
    track.set_title(f"objective {shares[0]:.3f}, upright {shares[2]:.0%} of the time{ending}", fontsize=10)
    over_time.plot(seconds, np.cos(angle), color="#30638e", label="cosine of the pole's angle: 1 upright")
    over_time.plot(seconds, x / HALF_TRACK, color="#d1495b", label="place of the cart: 1 the track's end")
    over_time.set(xlabel="time [s]", ylim=(-1.1, 1.1), xlim=(0, seconds[-1]))
    over_time.legend(loc="lower right", fontsize=8)
    return fig
