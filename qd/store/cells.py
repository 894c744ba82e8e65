"""Which cells of a stored archive measures fall into."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qd.store.archive_file import StoredArchive


def cells_of(archive: StoredArchive, measures: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """(n,) cell numbers of (n, m) measures, -1 where one is not finite; None where the archive has no fixed cells.

    What lies outside of a grid is in its nearest cell, as in the archive.
    """
    about, fine = archive.meta, np.isfinite(measures).all(axis=1)
    found = np.full(len(measures), -1, np.int64)
    if "k_neighbors" in about:
        return None
    if "centroids" in archive.fields:
        from scipy.spatial import KDTree

        found[fine] = KDTree(np.asarray(archive.fields["centroids"], np.float64)).query(measures[fine])[1]
        return found
    if "dims" not in about or "lower_bounds" not in about or archive.kind == "SlidingBoundariesArchive":
        return None
    from archives import GridArchive

    dims = [int(n) for n in np.atleast_1d(about["dims"])]
    ends = zip(np.atleast_1d(about["lower_bounds"]), np.atleast_1d(about["upper_bounds"]), strict=True)
    grid = GridArchive(solution_dim=1, dims=dims, ranges=[(float(low), float(high)) for low, high in ends])
    found[fine] = grid.index_of(measures[fine])
    return found


__all__ = ["cells_of"]
