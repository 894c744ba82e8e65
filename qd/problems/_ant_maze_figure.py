"""Draws one episode in the ant maze."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.problems._ant_maze_model import WALLS


def figure(path: NDArray[np.float64], areas: tuple[tuple[float, float, float], ...], paid: float) -> Any:
    """A matplotlib figure: walls, reward areas, and the path (steps + 1, 2) coloured by time."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, Rectangle

    fig = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = fig.add_subplot()
    for x, y, half_x, half_y in WALLS:
        axes.add_patch(Rectangle((x - half_x, y - half_y), 2 * half_x, 2 * half_y, facecolor="0.25", edgecolor="none"))
    for index, (x, y, radius) in enumerate(areas):
        axes.add_patch(Circle((x, y), radius, facecolor="#d62728", alpha=0.18, edgecolor="none"))
        axes.add_patch(Circle((x, y), radius, facecolor="none", edgecolor="#d62728", linewidth=1.0))
        axes.annotate(f"reward {index + 1}", (x, y), ha="center", va="center", color="#8b1a1a", fontsize=8)
    line = LineCollection(list(np.stack([path[:-1], path[1:]], axis=1)), cmap="viridis", linewidths=1.6)
    line.set_array(np.arange(len(path) - 1))
    axes.add_collection(line)
    axes.plot(*path[0], "o", color="white", markeredgecolor="black", markersize=8, label="start", zorder=3)
    axes.plot(*path[-1], "*", color="#ffd21f", markeredgecolor="black", markersize=13, label="end", zorder=4)
    fig.colorbar(line, ax=axes, label="time [steps]")
    axes.set(xlim=(-31, 41), ylim=(-31, 41), xlabel="x", ylabel="y", aspect="equal")
    axes.set_title(f"reward {paid:.3f}, {len(path) - 1} steps", fontsize=10)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.1), ncols=2, fontsize=8, frameon=False)
    return fig
