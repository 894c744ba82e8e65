"""The ball collector's arena as a bitmap, its lights, and the tables that its kernel looks things up in.

Positions as in ``_fastsim_map``. The arena is a frame with two walls, all of them upright rectangles of pixels.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from qd.problems._fastsim_map import SIDE, Tables, build, pixel

FRAME = 5  # thickness of the outer wall [pixels]
WALLS = (  # x0, y0, x1, y1 [pixels], the last ones outside: two rooms above one another, a doorway at the right;
    (0, 99, 127, 102),
    (174, 99, 200, 102),
    (99, 102, 102, 127),  # the lower room cut in two, open in the middle
    (99, 174, 102, 200),
)
BALLS = ((75.0, 75.0), (75.0, 540.0), (225.0, 540.0), (450.0, 450.0), (450.0, 75.0), (225.0, 225.0))  # x, y [units]
HOME = (100.0, 500.0)


@cache
def bitmap() -> NDArray[np.bool_]:
    """(200, 200) where the walls are."""
    walls = np.zeros((SIDE, SIDE), np.bool_)
    walls[:FRAME] = walls[-FRAME:] = walls[:, :FRAME] = walls[:, -FRAME:] = True
    for x0, y0, x1, y1 in WALLS:
        walls[y0:y1, x0:x1] = True
    walls.setflags(write=False)
    return walls


@cache
def tables() -> Tables:
    """The tables of the one arena; a process makes them once."""
    return build(bitmap())


@cache
def lit() -> NDArray[np.uint8]:
    """(200 * 200,) from which pixels a light is seen: bit k for ball k at its first place, bit 6 for home."""
    from qd.problems._collect_ball_kernel import lit_from

    at = pixel(np.array([*BALLS, HOME]))  # (7, 2)
    return np.asarray(lit_from(tables().clear, at))
