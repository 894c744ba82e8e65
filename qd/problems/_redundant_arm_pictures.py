"""What a camera sees of the redundant arm: a white square, black walls, red reward areas, the arm in black on top.

The width of the square is the width of the picture, y goes up.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.problems._raster import chain, disc, lay, rectangle
from qd.problems.redundant_arm import AREAS, JOINTS, WALLS

WHITE, BLACK, RED = 255, (0, 0, 0), (255, 0, 0)
THICKNESS = 3.0 / 400.0  # of the arm, in widths


@cache
def background(size: int) -> NDArray[np.uint8]:
    """(size, size, 3) the square without the arm."""
    canvas = np.full((size, size, 3), WHITE, np.uint8)
    for x0, x1, y0, y1 in WALLS * size:
        rectangle(canvas, x0, size - y1, x1, size - y0, BLACK)
    for x, y, radius in np.array(AREAS) * size:
        disc(canvas, x, size - y, radius, RED)
    canvas.setflags(write=False)
    return canvas


@njit(cache=True, nogil=True, error_model="numpy")
def draw(  # type: ignore[no-untyped-def]
    background, postures, thickness, out
):
    """Paint each arm, (n, f, 21, 2) in widths, on a copy of the background into ``out`` (n, f, size, size, 3)."""
    size = float(out.shape[2])
    places = np.empty((JOINTS + 1, 2))
    for row in range(postures.shape[0]):
        for f in range(postures.shape[1]):
            moved = f == 0
            for k in range(JOINTS + 1):
                x, y = postures[row, f, k, 0] * size, size - postures[row, f, k, 1] * size
                moved |= x != places[k, 0] or y != places[k, 1]
                places[k, 0], places[k, 1] = x, y
            canvas = out[row, f]
            if moved:
                lay(canvas, background)
                chain(canvas, places, thickness, BLACK)
            else:  # an arm that has stopped
                lay(canvas, out[row, f - 1])


def pictures(postures: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Pictures of arms.

    Args:
        postures: (n, f, 21, 2) x and y of base and joints, in widths of the square.
        size: pixels a side.

    Returns:
        (n, f, size, size, 3).
    """
    out = np.empty((*postures.shape[:2], size, size, 3), np.uint8)
    draw(background(size), postures, THICKNESS * size, out)
    return out
