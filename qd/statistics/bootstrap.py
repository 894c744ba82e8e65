"""The stratified bootstrap: runs are drawn anew with replacement, those of each task by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from qd.errors import QDError
from qd.rng import generator
from qd.statistics.aggregates import iqm_of
from qd.statistics.scores import Array, Scores, by_task

REPS = 10_000
LEVEL = 0.95


def resampled(scores: Scores, reps: int = REPS, seed: int = 0) -> list[Array]:
    """One (reps, n_i) array a task: its runs, drawn with replacement. The same seed draws the same."""
    if reps < 1:
        raise QDError(f"reps: got {reps}, wanted at least 1")
    rng = generator(seed, "bootstrap")
    return [task[rng.integers(len(task), size=(reps, len(task)))] for task in by_task(scores)]


def bootstrap_interval(
    scores: Scores,
    statistic: Callable[[Sequence[Array]], Array] = iqm_of,
    level: float = LEVEL,
    reps: int = REPS,
    seed: int = 0,
) -> tuple[float, float]:
    """The interval between two percentiles of a statistic over resampled runs (Efron's percentile interval).

    Few runs make it too narrow: with 5 a nominal 95 % interval of a mean covers about 85 %. A task with one run adds
    nothing to it, so with one run in all there is none: (NaN, NaN).

    Args:
        scores: as ``qd.statistics`` says.
        statistic: of one (..., n_i) array a task, giving (...); one of ``AGGREGATES``, or a function like them.
        level: the share of resamples within.
        reps: how many resamples.
        seed: of the draws.
    """
    if not 0 < level < 1:
        raise QDError(f"level: got {level}, wanted a share between 0 and 1, such as 0.95")
    tasks = by_task(scores)
    if all(len(task) == 1 for task in tasks):
        return float("nan"), float("nan")
    return percentiles(statistic(resampled(tasks, reps, seed)), level)


def percentiles(values: Array, level: float = LEVEL) -> tuple[float, float]:
    """The two ends between which the middle share of (reps,) values lies."""
    low, high = np.percentile(values, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
