"""Bounds by reflection: what steps out of a box by some distance steps back in by the same."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mirror(solutions: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """Solutions (..., d) reflected into [low, high], numbers or (d,), as often as needed; infinite bounds are open.

    Inside the box nothing changes, to the bit; NaN stays NaN. ValueError where low is not below high.

    >>> mirror([[0.25, 1.25, -3.25]], 0.0, 1.0).tolist()
    [[0.25, 0.75, 0.75]]
    """
    x = np.array(solutions, np.float64)
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    for name, bound in (("low", low), ("high", high)):
        if bound.ndim > 1 or (bound.ndim == 1 and bound.shape != x.shape[-1:]):
            raise ValueError(f"{name} of shape {bound.shape} given, a number or {x.shape[-1:]} wanted: one a gene")
    if not (low < high).all():
        raise ValueError(f"low {low.tolist()} and high {high.tolist()} given, low below high wanted for every gene")
    outside = (x < low) | (x > high)
    if not outside.any():
        return x
    lower, upper = (np.broadcast_to(bound, x.shape)[outside] for bound in (low, high))
    stray = x[outside]
    width = upper - lower
    with np.errstate(invalid="ignore"):  # of an infinite width, which np.where leaves out
        distance = np.mod(stray - lower, 2 * width)  # there and back again is two widths
        folded = lower + np.where(distance > width, 2 * width - distance, distance)
    one_sided = np.where(stray < lower, 2 * lower - stray, 2 * upper - stray)
    x[outside] = np.clip(np.where(np.isfinite(width), folded, one_sided), lower, upper)  # rounding at the edge
    return x
