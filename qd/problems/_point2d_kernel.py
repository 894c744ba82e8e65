"""The point's numba kernels: whole episodes, network included, and what a camera above sees of them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.policies._mlp_kernel import SCALAR, forward_row
from qd.problems._raster import disc, lay
from qd.problems.point2d import EDGE, SPEED

WHITE, RED, BLUE = 255, (255, 0, 0), (0, 0, 255)
VIEW = 1.1  # half the width of a picture: a point in the corner is seen whole
RADIUS = 0.1  # of the point in pictures


@njit(cache=True, nogil=True, error_model="numpy")
def episodes(  # type: ignore[no-untyped-def]
    weights, sizes, activations, steps, frames, final, trace
):
    """Run a row's episode after the other.

    Args:
        weights: (n, d) float64.
        sizes, activations: (layers + 1,), (layers,) the network, as ``forward_row`` has it.
        frames: (f,) rising step numbers after which the position is kept.
        final: (n, 2) out: x, y.
        trace: (n, f, 2) out: x, y at the frames.
    """
    scratch = np.empty((2, sizes.max()))
    position, action = np.empty(2), np.empty(2)
    for row in range(len(weights)):
        position[:] = 0.0
        frame = 0
        for step in range(steps):
            forward_row(weights[row], sizes, activations, SCALAR, position, scratch, action)
            for k in range(2):
                position[k] = min(max(position[k] + SPEED * action[k], -EDGE), EDGE)
            while frame < len(frames) and frames[frame] == step:
                trace[row, frame, 0], trace[row, frame, 1] = position[0], position[1]
                frame += 1
        final[row, 0], final[row, 1] = position[0], position[1]


@cache
def background(areas: tuple[tuple[float, float, float], ...], size: int) -> NDArray[np.uint8]:
    """(size, size, 3) the floor without the point."""
    canvas = np.full((size, size, 3), WHITE, np.uint8)
    scale = size / (2 * VIEW)
    for x, y, radius in areas:
        disc(canvas, (VIEW + x) * scale, (VIEW - y) * scale, radius * scale, RED)
    canvas.setflags(write=False)
    return canvas


@njit(cache=True, nogil=True, error_model="numpy")
def draw(  # type: ignore[no-untyped-def]
    background, positions, out
):
    """Paint each point, (n, f, 2), on a copy of the background into ``out`` (n, f, size, size, 3)."""
    scale = out.shape[2] / (2 * VIEW)
    for row in range(positions.shape[0]):
        for f in range(positions.shape[1]):
            canvas = out[row, f]
            lay(canvas, background)
            x, y = (VIEW + positions[row, f, 0]) * scale, (VIEW - positions[row, f, 1]) * scale
            disc(canvas, x, y, RADIUS * scale, BLUE)


def pictures(
    positions: NDArray[np.float64], areas: tuple[tuple[float, float, float], ...], size: int
) -> NDArray[np.uint8]:
    """(n, f, size, size, 3) pictures of points at (n, f, 2), y up."""
    out = np.empty((*positions.shape[:2], size, size, 3), np.uint8)
    draw(background(areas, size), positions, out)
    return out
