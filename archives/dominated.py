"""Dominated novelty (Bahlous-Boldi et al. 2025): novelty among those that are at least as good.

https://arxiv.org/abs/2502.00593. A population under this score spreads as in a grid, without cells, bounds or a
threshold: who is good may be near others, who is bad must be far from all that is better.
"""

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from archives.nearest_kernels import BLOCK, NONE, any_near, build_tree, insert, mean_distances, search_tree
from archives.neighbors import finite_queries

TREE_DIMS, TREE_ROWS = 3, 1000  # above these dimensions, and up to so many rows, a scan is as fast


@njit(cache=True, nogil=True, error_model="numpy")
def scan_before(points, counts, best, index):  # type: ignore[no-untyped-def]
    """Offers to each row i < n of points (m, blocks * BLOCK) the rows before counts[i], but itself.

    Fills the lists best and index (n, k); points are filled up with inf. Dimensions come first, so that a block of
    distances is a few passes over it.
    """
    m, last = points.shape[0], best.shape[1] - 1
    distance = np.empty(BLOCK)
    for i in range(best.shape[0]):
        for start in range(0, counts[i], BLOCK):
            x, line = points[0, i], points[0, start : start + BLOCK]
            for j in range(BLOCK):
                distance[j] = (line[j] - x) * (line[j] - x)
            for dim in range(1, m):
                x, line = points[dim, i], points[dim, start : start + BLOCK]
                for j in range(BLOCK):
                    distance[j] += (line[j] - x) * (line[j] - x)
            if not any_near(distance, best[i, last]):
                continue
            for j in range(min(BLOCK, counts[i] - start)):
                if distance[j] < best[i, last] and start + j != i:
                    insert(distance[j], start + j, best[i], index[i])


def dominated_novelty(measures: ArrayLike, objective: ArrayLike, k: int) -> NDArray[np.float64]:
    """Mean Euclidean distance (n,) of measures (n, m) to the k nearest rows that have no lower objective (n,).

    Rows of equal objective count for each other, as in QDax and in pyribs' DNSArchive, where the paper asks for a
    strictly better one: so a population of equals is spread out instead of all being best. With fewer than k such rows
    the mean is over those; with none, for the one best row, it is inf.
    ValueError for shapes, k < 1 and rows that are not finite.

    >>> dominated_novelty([[0.0], [1.0], [3.0]], [5.0, 4.0, 3.0], k=2).tolist()
    [inf, 1.0, 2.5]
    """
    points = finite_queries(measures)
    values = np.asarray(objective, np.float64)
    n = len(points)
    if values.shape != (n,):
        raise ValueError(f"objective of shape {values.shape} given, ({n},) wanted: one number a row of measures")
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise ValueError(f"objective of row {row} is {values[row]}, finite numbers wanted: leave failed rows out")
    if k < 1:
        raise ValueError(f"k {k} given, at least 1 neighbour wanted")
    order = np.argsort(-values, kind="stable")  # best first: those no worse than a row are a beginning
    counts = np.searchsorted(-values[order], -values[order], "right")  # (n,) how long that beginning is
    width = min(int(k), max(n, 1))
    best, index = np.full((n, width), np.inf), np.full((n, width), NONE)
    points, rows = points[order], np.arange(n)
    if points.shape[1] <= TREE_DIMS and n > TREE_ROWS:
        shuffled, numbers = points.copy(), rows.copy()
        nodes = build_tree(shuffled, numbers)
        search_tree(shuffled, numbers, *nodes, rows, points, rows, counts, best, index)
    else:
        filled = np.full((points.shape[1], -(-n // BLOCK) * BLOCK), np.inf)
        filled[:, :n] = points.T
        scan_before(filled, counts, best, index)
    scores = np.empty(n)
    mean_distances(best, index, np.inf, scores)
    out = np.empty(n)
    out[order] = scores
    return out
