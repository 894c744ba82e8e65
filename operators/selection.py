"""Who survives and who becomes a parent. Objectives are maximised; NaN, the mark of a failed row, is never selected."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _best_first(objective: ArrayLike) -> NDArray[np.int64]:
    """Indices of all rows that have a number, best first, equal ones by rising index."""
    values = np.asarray(objective, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"objective of shape {values.shape} given, (n,) wanted: one number a solution")
    order = np.argsort(-values, kind="stable")  # NaN sorts last
    return order[: len(values) - int(np.count_nonzero(np.isnan(values)))]


def truncation(objective: ArrayLike, count: int) -> NDArray[np.int64]:
    """Indices of the `count` best of objective (n,), best first, equal ones by rising index.

    Fewer come back where fewer rows have a number, so that a generation of failures does not end a run.
    ValueError for a count below 0.

    >>> truncation([1.0, float("nan"), 3.0, 3.0], 2).tolist()
    [2, 3]
    """
    if count < 0:
        raise ValueError(f"count {count} given, at least 0 wanted")
    return _best_first(objective)[:count]


def elites(objective: ArrayLike, count: int) -> NDArray[np.int64]:
    """Indices of the rows to carry over unchanged: the rule of `truncation`, under the name of its other use."""
    return truncation(objective, count)


def tournament(objective: ArrayLike, rng: np.random.Generator, count: int, size: int) -> NDArray[np.int64]:
    """Winners (count,) of tournaments of `size` rows each, drawn evenly with replacement from those with a number.

    Equal objectives go to the lower index. ValueError where no row has a number, or count < 0 or size < 1.
    """
    order = _best_first(objective)
    if count < 0 or size < 1:
        raise ValueError(f"count {count}, size {size} given, a count of at least 0 and a size of at least 1 wanted")
    if order.size == 0:
        raise ValueError("a tournament without a single number in objective was asked for: every row has failed")
    # Drawing places instead of rows makes the winner the smallest draw, ties already settled.
    return order[rng.integers(0, order.size, size=(count, size)).min(axis=1)]
