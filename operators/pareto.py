"""Several objectives: who dominates whom, successive fronts, crowding, and who survives. All objectives maximise.

Row a dominates row b if it is at least as good in every objective and better in one. Front 0 holds the rows that
nothing dominates, front r those that only rows of the fronts before r dominate: true successive fronts, by value
alone, so that equal rows share a front and the order of the rows does not matter.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from operators.pareto_kernels import crowd, grouped, ranks_of_many, ranks_of_three, ranks_of_two, settle_ties

_BITS = 8192  # rows up to which four objectives and more are sorted by bit sets, 16 MB of them
_EXACT = 5  # objectives up to which hypervolumes are exact
_DIRECTIONS = 4096  # of the approximation


class Survivors(NamedTuple):
    """What `crowded_truncation` keeps, best first."""

    rows: NDArray[np.int64]
    """(count,) row numbers."""
    rank: NDArray[np.int64]
    """(count,) their fronts among all rows."""
    crowding: NDArray[np.float64]
    """(count,) their crowding distances among all rows."""


def _rows(objective: ArrayLike, finite: bool = False) -> NDArray[np.float64]:
    """The objectives as C-ordered writable float64 (n, k)."""
    values = np.array(objective, dtype=np.float64, order="C")
    if values.ndim != 2 or values.shape[1] < 1:
        raise ValueError(f"objective of shape {values.shape} given, (n, k) wanted: one column an objective")
    fine = np.asarray((np.isfinite(values) if finite else ~np.isnan(values)).all(axis=1))
    if not fine.all():
        row = int(fine.argmin())
        raise ValueError(
            f"objective of row {row} is {values[row].tolist()}, {'finite ' if finite else ''}numbers wanted: failed "
            "rows have no place in a front, drop them by their status"
        )
    values += 0.0  # no minus zero: it sorts like zero, yet has other bits
    return values


def dominates(a: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
    """Whether a dominates b, both (..., k), broadcast: at least as good in all objectives, better in one.

    ValueError for NaN.

    >>> dominates([[1.0, 2.0], [1.0, 1.0], [3.0, 0.0]], [1.0, 1.0]).tolist()
    [True, False, False]
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.ndim < 1 or second.ndim < 1 or first.shape[-1] != second.shape[-1]:
        raise ValueError(f"objectives of shapes {first.shape} and {second.shape} given, (..., k) twice wanted")
    if np.isnan(first).any() or np.isnan(second).any():
        raise ValueError("objectives with NaN given, numbers wanted: failed rows have no place in a front")
    return np.asarray((first >= second).all(axis=-1) & (first > second).any(axis=-1))


def _lexicographic(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows by the first objective, best first, equal ones by the next."""
    order = np.argsort(-values[:, 0])
    settle_ties(values, order)
    return order


def _ranks(values: NDArray[np.float64], order: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    n, k = values.shape
    ranks = np.empty(n, np.int64)
    if n == 0:
        return ranks, 0
    if k == 1:
        values = np.repeat(values, 2, axis=1)  # the same order, seen twice
    if k <= 2:
        return ranks, int(ranks_of_two(values, order, ranks))
    if k == 3:
        return ranks, int(ranks_of_three(values, order, ranks))
    if n <= _BITS:
        return ranks, int(ranks_of_many(values, order, np.argsort(-values[:, 1:], axis=0).T.copy(), ranks))
    from moocore import pareto_rank

    ranks = np.asarray(pareto_rank(values, maximise=True), np.int64)
    return ranks, int(ranks.max()) + 1


def front_ranks(objective: ArrayLike) -> NDArray[np.int64]:
    """The front (n,) of each row of objective (n, k), 0 the best.

    O(n log n) for one and two objectives, O(n log^2 n) steps of search for three; for more O(k n^2 / 64) with bit sets,
    and beyond 8,192 rows moocore's sort, whose memory grows with n alone. Infinite objectives are numbers too.
    ValueError for NaN.

    >>> front_ranks([[1, 3], [3, 1], [1, 1], [3, 1], [0, 3]]).tolist()
    [0, 0, 1, 0, 1]
    """
    values = _rows(objective)
    return _ranks(values, _lexicographic(values))[0]


def fronts(objective: ArrayLike) -> list[NDArray[np.int64]]:
    """Rows of objective (n, k) by front, the best front first, rows rising within each. ValueError for NaN."""
    values = _rows(objective)
    ranks, count = _ranks(values, _lexicographic(values))
    rows, ends = np.empty(len(ranks), np.int64), np.empty(count, np.int64)
    grouped(ranks, count, rows, ends)
    stops = ends.tolist()
    return [rows[start:stop] for start, stop in zip([0, *stops], stops)]


def non_dominated(objective: ArrayLike) -> NDArray[np.bool_]:
    """Which rows (n,) of objective (n, k) nothing dominates: the first front, equal rows included."""
    return front_ranks(objective) == 0


def crowding_distance(objective: ArrayLike, ranks: ArrayLike | None = None) -> NDArray[np.float64]:
    """Crowding distance (n,) of Deb, Pratap, Agarwal and Meyarivan 2002 (https://doi.org/10.1109/4235.996017).

    Within each front, for each objective, the gap between a row's two neighbours over the front's range, summed over
    the objectives; rows at either end get infinity. An objective in which a front does not differ says nothing. Of
    equal rows the first stands for all, and its copies get 0: a truncation drops copies before anything else. Rows
    that tie in one objective alone stand in the order of their indices.

    objective (n, k) finite; ranks (n,) from `front_ranks`, or any numbers of groups; None for a single front.
    ValueError for other numbers.

    >>> crowding_distance([[0, 4], [1, 2], [4, 0], [1, 2]]).tolist()
    [inf, 2.0, inf, 0.0]
    """
    values = _rows(objective, finite=True)
    front: NDArray[np.int64] = np.zeros(len(values), np.int64) if ranks is None else np.array(ranks, dtype=np.int64)
    if front.shape != (len(values),) or (len(front) and front.min() < 0):
        raise ValueError(f"ranks of shape {front.shape} given, ({len(values)},) of at least 0 wanted: front_ranks")
    return _crowding(values, front, np.lexsort((front, *values.T)))


def _crowding(values: NDArray[np.float64], front: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    distance = np.empty(len(values))
    if len(values):
        orders = np.argsort(values, axis=0, kind="stable").T.copy()  # (k, n)
        crowd(values, front, order, orders, int(front.max()) + 1, distance)
    return distance


def crowded_truncation(objective: ArrayLike, count: int) -> Survivors:
    """The `count` best rows of objective (n, k) in the crowded order of NSGA-II (Deb et al. 2002, section III-C).

    Lower fronts first; within a front larger crowding distance first, then rising index. Fewer rows come back where
    there are fewer. Ranks and distances are those among all n rows. ValueError for a count below 0 or numbers that are
    not finite.
    """
    if count < 0:
        raise ValueError(f"count {count} given, at least 0 wanted")
    values = _rows(objective, finite=True)
    order = _lexicographic(values)
    ranks, _ = _ranks(values, order)
    distance = _crowding(values, ranks, order)
    kept = np.lexsort((-distance, ranks))[:count]
    return Survivors(kept, ranks[kept], distance[kept])


def crowded_tournament(rank: ArrayLike, crowding: ArrayLike, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Winners (count,) of binary tournaments between rows of given rank (n,) and crowding (n,), NSGA-II's selection.

    The lower front wins, then the larger crowding distance, then a coin. As in the paper's code every row enters about
    as often as every other: contestants are neighbours in random permutations of the rows. ValueError without rows.
    """
    front, distance = np.asarray(rank, np.int64), np.asarray(crowding, np.float64)
    n = len(front)
    if front.shape != (n,) or distance.shape != (n,):
        raise ValueError(f"rank of shape {front.shape}, crowding of shape {distance.shape} given, (n,) wanted for both")
    if count < 0 or n == 0:
        raise ValueError(f"{count} winners of {n} rows asked for, a count of at least 0 and a row wanted")
    rounds = -(-2 * count // n)
    drawn = rng.permuted(np.broadcast_to(np.arange(n), (rounds, n)), axis=1).ravel()[: 2 * count]
    a, b = drawn[0::2], drawn[1::2]
    coin = rng.random(count) < 0.5
    wins = (front[a] < front[b]) | (
        (front[a] == front[b]) & ((distance[a] > distance[b]) | ((distance[a] == distance[b]) & coin))
    )
    return np.where(wins, a, b)


def hypervolume(objective: ArrayLike, reference_point: ArrayLike) -> float:
    """Volume between the rows of objective (n, k) and a reference point (k,) below them, by moocore.

    Exact up to five objectives; beyond, where exact ones take seconds, its deterministic approximation (Deng and Zhang
    2019, https://doi.org/10.1109/TEVC.2018.2880474), good to about a percent. Rows that are not above the reference
    point in every objective add nothing; no rows, 0. Zitzler and Thiele 1999, https://doi.org/10.1109/4235.797969.
    ValueError for NaN or a point of another size.

    >>> hypervolume([[1.0, 2.0], [2.0, 1.0]], [0.0, 0.0])
    3.0
    """
    values, point = _rows(objective), np.asarray(reference_point, np.float64)
    if point.shape != values.shape[1:] or not np.isfinite(point).all():
        raise ValueError(f"reference_point {point.tolist()} given, {values.shape[1]} finite numbers wanted")
    if len(values) == 0:
        return 0.0
    import moocore

    if len(point) <= _EXACT:
        return float(moocore.hypervolume(values, ref=point, maximise=True))
    return float(moocore.hv_approx(values, ref=point, maximise=True, nsamples=_DIRECTIONS, method="DZ2019-HW"))
