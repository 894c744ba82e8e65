"""One number for many runs: interquartile mean, median, mean, optimality gap (Agarwal et al. 2021, section 4.3).

Each takes scores in the forms that ``qd.statistics`` names. What the bootstrap resamples has more axes in front: one
array (..., n_i) a task, and gives (...).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from qd.statistics.scores import Array, Scores, by_task

Aggregate = Callable[[Sequence[Array]], Array]


def iqm(scores: Scores) -> float:
    """The mean of the middle half of all runs of all tasks: a quarter is cut off at each end, rounded down.

    >>> iqm([0, 1, 2, 3, 100, 2, 2, 2])
    2.0
    """
    return float(iqm_of(by_task(scores)))


def median(scores: Scores) -> float:
    """The median over tasks of the mean over runs; with one task, the median over runs."""
    return float(median_of(by_task(scores)))


def mean(scores: Scores) -> float:
    """The mean over tasks of the mean over runs."""
    return float(mean_of(by_task(scores)))


def optimality_gap(scores: Scores, target: float = 1.0) -> float:
    """How far all runs stay below a target on average; runs above it count as if they were at it. Less is better."""
    together = np.concatenate(by_task(scores))
    return float(target - np.minimum(together, target).mean())


def iqm_of(tasks: Sequence[Array]) -> Array:
    """``iqm`` over the last axis."""
    together = np.sort(np.concatenate(tasks, axis=-1), axis=-1)
    cut = together.shape[-1] // 4
    return np.asarray(together[..., cut : together.shape[-1] - cut].mean(axis=-1))


def median_of(tasks: Sequence[Array]) -> Array:
    """``median`` over the last axis."""
    if len(tasks) == 1:
        return np.asarray(np.median(tasks[0], axis=-1))
    return np.asarray(np.median(np.stack([task.mean(axis=-1) for task in tasks]), axis=0))


def mean_of(tasks: Sequence[Array]) -> Array:
    """``mean`` over the last axis."""
    return np.asarray(np.mean(np.stack([task.mean(axis=-1) for task in tasks]), axis=0))


AGGREGATES: dict[str, Aggregate] = {"iqm": iqm_of, "median": median_of, "mean": mean_of}
"""Name -> function of one (..., n_i) array a task."""

__all__ = ["AGGREGATES", "Aggregate", "iqm", "iqm_of", "mean", "mean_of", "median", "median_of", "optimality_gap"]
