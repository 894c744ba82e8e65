"""What the pictures of the robots have in common: a map shrunk to a picture, and robots painted on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.problems._raster import disc, lay

RED, GREEN, BLUE = (255, 0, 0), (0, 160, 0), (0, 0, 255)


def shrunk(walls: NDArray[Any], size: int) -> NDArray[np.uint8]:
    """(size, size, 3) white where a square map is free, black where it is true: every pixel the mean of what it covers.

    Args:
        walls: (k, k) of bool.
        size: pixels a side.
    """
    side = len(walls)
    edges = np.linspace(0, side, size + 1)
    ends = np.minimum(edges[1:, None], np.arange(1, side + 1))
    shares = np.maximum(ends - np.maximum(edges[:-1, None], np.arange(side)), 0.0) * size / side  # (size, k)
    floor = 255.0 * (shares @ ~walls @ shares.T)
    return np.repeat(np.round(floor).astype(np.uint8)[:, :, None], 3, axis=2)


@njit(cache=True, nogil=True, error_model="numpy")
def draw(  # type: ignore[no-untyped-def]
    background, positions, radius, colour, out
):
    """Paint discs of one radius, (n, f, k, 2) centres [pixels], on copies of the background: ``out`` (n, f, s, s, 3).

    Without a background, (0, 0, 3), they are painted on what is there.
    """
    for row in range(positions.shape[0]):
        for f in range(positions.shape[1]):
            canvas = out[row, f]
            if len(background):
                lay(canvas, background)
            for k in range(positions.shape[2]):
                disc(canvas, positions[row, f, k, 0], positions[row, f, k, 1], radius, colour)
