"""The forms in which scores are given, made into one: an array a task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qd.errors import QDError

Array = NDArray[np.float64]
Scores = ArrayLike | Sequence[ArrayLike]


def by_task(scores: Scores) -> list[Array]:
    """(n,), (n, t) or a list of (n_i,) as one (n_i,) array a task. Raises QDError for none, or for NaN."""
    if isinstance(scores, list | tuple) and scores and all(np.ndim(task) == 1 for task in scores):
        tasks = [np.asarray(task, np.float64) for task in scores]
    else:
        array = np.asarray(scores, np.float64)
        if array.ndim not in (1, 2):
            raise QDError(f"scores: got an array of shape {array.shape}, wanted (n,) runs or (n, t) runs by tasks")
        tasks = [array] if array.ndim == 1 else list(array.T)
    if not tasks or any(not task.size for task in tasks):
        raise QDError(f"scores: got {[task.size for task in tasks]} runs, wanted at least one of every task")
    if any(np.isnan(task).any() for task in tasks):
        raise QDError("scores: some are NaN; leave those runs out, and say that you did")
    return tasks
