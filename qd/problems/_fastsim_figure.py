"""Draws one episode of the two-wheeled robot on its map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.problems._fastsim_map import UNIT, WIDTH


def figure(
    walls: NDArray[np.bool_],
    path: NDArray[np.float64],
    circles: list[tuple[float, float, float, str]],
    title: str,
) -> Any:
    """A matplotlib figure.

    Args:
        walls: (200, 200) the map.
        path: (steps + 1, 2) the robot's positions [units], coloured by time.
        circles: x, y, radius [units] and label of what pays.
        title: above the drawing.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    fig = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = fig.add_subplot()
    low, high = -UNIT / 2, WIDTH - UNIT / 2  # pixel k holds the positions that round to it: 3 k -+ 1.5
    axes.imshow(walls, cmap="Greys", vmin=0, vmax=1.3, extent=(low, high, high, low), interpolation="nearest")
    for x, y, radius, label in circles:
        axes.add_patch(Circle((x, y), radius, facecolor="#d62728", alpha=0.18, edgecolor="none"))
        axes.add_patch(Circle((x, y), radius, facecolor="none", edgecolor="#d62728", linewidth=1.0))
        axes.annotate(label, (x, y), ha="center", va="center", color="#8b1a1a", fontsize=8)
    pieces = np.stack([path[:-1], path[1:]], axis=1)  # (steps, 2, 2)
    line = LineCollection(list(pieces), cmap="viridis", linewidths=1.6, capstyle="round")
    line.set_array(np.arange(len(pieces)))
    axes.add_collection(line)
    axes.plot(*path[0], "o", color="white", markeredgecolor="black", markersize=8, label="start", zorder=3)
    axes.plot(*path[-1], "*", color="#ffd21f", markeredgecolor="black", markersize=13, label="end", zorder=4)
    fig.colorbar(line, ax=axes, label="time [steps]")
    axes.set(xlim=(low, high), ylim=(high, low), xlabel="x [units]", ylabel="y [units], down", aspect="equal")
    axes.set_title(title, fontsize=10)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.1), ncols=2, fontsize=8, frameon=False)
    return fig
