"""Shapes on small canvases by counting samples: a pixel moves towards a colour by the share of them that is inside."""

from itertools import pairwise

import numpy as np

SAMPLES = 32  # a pixel and axis


def samples(size):
    """x and y (size * SAMPLES, size * SAMPLES) of the samples [pixels]."""
    at = (np.arange(size * SAMPLES) + 0.5) / SAMPLES
    return np.meshgrid(at, at)


def shares(inside):
    """(size, size) of sums over shapes, or truth values, at the samples."""
    size = len(inside) // SAMPLES
    return np.asarray(inside, float).reshape(size, SAMPLES, size, SAMPLES).mean(axis=(1, 3))


def painted(canvas, share, colour):
    """The canvas (size, size, 3) as floats, not rounded."""
    old = np.asarray(canvas, float)
    return old + (np.asarray(colour, float) - old) * np.minimum(share, 1.0)[:, :, None]


def disc(size, x, y, radius):
    column, row = samples(size)
    return shares((column - x) ** 2 + (row - y) ** 2 < radius**2)


def rectangle(size, x0, y0, x1, y1):
    column, row = samples(size)
    return shares((x0 <= column) & (column <= x1) & (y0 <= row) & (row <= y1))


def box(size, x0, y0, x1, y1, thickness):
    column, row = samples(size)
    length = np.hypot(x1 - x0, y1 - y0)
    along = ((column - x0) * (x1 - x0) + (row - y0) * (y1 - y0)) / length
    across = ((column - x0) * (y1 - y0) - (row - y0) * (x1 - x0)) / length
    return shares((along >= 0) & (along <= length) & (np.abs(across) <= thickness / 2))


def chain(size, places, thickness):
    """Boxes between the places; where they share a pixel their shares add up."""
    return sum(box(size, *start, *end, thickness) for start, end in pairwise(places))
