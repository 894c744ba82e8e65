"""Draws one episode in the hard maze."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.problems._fastsim_figure import figure as drawn
from qd.problems._hard_maze_map import bitmap


def figure(
    path: NDArray[np.float64], areas: tuple[tuple[float, float, float], ...], paid: float, collisions: int
) -> Any:
    """A matplotlib figure: walls, reward areas, and the path (steps + 1, 2) [units] coloured by time."""
    circles = [(x, y, radius, f"reward {index + 1}") for index, (x, y, radius) in enumerate(areas)]
    return drawn(bitmap(), path, circles, f"reward {paid:.3f}, {collisions} of {len(path) - 1} steps in collision")
