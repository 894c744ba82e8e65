"""How probable it is that a run of one search beats a run of another (Agarwal et al. 2021, section 4.3).

The average over tasks of Mann and Whitney's U divided by the number of pairs: ties count half.
"""

from __future__ import annotations

import numpy as np

from qd.errors import QDError
from qd.rng import generator
from qd.statistics.bootstrap import LEVEL, percentiles
from qd.statistics.scores import Array, Scores, by_task

REPS = 2_000


def probability_of_improvement(scores: Scores, baseline: Scores) -> float:
    """P(a run scores higher than one of the baseline), averaged over tasks; 0.5 is no difference.

    >>> probability_of_improvement([3, 4, 5], [1, 2, 3])
    0.944...
    """
    ours, theirs = _pair(scores, baseline)
    return float(np.mean([_above(a, b) for a, b in zip(ours, theirs, strict=True)]))


def improvement_interval(
    scores: Scores, baseline: Scores, level: float = LEVEL, reps: int = REPS, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of ``probability_of_improvement``, both sides resampled; (NaN, NaN) for one run against one.

    Where all runs of one side lie above all of the other it is a single point, which says less than it seems to.
    """
    ours, theirs = _pair(scores, baseline)
    if all(len(task) == 1 for task in (*ours, *theirs)):
        return float("nan"), float("nan")
    rng = generator(seed, "bootstrap of pairs")
    drawn = np.zeros(reps)
    for a, b in zip(ours, theirs, strict=True):
        greater = 0.5 * (np.sign(a[:, None] - b[None, :]) + 1.0)  # (n, k) 1, 0.5 or 0 a pair
        rows = _counts(rng, reps, len(a))
        columns = _counts(rng, reps, len(b))
        drawn += ((rows @ greater) * columns).sum(axis=1) / (len(a) * len(b))
    return percentiles(drawn / len(ours), level)


def _counts(rng: np.random.Generator, reps: int, n: int) -> Array:
    """(reps, n) how often each of n runs is drawn."""
    drawn = rng.integers(n, size=(reps, n)) + n * np.arange(reps)[:, None]
    return np.bincount(drawn.ravel(), minlength=reps * n).reshape(reps, n).astype(np.float64)


def _above(a: Array, b: Array) -> float:
    return float(0.5 * (np.sign(a[:, None] - b[None, :]).mean() + 1.0))


def _pair(scores: Scores, baseline: Scores) -> tuple[list[Array], list[Array]]:
    ours, theirs = by_task(scores), by_task(baseline)
    if len(ours) != len(theirs):
        raise QDError(f"scores are of {len(ours)} tasks, the baseline's of {len(theirs)}; wanted the same tasks")
    return ours, theirs
