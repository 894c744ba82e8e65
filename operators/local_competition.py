"""Order of solutions by Pareto fronts over novelty, local competition and the like (Lehman & Stanley 2011).

https://doi.org/10.1145/2001576.2001606, on the ranking of NSGA-II (Deb et al. 2002), https://doi.org/10.1109/4235.996017.
"""

from typing import Any, Literal

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from operators.pareto import front_ranks


@njit(cache=True, nogil=True, error_model="numpy")
def dominates(better, worse):  # type: ignore[no-untyped-def]
    """Whether one row of costs (k,) is at most the other everywhere and below it somewhere."""
    below = False
    for j in range(better.shape[0]):
        if better[j] > worse[j]:
            return False
        below = below or better[j] < worse[j]
    return below


@njit(cache=True, nogil=True, error_model="numpy")
def crowding(costs):  # type: ignore[no-untyped-def]
    """Crowding distance (f,) of the rows of one front (f, k); equal costs keep their order.

    That order is not the rows' index here, and copies keep their distance, as in pyribs: so `crowding_distance` of
    operators.pareto would rank ties otherwise.
    """
    f, k = costs.shape
    distance = np.zeros(f)
    for j in range(k):
        values = costs[:, j].copy()
        order = np.argsort(values, kind="mergesort")
        distance[order[0]] = distance[order[f - 1]] = np.inf
        width = values[order[f - 1]] - values[order[0]]
        if width == 0:
            continue
        for at in range(1, f - 1):
            distance[order[at]] += (values[order[at + 1]] - values[order[at - 1]]) / width
    return distance


@njit(cache=True, nogil=True, error_model="numpy")
def ranked(costs, front, by_crowding):  # type: ignore[no-untyped-def]
    """Rows (n,) front by front, within a front by crowding or by the first cost.

    Equal ones stand as NSGA-II's sort lets them go: after the last row of the front before that dominates them, then by
    index.
    """
    n = costs.shape[0]
    order = np.empty(n, np.int64)
    before = np.empty(0, np.int64)
    at, number = np.int64(0), 0
    while at < n:
        members = np.flatnonzero(front == number)
        released = np.zeros(members.shape[0], np.int64)
        for i in range(members.shape[0]):
            place = before.shape[0] - 1
            while place >= 0 and not dominates(costs[before[place]], costs[members[i]]):
                place -= 1
            released[i] = place
        members = members[np.argsort(released, kind="mergesort")]
        if by_crowding:
            kept = np.argsort(-crowding(costs[members]), kind="mergesort")
        else:
            kept = np.argsort(costs[members, 0].copy(), kind="mergesort")
        order[at : at + members.shape[0]] = members[kept]
        before = members
        at += members.shape[0]
        number += 1
    return order


def nslc_order(objectives: ArrayLike, ties: Literal["crowding", "first"] = "crowding") -> NDArray[np.int64]:
    """Indices of all rows of objectives (n, k), maximised, best first: front by front, then by `ties`.

    ties: "crowding", NSGA-II's crowding distance, as pyribs' NSLCRanker orders (novelty, local competition); or
    "first", by the first objective, falling. What is still equal stands in the order in which NSGA-II's sort finds it.
    Rows with a NaN are left out. ValueError for shapes, infinite numbers and a word that is not known.

    >>> nslc_order([[1.0, 1.0], [3.0, 0.0], [0.0, 0.0], [2.0, 2.0]]).tolist()
    [1, 3, 0, 2]
    """
    values = np.asarray(objectives, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(f"objectives of shape {values.shape} given, (n, k) wanted: one row a solution")
    if ties not in ("crowding", "first"):
        raise ValueError(f"ties {ties!r} given, 'crowding' or 'first' wanted")
    if np.isinf(values).any():
        row = int(np.isinf(values).any(axis=1).argmax())
        raise ValueError(f"row {row} of the objectives is {values[row]}, finite numbers or NaN wanted")
    rows: NDArray[Any] = np.flatnonzero(~np.isnan(values).any(axis=1))
    costs = np.ascontiguousarray(-values[rows])
    order: NDArray[np.int64] = rows[ranked(costs, front_ranks(values[rows]), ties == "crowding")]
    return order
