"""Screens of the Atari 2600 made small, in one pass: the larger of two frames, grey, shrunk by a triangle filter."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

SIDE = 84
GREY = (0.299, 0.587, 0.114)  # of red, green and blue


@cache
def taps(size: int, side: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """A triangle filter as wide as two of the shrunk pixels, as Pillow's bilinear resizing has it.

    Returns:
        (side,) the first of ``size`` pixels that a shrunk one takes from, and (side, taps) how much of each.
    """
    scale = size / side
    first, parts = [], []
    for pixel in range(side):
        centre = (pixel + 0.5) * scale
        low, high = max(0, int(centre - scale + 0.5)), min(size, int(centre + scale + 0.5))
        share = np.maximum(1.0 - np.abs((np.arange(low, high) + 0.5 - centre) / scale), 0.0)
        first.append(low)
        parts.append(share / share.sum())
    table = np.zeros((side, max(map(len, parts))), np.float32)
    for pixel, share in enumerate(parts):
        table[pixel, : len(share)] = share
    return np.array(first, np.int64), table


@njit(cache=True, nogil=True, error_model="numpy")
def strange(screen: NDArray[np.uint8], known: NDArray[np.bool_]) -> bool:
    """Whether a screen shows a colour whose red, green and blue are not known yet."""
    for row in range(screen.shape[0]):
        for column in range(screen.shape[1]):
            if not known[screen[row, column]]:
                return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def shrink(first, second, colours, greys, top_rows, down, left_columns, across, wide, small):  # type: ignore[no-untyped-def]
    """The larger of two screens, channel by channel, grey and shrunk.

    Args:
        first, second: (rows, columns) uint8 numbers of colours.
        colours: (256, 3) float32 red, green and blue, 0 to 255; greys (256,) what they come to, 0 to 1.
        top_rows, down, left_columns, across: ``taps`` of rows and of columns.
        wide: (columns,) working memory.
        small: (SIDE, SIDE) float32 out, 0 to 1.
    """
    for i in range(SIDE):
        wide[:] = np.float32(0.0)
        for k in range(down.shape[1]):
            share, row = down[i, k], top_rows[i] + k
            if share == np.float32(0.0):
                continue
            for column in range(len(wide)):
                a, b = first[row, column], second[row, column]
                grey = greys[a]
                if a != b:
                    grey = np.float32(0.0)
                    for channel in range(3):
                        grey += np.float32(GREY[channel] / 255.0) * max(colours[a, channel], colours[b, channel])
                wide[column] += share * grey
        for j in range(SIDE):
            total = np.float32(0.0)
            for k in range(across.shape[1]):
                column = min(left_columns[j] + k, len(wide) - 1)  # its share is 0 there
                total += across[j, k] * wide[column]
            small[i, j] = total
