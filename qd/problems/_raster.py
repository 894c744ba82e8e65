"""Discs, rectangles, boxes and chains painted into small pictures, inside kernels.

A canvas is (height, width, 3) uint8, painted in place. Places are in pixels as floats: pixel [i, j] is the square
j..j + 1 by i..i + 1, so its centre is (j + 0.5, i + 0.5); y goes down. The colour of a pixel moves towards the new one
by the exact share of its area that the shape covers, so what is smaller than a pixel leaves the trace that it should.
Shapes may stick out of the canvas; one whose place is not a number, or that has no size, is not painted.

All are callable from other ``@njit(nogil=True)`` functions; a colour is a tuple of three whole numbers, 0 to 255.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Canvas = NDArray[np.uint8]  # (height, width, 3)
Colour = tuple[int, int, int]

FAINT = 1.0 / 512.0  # a smaller share of a pixel cannot change its colour
REMOTE = 1e6  # [pixels] places beyond are taken for errors


@njit(cache=True, nogil=True, error_model="numpy")
def blend(canvas: Canvas, i: int, j: int, share: float, colour: Colour) -> None:
    """Move pixel [i, j] towards a colour by ``share`` of the way, 0 to 1; rounded to the nearest level."""
    for channel in range(3):
        old = float(canvas[i, j, channel])
        canvas[i, j, channel] = np.uint8(old + (colour[channel] - old) * share + 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def lay(canvas: Canvas, background: Canvas) -> None:
    """Copy a background of the same size, both contiguous; as flat bytes it is many times faster than by rows."""
    into, colours = canvas.reshape(-1), background.reshape(-1)
    for k in range(len(into)):
        into[k] = colours[k]


@njit(cache=True, nogil=True, error_model="numpy")
def rectangle(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
    """Paint x0 <= x <= x1, y0 <= y <= y1 [pixels]."""
    height, width = canvas.shape[0], canvas.shape[1]
    x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
    if not (x0 < x1 and y0 < y1):
        return
    for i in range(int(y0), int(np.ceil(y1))):
        high = min(y1, i + 1.0) - max(y0, float(i))
        for j in range(int(x0), int(np.ceil(x1))):
            blend(canvas, i, j, high * (min(x1, j + 1.0) - max(x0, float(j))), colour)


@njit(cache=True, nogil=True, error_model="numpy")
def left_of(x: float, radius: float) -> float:
    """Area of the part left of ``x`` of a disc about 0."""
    if x <= -radius:
        return 0.0
    if x >= radius:
        return float(np.pi * radius * radius)
    return float(radius * radius * (0.5 * np.pi + np.arcsin(x / radius)) + x * np.sqrt(radius * radius - x * x))


@njit(cache=True, nogil=True, error_model="numpy")
def corner_area(x: float, y: float, left: float, above: float, radius: float) -> float:
    """Area of the part left of ``x`` and above ``y`` of a disc about 0, whose parts left and above these are given."""
    if x * x + y * y < radius * radius:  # moving x by dx adds a strip from the rim down to y
        return 0.5 * (left + above) - 0.25 * np.pi * radius * radius + x * y
    if x < 0.0:
        return left if y > 0.0 else 0.0
    return left + above - np.pi * radius * radius if y > 0.0 else above


@njit(cache=True, nogil=True, error_model="numpy")
def disc(canvas: Canvas, x: float, y: float, radius: float, colour: Colour) -> None:
    """Paint the disc about (x, y) [pixels]."""
    height, width = canvas.shape[0], canvas.shape[1]
    if not (radius > 0.0 and abs(x) < REMOTE and abs(y) < REMOTE and radius < REMOTE):
        return
    first, last = max(int(np.floor(x - radius)), 0), min(int(np.ceil(x + radius)), width)
    top, bottom = max(int(np.floor(y - radius)), 0), min(int(np.ceil(y + radius)), height)
    if first >= last or top >= bottom:
        return
    lefts = np.empty(last - first + 1)
    for j in range(first, last + 1):
        lefts[j - first] = left_of(j - x, radius)
    above_high = left_of(top - y, radius)
    for i in range(top, bottom):
        above_low = left_of(i + 1 - y, radius)
        before = corner_area(first - x, i + 1 - y, lefts[0], above_low, radius)
        before -= corner_area(first - x, i - y, lefts[0], above_high, radius)
        for j in range(first, last):
            left = lefts[j + 1 - first]
            after = corner_area(j + 1 - x, i + 1 - y, left, above_low, radius)
            after -= corner_area(j + 1 - x, i - y, left, above_high, radius)
            if after - before > FAINT:
                blend(canvas, i, j, min(after - before, 1.0), colour)
            before = after
        above_high = above_low


@njit(cache=True, nogil=True, error_model="numpy")
def edge(covered: NDArray[np.float64], x0: float, y0: float, x1: float, y1: float) -> None:
    """Add what lies right of an edge, if it goes down; take it away if it goes up.

    ``covered`` (height, width + 1) holds in each row the differences of the pixels' shares: their running sum is
    the shares, when all edges of a shape are in it, left ones downwards.
    """
    height, width = covered.shape[0], covered.shape[1] - 1
    sign = 1.0
    if y0 > y1:
        x0, y0, x1, y1, sign = x1, y1, x0, y0, -1.0
    first, last = max(y0, 0.0), min(y1, float(height))
    if not first < last:
        return
    slope = (x1 - x0) / (y1 - y0)
    for i in range(int(first), int(np.ceil(last))):
        top, bottom = max(first, float(i)), min(last, i + 1.0)
        start, end = x0 + (top - y0) * slope, x0 + (bottom - y0) * slope
        low, high = min(start, end), max(start, end)
        down = sign * (bottom - top)
        if low >= width:
            continue
        if high <= 0.0:
            covered[i, 0] += down
            continue
        if high <= int(max(low, 0.0)) + 1.0 and low >= 0.0:  # within one pixel
            j = int(low)
            inside = 0.5 * (low + high) - j
            covered[i, j] += down * (1.0 - inside)
            covered[i, j + 1] += down * inside
            continue
        rate = down / (high - low)
        if low < 0.0:
            covered[i, 0] -= rate * low
            low = 0.0
        high = min(high, float(width))
        for j in range(int(low), int(np.ceil(high))):
            begin, stop = max(low, float(j)), min(high, j + 1.0)
            part, inside = rate * (stop - begin), 0.5 * (begin + stop) - j
            covered[i, j] += part * (1.0 - inside)
            covered[i, j + 1] += part * inside


@njit(cache=True, nogil=True, error_model="numpy")
def chain(canvas: Canvas, places: NDArray[np.float64], thickness: float, colour: Colour) -> None:
    """Paint boxes of one thickness [pixels] with flat ends between consecutive places (k, 2).

    Where boxes share a pixel their shares add up, to 1 at most. At a bend they lap over on the inner side by as much
    as is open on the outer one, so a thin chain is as dark at its joints as elsewhere.
    """
    height, width = canvas.shape[0], canvas.shape[1]
    half = 0.5 * thickness
    if not (half > 0.0 and half < REMOTE):
        return
    low_x, low_y, high_x, high_y = REMOTE, REMOTE, -REMOTE, -REMOTE
    for k in range(len(places)):
        x, y = places[k, 0], places[k, 1]
        if not (abs(x) < REMOTE and abs(y) < REMOTE):
            return
        low_x, high_x = min(low_x, x), max(high_x, x)
        low_y, high_y = min(low_y, y), max(high_y, y)
    first, last = max(int(np.floor(low_x - half)), 0), min(int(np.ceil(high_x + half)), width)
    top, bottom = max(int(np.floor(low_y - half)), 0), min(int(np.ceil(high_y + half)), height)
    if first >= last or top >= bottom:
        return
    covered = np.zeros((bottom - top, last - first + 1))
    for k in range(len(places) - 1):
        x0, y0, x1, y1 = places[k, 0] - first, places[k, 1] - top, places[k + 1, 0] - first, places[k + 1, 1] - top
        dx, dy = x1 - x0, y1 - y0
        length = np.sqrt(dx * dx + dy * dy)
        if length > 0.0:
            across, up = dy / length * half, -dx / length * half
            edge(covered, x0 + across, y0 + up, x0 - across, y0 - up)
            edge(covered, x0 - across, y0 - up, x1 - across, y1 - up)
            edge(covered, x1 - across, y1 - up, x1 + across, y1 + up)
            edge(covered, x1 + across, y1 + up, x0 + across, y0 + up)
    for i in range(bottom - top):
        share = 0.0
        for j in range(last - first):
            share += covered[i, j]
            if share > FAINT:
                blend(canvas, top + i, first + j, min(share, 1.0), colour)


@njit(cache=True, nogil=True, error_model="numpy")
def box(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, thickness: float, colour: Colour) -> None:
    """Paint the box about the centre line from (x0, y0) to (x1, y1), of a thickness, with flat ends [pixels]."""
    places = np.empty((2, 2))
    places[0, 0], places[0, 1], places[1, 0], places[1, 1] = x0, y0, x1, y1
    chain(canvas, places, thickness, colour)


@njit(cache=True, nogil=True, error_model="numpy")
def capsule(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, thickness: float, colour: Colour) -> None:
    """Paint a box with round ends: half a disc beyond either end."""
    box(canvas, x0, y0, x1, y1, thickness, colour)
    disc(canvas, x0, y0, 0.5 * thickness, colour)
    disc(canvas, x1, y1, 0.5 * thickness, colour)
