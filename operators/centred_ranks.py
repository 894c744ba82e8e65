"""Centred ranks: objectives counted by their order alone (Wierstra et al. 2014; Salimans et al. 2017, section 2)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def centred_ranks(objective: ArrayLike) -> NDArray[np.float64]:
    """Ranks (n,) of objectives (n,), evenly spread from -0.5 for the worst to 0.5 for the best; they sum to 0.

    Equal objectives share the mean of their ranks, so the order of rows decides nothing, and n equal ones are all 0
    exactly. NaN ranks below every number, -inf included. ValueError where the objectives are no list of numbers.

    >>> centred_ranks([3.0, 1.0, 1.0, float("nan"), 7.0]).tolist()
    [0.25, -0.125, -0.125, -0.5, 0.5]
    """
    values = np.asarray(objective, np.float64)
    if values.ndim != 1:
        raise ValueError(f"objective of shape {values.shape} given, (n,) wanted: one number a row")
    n = len(values)
    if n < 2:
        return np.zeros(n)
    unknown = np.isnan(values)
    known = np.sort(values[~unknown])
    lost = n - len(known)
    below = lost + np.searchsorted(known, values, "left")
    up_to = lost + np.searchsorted(known, values, "right")
    below, up_to = np.where(unknown, 0, below), np.where(unknown, lost, up_to)
    ranks = (below + up_to - 1) / 2  # of the first and the last among equals
    return np.asarray(ranks / (n - 1) - 0.5)
