"""Performance profiles: which share of the runs scores above tau, for every tau (Agarwal et al. 2021, section 4.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qd.statistics.bootstrap import LEVEL, resampled
from qd.statistics.scores import Array, Scores, by_task

REPS = 2_000


def profile(scores: Scores, taus: ArrayLike) -> Array:
    """(k,) the share of all runs of all tasks that scores above each of k thresholds; it only falls.

    >>> profile([1, 2, 3, 4], [0, 2, 4]).tolist()
    [1.0, 0.5, 0.0]
    """
    return _shares(np.concatenate(by_task(scores)), np.asarray(taus, np.float64))


def profile_band(
    scores: Scores, taus: ArrayLike, level: float = LEVEL, reps: int = REPS, seed: int = 0
) -> tuple[Array, Array]:
    """(k,) lower and (k,) upper ends of the profile's interval at each threshold by itself."""
    at = np.asarray(taus, np.float64)
    drawn = np.concatenate(resampled(scores, reps, seed), axis=1)
    shares = np.stack([_shares(row, at) for row in drawn])
    low, high = np.percentile(shares, [50 * (1 - level), 50 * (1 + level)], axis=0)
    return low, high


def _shares(runs: Array, taus: Array) -> Array:
    return np.asarray(1.0 - np.searchsorted(np.sort(runs), taus, side="right") / runs.size)
