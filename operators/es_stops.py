"""Stop reasons that the evolution strategies share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SMALL, LARGE = 1e-12, 1e4  # of the longest axis, against the first sigma
CONDITION = 1e14  # of the covariance, above which doubles no longer carry it
FLAT = 1e-12  # range of objectives


def first_reason(found: dict[str, NDArray[np.bool_]]) -> NDArray[np.str_]:
    """(b,) the name of the first condition that holds for each instance, "" where none does."""
    reasons = np.full(len(next(iter(found.values()))), "", "<U16")
    for name in reversed(found):
        reasons[found[name]] = name
    return reasons


def flat(history: Array, spread: Array) -> NDArray[np.bool_]:
    """(b,) whether the best objectives (b, h) of all remembered generations, and the last spread (b,), are equal."""
    level: NDArray[np.bool_] = (history.max(axis=1) - history.min(axis=1) < FLAT) & (spread < FLAT)  # NaN is not
    return level
