"""Numba kernel of episodes: what a network sees of its observations, and their running mean and spread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy")
def take_in(
    raw: NDArray[np.float64],
    center: NDArray[np.float64],
    scale: NDArray[np.float64],
    clip: float,
    inputs: NDArray[np.float64],
    counting: bool,
    count: NDArray[np.int64],
    mean: NDArray[np.float64],
    squares: NDArray[np.float64],
    finite: NDArray[Any],
) -> None:
    """Standardise the observations of all rows, and add each to its row's statistics (Welford 1962).

    Args:
        raw: (n, o) observations.
        center, scale: (o,) what to subtract, what to divide by.
        clip: bound of a standardised input, inf for none.
        inputs: (n, o) what the network sees, overwritten.
        counting: whether to keep the statistics below.
        count, mean, squares: (n,), (n, o), (n, o) observations so far, their mean, their squared distances from it.
        finite: (n,) whether all numbers of a row are finite, overwritten.
    """
    for row in range(len(raw)):
        fine = True
        for i in range(raw.shape[1]):
            x = raw[row, i]
            fine = fine and np.isfinite(x)
            x = (x - center[i]) / scale[i]
            x = x if x > -clip else -clip
            inputs[row, i] = x if x < clip else clip
        finite[row] = fine
        if counting and fine:
            count[row] += 1
            for i in range(raw.shape[1]):
                step = raw[row, i] - mean[row, i]
                mean[row, i] += step / count[row]
                squares[row, i] += step * (raw[row, i] - mean[row, i])
