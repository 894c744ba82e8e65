"""What a camera above the hard maze sees: white floor, black walls, red reward areas, a blue robot.

Position x [units] is drawn at (x / 3 + 1/2) / 200 of the width, as the simulator rounds positions to pixels.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from qd.problems._hard_maze_map import UNIT, WIDTH, bitmap
from qd.problems._raster import disc
from qd.problems._robot_pictures import BLUE, RED, draw, shrunk
from qd.problems.hard_maze import AREAS


@cache
def background(size: int) -> NDArray[np.uint8]:
    """(size, size, 3) the maze without its robot: every pixel the mean of the map under it, the areas on top."""
    canvas = shrunk(bitmap(), size)
    for x, y, radius in AREAS:
        at = np.array([x + UNIT / 2, y + UNIT / 2, radius]) * size / WIDTH
        disc(canvas, at[0], at[1], at[2], RED)
    canvas.setflags(write=False)
    return canvas


def pictures(positions: NDArray[np.float64], size: int, radius: float) -> NDArray[np.uint8]:
    """Pictures of robots.

    Args:
        positions: (n, f, 2) [units].
        size: pixels a side.
        radius: of the robot [units].

    Returns:
        (n, f, size, size, 3).
    """
    out = np.empty((*positions.shape[:2], size, size, 3), np.uint8)
    at = (positions[:, :, None] + UNIT / 2) * (size / WIDTH)  # (n, f, 1, 2) [pixels]
    draw(background(size), at, radius * size / WIDTH, BLUE, out)
    return out
