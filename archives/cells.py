"""Cells: from measures to cell numbers, for a grid, a tessellation, or a single cell."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archives.inputs import refuse_row
from archives.insert import grid_cells

_NO_OBJECTIVE = {np.dtype(t): np.empty(0, t) for t in (np.float32, np.float64)}


class Cells:
    """Where cells lie.

    dims, ranges: a grid of so many cells along each measure between (low, high); what lies outside counts for
        the border.
    centroids, ranges: each cell is all that is nearest to one of the points (c, m); the ranges are for plots.
    measure_dim: without either, one cell for everything.
    dtype: of the measures, float32 or float64. epsilon: added before rounding to cells of a grid.
    """

    def __init__(
        self,
        dims: Sequence[int] | None,
        ranges: Sequence[tuple[float, float]] | None,
        centroids: ArrayLike | None,
        measure_dim: int,
        dtype: np.dtype[Any],
        epsilon: float,
    ) -> None:
        if dims is not None and centroids is not None:
            raise ValueError("dims given together with centroids, one of them wanted: a grid or a tessellation")
        self.dims = None if dims is None else np.array(dims, dtype=np.int32)  # (m,)
        self.centroids = None if centroids is None else np.array(centroids, dtype=np.float64)  # (c, m)
        self.epsilon = dtype.type(epsilon)
        self.count = 1
        self.measure_dim = int(measure_dim)
        self._tree: Any = None
        if self.dims is not None:
            if self.dims.ndim != 1 or self.dims.size == 0 or self.dims.min() < 1:
                raise ValueError(f"dims {dims!r} given, a list of cell counts of at least 1 wanted")
            self.count, self.measure_dim = int(np.prod(self.dims, dtype=np.int64)), self.dims.size
        if self.centroids is not None:
            points = self.centroids
            if points.ndim != 2 or points.size == 0 or not np.isfinite(points).all():
                raise ValueError(f"centroids of shape {points.shape} given, finite numbers (c, m) wanted")
            self.count, self.measure_dim = points.shape
        if self.measure_dim < 0:
            raise ValueError(f"measure_dim {measure_dim} given, at least 0 wanted")
        if self.count >= 2**31:
            raise ValueError(f"dims {dims!r} make {self.count} cells, fewer than 2**31 wanted: use a coarser grid")
        self.bounds = np.empty((0, 2))  # (m, 2)
        if self.dims is not None or self.centroids is not None:
            self.bounds = np.array([] if ranges is None else ranges, dtype=np.float64)
            fine = self.bounds.shape == (self.measure_dim, 2) and np.isfinite(self.bounds).all()
            if not fine or not (self.bounds[:, 0] < self.bounds[:, 1]).all():
                raise ValueError(
                    f"ranges {ranges!r} given, a finite (low, high) with low < high for each of {self.measure_dim} "
                    "measures wanted"
                )
        self.low, self.high = self.bounds[:, 0].astype(dtype), self.bounds[:, 1].astype(dtype)

    def index_of(self, measures: NDArray[Any]) -> NDArray[np.int32]:
        """Cell numbers (n,) of measures (n, m). ValueError for rows that are not finite."""
        cells = np.zeros(len(measures), np.int32)
        if self.dims is not None:
            interval = self.high - self.low
            none = _NO_OBJECTIVE[measures.dtype]
            row = int(grid_cells(measures, none, self.low, interval, self.dims, self.epsilon, cells))
        else:
            fine = np.isfinite(measures).all(axis=1)
            row = -1 if fine.all() else int(fine.argmin())
        if row >= 0:
            refuse_row("measures", row, measures[row])
        if self.centroids is not None and len(measures):
            if self._tree is None:
                from scipy.spatial import cKDTree

                self._tree = cKDTree(self.centroids)
            cells[:] = self._tree.query(measures.astype(np.float64))[1]
        return cells

    def to_state(self) -> dict[str, Any]:
        """The constructor's arguments but the dtype, as plain data."""
        return {
            "dims": [] if self.dims is None else self.dims.tolist(),
            "ranges": self.bounds.tolist(),
            "centroids": np.empty(0) if self.centroids is None else self.centroids,
            "measure_dim": self.measure_dim,
            "epsilon": float(self.epsilon),
        }

    @staticmethod
    def settings(state: dict[str, Any]) -> dict[str, Any]:
        """The constructor's arguments but the dtype from what `to_state` made."""
        centroids = np.asarray(state["centroids"])
        return {
            "dims": state["dims"] or None,
            "ranges": state["ranges"] or None,
            "centroids": centroids if centroids.size else None,
            "measure_dim": int(state["measure_dim"]),
            "epsilon": state["epsilon"],
        }
