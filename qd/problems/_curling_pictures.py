"""What a camera above the curling table sees: white floor, red reward areas, grey walls, a blue ball, a grey arm.

The width of the table with its walls' middles, 3, is the width of the picture; y goes up.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.problems._raster import box, disc, lay, rectangle
from qd.problems.curling import AREAS, BALL_RADIUS, BASE_Y, ELBOW, HALF_LENGTH, HALF_WIDTH, TAIL, WALL

WHITE, RED, BLUE, WALL_GREY, ARM_GREY = 255, (255, 0, 0), (0, 0, 255), (150, 150, 150), (100, 100, 100)
HALF = 1.5  # of the picture's width
LENGTH = 2 * HALF_LENGTH


@cache
def background(size: int) -> NDArray[np.uint8]:
    """(size, size, 3) the table without ball and arm."""
    canvas = np.full((size, size, 3), WHITE, np.uint8)
    scale = size / (2 * HALF)
    for x, y, radius in AREAS:
        disc(canvas, (HALF + x) * scale, (HALF - y) * scale, radius * scale, RED)
    wall, whole = (HALF - WALL) * scale, float(size)
    rectangle(canvas, 0.0, 0.0, whole, wall, WALL_GREY)
    rectangle(canvas, 0.0, whole - wall, whole, whole, WALL_GREY)
    rectangle(canvas, 0.0, wall, wall, whole - wall, WALL_GREY)
    rectangle(canvas, whole - wall, wall, whole, whole - wall, WALL_GREY)
    canvas.setflags(write=False)
    return canvas


@njit(cache=True, nogil=True, error_model="numpy")
def draw(  # type: ignore[no-untyped-def]
    background, tables, out
):
    """Paint each table, (n, f, 4) ball x, y and joint angles, on the background into ``out`` (n, f, size, size, 3)."""
    scale = out.shape[2] / (2 * HALF)
    middle, thickness = HALF * scale, 2 * HALF_WIDTH * scale
    for row in range(tables.shape[0]):
        for f in range(tables.shape[1]):
            canvas = out[row, f]
            lay(canvas, background)
            disc(
                canvas, middle + tables[row, f, 0] * scale, middle - tables[row, f, 1] * scale, BALL_RADIUS * scale,
                BLUE,
            )  # fmt: skip
            base, arm = tables[row, f, 2], tables[row, f, 2] + tables[row, f, 3]
            x, y = middle, middle - BASE_Y * scale
            along_x, along_y = -np.sin(base) * scale, -np.cos(base) * scale
            box(canvas, x, y, x + LENGTH * along_x, y + LENGTH * along_y, thickness, ARM_GREY)
            x, y = x + ELBOW * along_x, y + ELBOW * along_y
            along_x, along_y = -np.sin(arm) * scale, -np.cos(arm) * scale
            end = LENGTH - TAIL
            box(
                canvas, x - TAIL * along_x, y - TAIL * along_y, x + end * along_x, y + end * along_y, thickness,
                ARM_GREY,
            )  # fmt: skip


def pictures(tables: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Pictures of tables.

    Args:
        tables: (n, f, 4) ball x, y [units], joint angles [rad].
        size: pixels a side.

    Returns:
        (n, f, size, size, 3).
    """
    out = np.empty((*tables.shape[:2], size, size, 3), np.uint8)
    draw(background(size), tables, out)
    return out
