"""The hard maze as a bitmap, and its tables; positions as in ``_fastsim_map``."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from qd.problems._fastsim_map import SIDE, UNIT, WIDTH, Tables, build, pixel

__all__ = ["FRAME", "SIDE", "UNIT", "WALLS", "WIDTH", "bitmap", "pixel", "tables"]

FRAME = 3  # thickness of the outer wall [pixels]

# Centre line (x0, y0) to (x1, y1) and thickness [units] of the inner walls, fitted to the simulator's bitmap.
WALLS = (
    (0.0, 132.0, 174.0, 148.0, 21.0),
    (174.0, 148.0, 397.0, 78.0, 20.0),
    (174.0, 153.0, 174.0, 456.0, 15.0),
    (180.0, 308.0, 461.0, 465.0, 17.0),
    (0.0, 216.0, 107.0, 347.0, 20.0),
    (257.0, 256.0, 600.0, 436.0, 16.5),
    (219.0, 591.0, 322.0, 472.0, 18.0),
)


@cache
def bitmap() -> NDArray[np.bool_]:
    """(200, 200) where the walls are. A wall has flat ends and covers the pixels whose centre lies inside it."""
    centre = (np.arange(SIDE) + 0.5) * UNIT
    x, y = np.meshgrid(centre, centre)  # (200, 200) each
    walls = np.zeros((SIDE, SIDE), np.bool_)
    walls[:FRAME] = walls[-FRAME:] = walls[:, :FRAME] = walls[:, -FRAME:] = True
    for x0, y0, x1, y1, thickness in WALLS:
        length = float(np.hypot(x1 - x0, y1 - y0))
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        along = (x - x0) * ux + (y - y0) * uy
        across = np.abs((x - x0) * uy - (y - y0) * ux)
        walls |= (along >= 0) & (along <= length) & (across < thickness / 2 - 1e-9)
    walls.setflags(write=False)
    return walls


@cache
def tables() -> Tables:
    """The tables of the one maze; a process makes them once."""
    return build(bitmap())
