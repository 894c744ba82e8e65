"""Curves of runs: a number holds from the evaluation that it was written at until the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qd.errors import QDError
from qd.statistics.scores import Array


def at(x: ArrayLike, y: ArrayLike, places: ArrayLike) -> Array:
    """(k,) the value of the step function through (n,) x and y at k places; NaN before the first.

    >>> at([10, 20], [1.0, 2.0], [5, 10, 19, 20, 99]).tolist()
    [nan, 1.0, 1.0, 2.0, 2.0]
    """
    steps, values = _curve(x, y)
    where = np.searchsorted(steps, np.asarray(places, np.float64), side="right") - 1
    return np.where(where >= 0, values[np.maximum(where, 0)], np.nan)


def area_under(x: ArrayLike, y: ArrayLike, start: float, stop: float) -> float:
    """The area under the step function from start to stop; NaN where it is not known all the way.

    >>> area_under([0, 10], [1.0, 3.0], 5, 15)
    20.0
    """
    if not start <= stop:
        raise QDError(f"area_under: got from {start:g} to {stop:g}, wanted an end that is not before the beginning")
    steps, _ = _curve(x, y)
    inside = steps[(steps > start) & (steps < stop)]
    edges = np.concatenate([[start], inside, [stop]])
    heights = at(x, y, edges[:-1])
    widths = np.diff(edges)
    return float((heights[widths > 0] * widths[widths > 0]).sum()) if stop > start else 0.0


def mean_height(x: ArrayLike, y: ArrayLike, start: float, stop: float) -> float:
    """The area from start to stop divided by their distance, in the unit of y; at one place, the value there."""
    if start == stop:
        return float(at(x, y, [start])[0])
    return area_under(x, y, start, stop) / (stop - start)


def _curve(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    steps, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if steps.shape != values.shape or steps.ndim != 1 or not steps.size:
        raise QDError(f"curve: got x {steps.shape} and y {values.shape}, wanted the same (n,), n at least 1")
    if (np.diff(steps) < 0).any():
        raise QDError("curve: x falls somewhere; wanted what grows, such as evaluations")
    return steps, values
