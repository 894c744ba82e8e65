"""Draws one episode of the redundant arm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def figure(
    postures: NDArray[np.float64],
    path: NDArray[np.float64],
    walls: NDArray[np.float64],
    areas: tuple[tuple[float, float, float], ...],
    paid: float,
    ending: str,
) -> Any:
    """A matplotlib figure.

    Args:
        postures: (2, 21, 2) first and last posture.
        path: (steps + 1, 2) the end effector's, coloured by time.
        walls: (k, 4) x0, x1, y0, y1.
        areas: x, y, radius of the reward areas.
        paid: the reward.
        ending: why the episode ended.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, Rectangle

    fig = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = fig.add_subplot()
    for x0, x1, y0, y1 in walls:
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor="0.25", edgecolor="none"))
    for index, (x, y, radius) in enumerate(areas):
        axes.add_patch(Circle((x, y), radius, facecolor="#d62728", alpha=0.18, edgecolor="none"))
        axes.add_patch(Circle((x, y), radius, facecolor="none", edgecolor="#d62728", linewidth=1.0))
        axes.annotate(f"reward {index + 1}", (x, y - radius), ha="center", va="top", color="#8b1a1a", fontsize=8)
    axes.plot(*postures[0].T, "-", color="0.7", linewidth=1.5, label="first posture")
    axes.plot(*postures[1].T, "-o", color="#30638e", linewidth=2.5, markersize=4, markerfacecolor="white", label="last")
    axes.plot(*postures[1, 0], "s", color="black", markersize=7, label="base")
    pieces = np.stack([path[:-1], path[1:]], axis=1)  # (steps, 2, 2)
    line = LineCollection(list(pieces), cmap="viridis", linewidths=1.8, capstyle="round", zorder=3)
    line.set_array(np.arange(len(pieces)))
    axes.add_collection(line)
    axes.plot(*path[-1], "*", color="#ffd21f", markeredgecolor="black", markersize=13, label="end effector", zorder=4)
    fig.colorbar(line, ax=axes, label="time [steps]")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="x [widths]", ylabel="y [widths]", aspect="equal")
    axes.set_title(f"reward {paid:.3f}, {len(pieces)} steps, {ending}", fontsize=10)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.1), ncols=4, fontsize=8, frameon=False)
    return fig
