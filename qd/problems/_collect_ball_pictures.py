"""What a camera above the arena sees: white floor, black walls, green home, a blue robot, red balls.

Position x [units] is drawn at (x / 3 + 1/2) / 200 of the width, as the simulator rounds positions to pixels. Colours
of floor, walls, robot and balls are those of the released environment; that one does not paint home, nor a ball that
is carried.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from qd.problems._collect_ball_map import BALLS, HOME, bitmap
from qd.problems._fastsim_map import UNIT, WIDTH
from qd.problems._raster import disc
from qd.problems._robot_pictures import BLUE, GREEN, RED, draw, shrunk

ROBOT, BALL, GOAL = 10.0, 8.0, 10.0  # radii [units]


@cache
def background(size: int) -> NDArray[np.uint8]:
    """(size, size, 3) the arena with home, without robot and balls."""
    canvas = shrunk(bitmap(), size)
    x, y = (np.array(HOME) + UNIT / 2) * size / WIDTH
    disc(canvas, float(x), float(y), GOAL * size / WIDTH, GREEN)
    canvas.setflags(write=False)
    return canvas


def pictures(trace: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Pictures of robots and balls.

    Args:
        trace: (n, f, 15) x, y, heading of the robot, x and y of each ball [units]; NaN for one that is home.
        size: pixels a side.

    Returns:
        (n, f, size, size, 3).
    """
    n, f = trace.shape[:2]
    out = np.empty((n, f, size, size, 3), np.uint8)
    scale = size / WIDTH
    robots = (trace[:, :, None, 0:2] + UNIT / 2) * scale  # (n, f, 1, 2) [pixels]
    balls = (trace[:, :, 3:].reshape(n, f, len(BALLS), 2) + UNIT / 2) * scale
    draw(background(size), robots, ROBOT * scale, BLUE, out)
    draw(np.empty((0, 0, 3), np.uint8), balls, BALL * scale, RED, out)
    return out
