"""What a camera above the hard maze sees: white floor, black walls, red reward areas, a blue robot.

Position x [units] is drawn at (x / 3 + 1/2) / 200 of the width, as the simulator rounds positions to pixels.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.problems._hard_maze_map import SIDE, UNIT, WIDTH, bitmap
from qd.problems._raster import disc, lay
from qd.problems.hard_maze import AREAS

RED, BLUE = (255, 0, 0), (0, 0, 255)


@cache
def background(size: int) -> NDArray[np.uint8]:
    """(size, size, 3) the maze without its robot: every pixel the mean of the map under it, the areas on top."""
    edges = np.linspace(0, SIDE, size + 1)
    ends = np.minimum(edges[1:, None], np.arange(1, SIDE + 1))
    shares = np.maximum(ends - np.maximum(edges[:-1, None], np.arange(SIDE)), 0.0) * size / SIDE  # (size, 200)
    floor = 255.0 * (shares @ ~bitmap() @ shares.T)
    canvas = np.repeat(np.round(floor).astype(np.uint8)[:, :, None], 3, axis=2)
    for x, y, radius in AREAS:
        at = np.array([x + UNIT / 2, y + UNIT / 2, radius]) * size / WIDTH
        disc(canvas, at[0], at[1], at[2], RED)
    canvas.setflags(write=False)
    return canvas


@njit(cache=True, nogil=True, error_model="numpy")
def draw(  # type: ignore[no-untyped-def]
    background, positions, radius, out
):
    """Paint each robot, (n, f, 2) centres [pixels], on a copy of the background into ``out`` (n, f, size, size, 3)."""
    for row in range(positions.shape[0]):
        for f in range(positions.shape[1]):
            canvas = out[row, f]
            lay(canvas, background)
            disc(canvas, positions[row, f, 0], positions[row, f, 1], radius, BLUE)


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
    draw(background(size), (positions + UNIT / 2) * (size / WIDTH), radius * size / WIDTH, out)
    return out
