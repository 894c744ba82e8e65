"""What a camera above the ant maze sees: white floor, black walls, red reward areas, the ant as a blue disc; y up."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from qd.problems._ant_maze_model import CENTER, HALF, WALLS
from qd.problems._raster import disc, rectangle
from qd.problems._robot_pictures import BLUE, RED, draw
from qd.problems.ant_maze import AREAS

BLACK = (0, 0, 0)
MARGIN = 0.5  # of floor beyond the centre lines of the border, so that it is seen


def scale(size: int) -> float:
    """Pixels a unit of length."""
    return size / (2 * (HALF + MARGIN))


def place(positions: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """(..., 2) x, y to pixels, whose y goes down."""
    return (HALF + MARGIN + (positions - CENTER) * (1.0, -1.0)) * scale(size)


@cache
def background(size: int) -> NDArray[np.uint8]:
    """(size, size, 3) the maze without its ant."""
    canvas = np.full((size, size, 3), 255, np.uint8)
    for x, y, radius in AREAS:
        at = place(np.array([x, y]), size)
        disc(canvas, float(at[0]), float(at[1]), radius * scale(size), RED)
    for x, y, half_x, half_y in WALLS:
        low, high = place(np.array([[x - half_x, y + half_y], [x + half_x, y - half_y]]), size)
        rectangle(canvas, float(low[0]), float(low[1]), float(high[0]), float(high[1]), BLACK)
    canvas.setflags(write=False)
    return canvas


def pictures(positions: NDArray[np.float64], size: int, radius: float) -> NDArray[np.uint8]:
    """Pictures of ants.

    Args:
        positions: (n, f, 2) x, y.
        size: pixels a side.
        radius: of the ant.

    Returns:
        (n, f, size, size, 3).
    """
    out = np.empty((*positions.shape[:2], size, size, 3), np.uint8)
    draw(background(size), place(positions[:, :, None], size), radius * scale(size), BLUE, out)
    return out
