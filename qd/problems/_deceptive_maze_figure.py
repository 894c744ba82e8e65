"""The deceptive maze drawn: walls, goal, and a robot's path coloured by time."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray


def figure(path: NDArray[np.float64], walls: Any, goal: tuple[float, float], reached: float, blocked: int) -> Figure:
    """A figure of the maze.

    Args:
        path: (steps + 1, 2) x and y [px], y down.
        walls: x and y of both ends of each [px].
        goal: x and y [px].
        reached: radius of the goal [px].
        blocked: steps in which a wall was in the way.
    """
    pieces = np.stack([path[:-1], path[1:]], axis=1)  # (steps, 2, 2)
    ends = np.array(walls).reshape(-1, 2)
    low, high = ends.min(axis=0), ends.max(axis=0)
    fig = Figure(figsize=(5.8, 5.4), layout="constrained")
    axes = fig.add_subplot()
    axes.add_collection(LineCollection([np.array(w).reshape(2, 2) for w in walls], colors="black", linewidths=2.0))
    axes.add_patch(Circle(goal, reached, facecolor="#d6272830", edgecolor="#d62728", label="goal"))
    line = LineCollection(list(pieces), cmap="viridis", linewidths=1.8, capstyle="round")
    line.set_array(np.arange(len(pieces)))
    axes.add_collection(line)
    axes.plot(*path[0], "o", color="white", markeredgecolor="black", markersize=8, label="start", zorder=3)
    axes.plot(*path[-1], "*", color="#ffd21f", markeredgecolor="black", markersize=13, label="end", zorder=4)
    fig.colorbar(line, ax=axes, label="time [steps]")
    axes.set(xlim=(low[0] - 4, high[0] + 4), ylim=(high[1] + 4, low[1] - 4), xlabel="x [px]", ylabel="y [px], down",
             aspect="equal")  # fmt: skip
    away = float(np.hypot(path[-1, 0] - goal[0], path[-1, 1] - goal[1]))
    axes.set_title(f"{away:.1f} px from the goal, a wall in the way in {blocked} steps", fontsize=10)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.1), ncols=3, fontsize=8, frameon=False)
    return fig
