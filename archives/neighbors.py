"""Exact k nearest neighbours and novelty (Lehman & Stanley 2011) on plain arrays.

Novelty: the mean Euclidean distance of a point to its k nearest references. Up to TREE_DIMS dimensions a k-d tree,
beyond it, and for small problems, a blocked scan. Both give the true neighbours, equal distances by rising index,
from the same float64 sums: which of them ran, the number of threads and the batches in which references arrived do
not change a bit of the result.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import log2
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archives.nearest_kernels import (
    BLOCK,
    NONE,
    build_tree,
    mean_distances,
    pack,
    scan,
    search_tree,
    unpack,
)

TREE_DIMS = 6  # above this a scan beats the tree on evenly spread points
# Rough costs in nanoseconds, which only decide when a tree is worth building.
SCAN_NS, SCAN_DIM_NS, BUILD_NS = 0.6, 0.15, 12.0
PARALLEL_NS = 2e6  # work below this is not worth starting threads for

Ids = NDArray[np.int64]
NO_IDS: Ids = np.empty(0, np.int64)


class Tree(NamedTuple):
    """References first to last - 1 as a k-d tree; `parts` are the arrays that `search_tree` takes."""

    first: int
    last: int
    parts: tuple[NDArray[Any], ...]


class NeighborIndex:
    """References in the order they were appended, searched exactly. Appending is cheap; trees are built when they pay.

    Trees cover the older references, each at least about half the size of the one before, and the youngest
    references are scanned. A tree is built once the scans it would have saved have cost as much as building it.
    """

    def __init__(self, dim: int) -> None:
        self._dim = int(dim)
        self._size = 0
        self._center: NDArray[np.float64] = np.zeros(self._dim)  # of the first batch; it changes the speed only
        self._packed = np.empty((0, self._dim, BLOCK))  # (blocks, m, BLOCK)
        self._rough = np.empty((0, self._dim, BLOCK), np.float32)
        self._scale = np.empty(0)  # (blocks,)
        self._trees: list[Tree] = []
        self._scanned_ns = 0.0

    def __len__(self) -> int:
        return self._size

    def clear(self) -> None:
        """Forgets all references."""
        self._size, self._trees, self._scanned_ns = 0, [], 0.0

    def append(self, points: NDArray[Any]) -> None:
        """Adds references (n, m). ValueError where a row is not finite; then nothing is added."""
        blocks = -(-(self._size + len(points)) // BLOCK)
        if blocks > len(self._packed):
            room = max(blocks, 2 * len(self._packed))
            self._packed = _grown(self._packed, room)
            self._rough = _grown(self._rough, room)
            self._scale = _grown(self._scale, room)
        if self._size == 0 and len(points):
            center = np.asarray(np.mean(points, axis=0, dtype=np.float64))
            self._center = center if np.isfinite(center).all() else np.zeros(self._dim)
        row = pack(points, self._size, self._center, self._packed, self._rough, self._scale)
        if row >= 0:
            raise ValueError(f"row {row} of the references is {points[row]}, finite numbers wanted")
        self._size += len(points)

    def lists(
        self,
        queries: NDArray[np.float64],
        k: int,
        threads: int | None = 1,
        query_ids: Ids = NO_IDS,
        ids: Ids = NO_IDS,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Squared distances (n, k), rising, and indices (n, k) of the k nearest; inf and NONE fill what is missing.

        queries (n, m) float64, finite. A reference whose entry in ids equals the query's is passed over.
        """
        n = len(queries)
        best = np.full((n, k), np.inf)
        index = np.full((n, k), NONE)
        self._maybe_build(n)

        def search(begin: int, end: int) -> None:
            asked, lists = (queries[begin:end], query_ids[begin:end]), (best[begin:end], index[begin:end])
            for tree in self._trees:
                search_tree(*tree.parts, ids, *asked, NO_IDS, *lists)
            blocks = (self._packed, self._rough, self._scale, self._center)
            scan(*blocks, self._covered(), self._size, ids, *asked, *lists)

        in_parallel(search, n, threads, n * self._size * self._scan_ns() if not self._trees else n * 5e3)
        return best, index

    def _covered(self) -> int:
        return self._trees[-1].last if self._trees else 0

    def _scan_ns(self) -> float:
        return SCAN_NS + SCAN_DIM_NS * self._dim

    def _maybe_build(self, queries: int) -> None:
        last = self._size - self._size % BLOCK
        if self._dim > TREE_DIMS or last <= self._covered():
            return
        self._scanned_ns += queries * (self._size - self._covered()) * self._scan_ns()
        first, keep = self._covered(), len(self._trees)
        while keep and self._trees[keep - 1].last - self._trees[keep - 1].first < 2 * (last - first):
            keep -= 1
            first = self._trees[keep].first
        count = last - first
        if self._scanned_ns < BUILD_NS * count * log2(count) * (1 + 0.2 * self._dim):
            return
        points = unpack(self._packed, first, last)
        numbers = np.arange(first, last)
        nodes = build_tree(points, numbers)
        self._trees[keep:] = [Tree(first, last, (points, numbers, *nodes))]
        self._scanned_ns = 0.0


def _grown(array: NDArray[Any], length: int) -> NDArray[Any]:
    grown = np.empty((length, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def in_parallel(search: Callable[[int, int], None], n: int, threads: int | None, cost_ns: float) -> None:
    """Calls search(begin, end) over rows 0 to n - 1 in one piece a thread; None means a thread a core."""
    count = (os.cpu_count() or 1) if threads is None else int(threads)
    if count < 1:
        raise ValueError(f"threads {threads} given, at least 1 wanted, or None for a thread a core")
    count = min(count, n)
    if count <= 1 or cost_ns < PARALLEL_NS:
        search(0, n)
        return
    edges = [n * i // count for i in range(count + 1)]
    with ThreadPoolExecutor(count) as pool:
        for _ in pool.map(search, edges[:-1], edges[1:]):
            pass


def _points(name: str, values: ArrayLike) -> NDArray[np.float64]:
    points = np.ascontiguousarray(values, dtype=np.float64)
    if points.ndim != 2 or np.ndim(values) != 2 or points.shape[1] == 0:
        raise ValueError(f"{name} of shape {np.shape(values)} given, (n, m) wanted: one row a point")
    return points if points.flags.writeable else points.copy()


def finite_queries(values: ArrayLike) -> NDArray[np.float64]:
    """Queries (n, m) as float64. ValueError naming the first row that is not finite."""
    queries = _points("queries", values)
    finite = np.isfinite(queries).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(f"row {row} of the queries is {queries[row]}, finite numbers wanted")
    return queries


def _ids(name: str, values: ArrayLike, n: int) -> Ids:
    ids = np.asarray(values)
    if ids.shape != (n,) or (n and ids.dtype.kind not in "iu"):
        raise ValueError(f"{name} of shape {ids.shape}, dtype {ids.dtype} given, ({n},) whole numbers wanted")
    return np.ascontiguousarray(ids, dtype=np.int64)


def _search(
    queries: ArrayLike,
    references: ArrayLike,
    k: int,
    query_ids: ArrayLike | None,
    reference_ids: ArrayLike | None,
    threads: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    points, others = finite_queries(queries), _points("references", references)
    if points.shape[1] != others.shape[1]:
        raise ValueError(f"queries (n, {points.shape[1]}), references (r, {others.shape[1]}) given, one width wanted")
    if k < 1:
        raise ValueError(f"k {k} given, at least 1 neighbour wanted")
    if query_ids is not None and reference_ids is None:
        raise ValueError("query_ids given without reference_ids: a query is told from references by id, pass both")
    mine, ids = NO_IDS, NO_IDS
    first = None
    if reference_ids is not None:
        ids = _ids("reference_ids", reference_ids, len(others))
        first = np.unique(ids, return_index=True)[1]
        if len(first) == len(ids):
            first = None
        else:
            first.sort()
            others, ids = others[first], ids[first]
    if query_ids is not None:
        mine = _ids("query_ids", query_ids, len(points))
    searched = NeighborIndex(points.shape[1])
    searched.append(others)
    best, index = searched.lists(points, int(k), threads, mine, ids)
    if first is not None:
        found = index != NONE
        index[found] = first[index[found]]
    return best, index


def nearest(
    queries: ArrayLike,
    references: ArrayLike,
    k: int,
    *,
    query_ids: ArrayLike | None = None,
    reference_ids: ArrayLike | None = None,
    threads: int | None = 1,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances (q, k), rising, and indices (q, k) of the k nearest references; ids and threads as in `novelty`.

    Where there are fewer than k, inf and -1 fill the rest.
    """
    best, index = _search(queries, references, k, query_ids, reference_ids, threads)
    index[index == NONE] = -1
    return np.sqrt(best), index


def novelty(
    queries: ArrayLike,
    references: ArrayLike,
    k: int,
    *,
    query_ids: ArrayLike | None = None,
    reference_ids: ArrayLike | None = None,
    threads: int | None = 1,
) -> NDArray[np.float64]:
    """Mean Euclidean distance (q,) of queries (q, m) to their k nearest references (r, m).

    query_ids (q,), reference_ids (r,): whole numbers that say who is who. References with the query's id are left
    out, so that nobody is their own neighbour, and of several references with one id the first counts. Without
    ids every reference counts, also one that lies on the query.
    threads: how many to use, None for one a core; the result does not depend on it.
    With fewer than k references left the mean is over those; with none it is inf, as novel as can be, so that any
    threshold lets it in (an empty archive of pyribs comes to the same by answering with its threshold).
    ValueError for shapes, ids that do not match, and rows that are not finite.

    >>> novelty([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0], [9.0, 9.0]], k=2).tolist()
    [3.0]
    """
    best, index = _search(queries, references, k, query_ids, reference_ids, threads)
    out = np.empty(len(best))
    mean_distances(best, index, np.inf, out)
    return out


def novelty_and_competition(
    queries: ArrayLike,
    query_objective: ArrayLike,
    references: ArrayLike,
    reference_objective: ArrayLike,
    k: int,
    *,
    query_ids: ArrayLike | None = None,
    reference_ids: ArrayLike | None = None,
    threads: int | None = 1,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """`novelty` (q,), and local competition (q,): how many of the same neighbours have a strictly lower objective.

    Lehman & Stanley 2011, https://doi.org/10.1145/2001576.2001606. query_objective (q,), reference_objective (r,); the
    rest as in `novelty`.

    >>> novelty_and_competition([[0.0]], [5.0], [[1.0], [2.0], [9.0]], [4.0, 5.0, 0.0], k=2)
    (array([1.5]), array([1]))
    """
    mine, others = np.asarray(query_objective, np.float64), np.asarray(reference_objective, np.float64)
    if mine.shape != np.shape(queries)[:1] or others.shape != np.shape(references)[:1]:
        raise ValueError(
            f"objectives of shapes {mine.shape}, {others.shape} given, one number wanted for each of the "
            f"{len(np.asarray(queries))} queries and {len(np.asarray(references))} references"
        )
    best, index = _search(queries, references, k, query_ids, reference_ids, threads)
    out = np.empty(len(best))
    mean_distances(best, index, np.inf, out)
    there = index != NONE
    beaten = np.zeros(index.shape, np.bool_)
    if len(others):
        beaten = others[np.where(there, index, 0)] < mine[:, None]  # (q, k)
    return out, np.count_nonzero(beaten & there, axis=1)
