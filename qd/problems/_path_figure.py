"""Draws a problem's scene and the path that one episode takes through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def figure(
    scene: dict[str, Any],
    path: NDArray[np.float64],
    names: tuple[str, str],
    title: str,
    shapes: Sequence[tuple[NDArray[np.float64], str, str]] = (),
) -> Any:
    """A matplotlib figure.

    Args:
        scene: lines and circles, as ``Problem.scene`` gives them.
        path: (steps + 1, 2) positions, coloured by time.
        names: of the axes.
        title: above the drawing.
        shapes: outlines (k, 2) of bodies, with their colours and names.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    fig = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = fig.add_subplot()
    for line in scene.get("lines", []):
        axes.plot(*np.asarray(line).T, "-", color="0.25", linewidth=1.5)
    for outline, colour, label in shapes:
        axes.plot(*outline.T, "-", color=colour, linewidth=1.5, label=label)
    for x, y, radius, label in scene.get("circles", []):
        axes.add_patch(Circle((x, y), radius, facecolor="#d62728", alpha=0.18, edgecolor="none"))
        axes.add_patch(Circle((x, y), radius, facecolor="none", edgecolor="#d62728", linewidth=1.0))
        axes.annotate(label, (x, y), ha="center", va="center", color="#8b1a1a", fontsize=8)
    pieces = np.stack([path[:-1], path[1:]], axis=1)  # (steps, 2, 2)
    course = LineCollection(list(pieces), cmap="viridis", linewidths=1.8, capstyle="round", zorder=3)
    course.set_array(np.arange(len(pieces)))
    axes.add_collection(course)
    axes.plot(*path[0], "o", color="white", markeredgecolor="black", markersize=8, label="start", zorder=4)
    axes.plot(*path[-1], "*", color="#ffd21f", markeredgecolor="black", markersize=13, label="end", zorder=4)
    fig.colorbar(course, ax=axes, label="time [steps]")
    axes.set(xlabel=names[0], ylabel=names[1], aspect="equal")
    axes.set_title(title, fontsize=10)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.1), ncols=4, fontsize=8, frameon=False)
    return fig
