"""An archive as a page needs it: columns to put on its axes and into its colours, cells, outlines, births."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.ragged import Ragged
from qd.store.archive_file import StoredArchive, stored
from qd.store.history import History
from qd.view.space_axes import MeasureAxes

_MEASURES = 20  # of one archive that can be put on an axis; a learned space may have more
_GENES = 400_000  # numbers of all genomes together that a page carries
_OUTLINED = 32_000  # cells of a tessellation that are drawn with their borders


@dataclass
class Column:
    """One number an elite.

    Args:
        name: what it is called.
        values: (k,).
        role: measure, objective or other.
        low, high: its declared ends, or those of the data.
    """

    name: str
    values: NDArray[np.float64]
    role: str
    low: float = 0.0
    high: float = 1.0


@dataclass
class Map:
    """One archive.

    Args:
        name, stored: its name in the run, and all that is kept of it.
        shape: grid, cvt or points.
        columns: of the elites.
        ids: (k,) evaluation numbers, -1 where unknown.
        cell: (k,) cell numbers, -1 where there are none.
        dims: of a grid. cells: how many there are, 0 where there are none.
        own: places in ``columns`` of the archive's own measures, in order.
        outlines: of a tessellation of two measures, one (v, 2) polygon a cell.
        solutions: (k, d) or Ragged.
        front: several elites share a cell.
    """

    name: str
    stored: StoredArchive
    shape: str
    columns: list[Column]
    ids: NDArray[np.int64]
    cell: NDArray[np.int64]
    dims: tuple[int, ...] = ()
    cells: int = 0
    own: tuple[int, ...] = ()
    outlines: list[NDArray[np.float64]] = field(default_factory=list)
    solutions: NDArray[Any] | Ragged | None = None
    front: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def objective(self) -> NDArray[np.float64]:
        """(k,) the objective, or the first of several."""
        return next(column.values for column in self.columns if column.role == "objective")


def map_of(
    name: str, archive: Any, known: MeasureAxes, objectives: tuple[str, ...], history: History | None
) -> Map | None:
    """An archive, stored or live, as a Map; None where it has no objective at all."""
    kept = archive if isinstance(archive, StoredArchive) else stored(archive)
    fields, about = kept.fields, kept.meta
    if "objective" not in fields:
        return None
    objective = np.asarray(fields["objective"], np.float64)
    objective = objective.reshape(len(objective), -1) if len(objective) else objective.reshape(0, 1)
    k = len(objective)
    measures = (
        np.asarray(fields.get("measures", np.zeros((k, 0))), np.float64).reshape(k, -1) if k else np.zeros((0, 0))
    )
    ids = np.asarray(fields.get("id", np.full(k, -1)), np.int64).reshape(-1)[:k]
    low, high = _ends(kept, measures, known)
    columns = [
        Column(label, measures[:, j], "measure", float(low[j]), float(high[j]))
        for j, label in enumerate(known.labels(measures.shape[1])[:_MEASURES])
    ]
    own = tuple(range(len(columns)))
    if measures.shape[1] > 2 and k > 2:
        columns += _principal(measures)
    columns += _placed(ids, measures, known, history)
    names = objectives if len(objectives) == objective.shape[1] else _numbered("objective", objective.shape[1])
    columns += [_bounded(label, objective[:, j], "objective") for j, label in enumerate(names)]
    columns += _others(fields, k)
    if history is not None and (ids >= 0).any():
        inside = (ids >= 0) & (ids < len(history))
        born = np.where(inside, history.generation[np.where(inside, ids, 0)], -1)
        columns.append(_bounded("generation", born.astype(np.float64), "other"))
    made = Map(name, kept, "points", columns, ids, np.full(k, -1, np.int64), own=own, solutions=_solutions(fields))
    bounded = "lower_bounds" in about and "k_neighbors" not in about
    if bounded and "index" in fields and measures.shape[1] <= _MEASURES:
        _celled(made, kept, fields)
    made.front = made.shape != "points" and len(np.unique(made.cell)) < k
    return made


def _celled(made: Map, kept: StoredArchive, fields: Any) -> None:
    about = kept.meta
    if "centroids" in fields:
        centroids = np.asarray(fields["centroids"], np.float64)
        made.shape, made.cells = "cvt", len(centroids)
        if centroids.shape[1] == 2 and made.cells <= _OUTLINED:
            made.outlines = outlines(centroids, np.asarray(about["lower_bounds"]), np.asarray(about["upper_bounds"]))
    elif "dims" in about and kept.kind != "SlidingBoundariesArchive":  # whose borders are no even grid
        made.shape, made.dims = "grid", tuple(int(n) for n in np.atleast_1d(about["dims"]))
        made.cells = int(np.prod(made.dims))
    else:
        return
    made.cell = np.asarray(fields["index"], np.int64)


def _ends(kept: StoredArchive, measures: NDArray[np.float64], known: MeasureAxes) -> tuple[Any, Any]:
    low, high = (kept.meta.get(key) for key in ("lower_bounds", "upper_bounds"))
    if low is not None and len(np.atleast_1d(low)) != measures.shape[1]:
        low = high = None
    fine = measures[np.isfinite(measures).all(axis=1)]
    if low is None and len(known.names) != measures.shape[1] and not len(fine):
        return np.zeros(measures.shape[1]), np.ones(measures.shape[1])
    return known.bounds(fine, low, high)


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return (name,) if count == 1 else tuple(f"{name} {i}" for i in range(count))


def _bounded(name: str, values: NDArray[np.float64], role: str) -> Column:
    fine = values[np.isfinite(values)]
    low, high = (float(fine.min()), float(fine.max())) if len(fine) else (0.0, 1.0)
    return Column(name, values, role, low, high if high > low else low + 1.0)


def _principal(measures: NDArray[np.float64]) -> list[Column]:
    """The two directions in which the measures spread most."""
    fine = np.isfinite(measures).all(axis=1)
    if fine.sum() < 3:
        return []
    middle = measures[fine].mean(axis=0)
    _, sizes, directions = np.linalg.svd(measures[fine] - middle, full_matrices=False)
    total = float((sizes**2).sum())
    if total <= 0:
        return []
    places = (measures - middle) @ directions[:2].T
    shares = 100 * sizes[:2] ** 2 / total
    return [_bounded(f"principal {j + 1} ({shares[j]:.0f} %)", places[:, j], "principal") for j in range(len(shares))]


def _placed(
    ids: NDArray[np.int64], measures: NDArray[np.float64], known: MeasureAxes, history: History | None
) -> list[Column]:
    """Where the elites of a learned space are in the problem's own measures."""
    if history is None or not len(known.names) or not len(ids):
        return []
    if history.measures.shape[1] != len(known.names) or measures.shape[1] == len(known.names):
        return []
    inside = (ids >= 0) & (ids < len(history))
    places = np.where(inside[:, None], history.measures[np.where(inside, ids, 0)], np.nan)
    return [
        Column(name, places[:, j], "place", float(known.low[j]), float(known.high[j]))
        for j, name in enumerate(known.names)
    ]


def _others(fields: Any, k: int) -> list[Column]:
    """What else the search keeps of an elite, where it is one number."""
    taken = ("objective", "measures", "index", "id", "solution", "centroids")
    found = []
    for name, values in fields.items():
        array = np.asarray(values)
        if name not in taken and array.shape == (k,) and array.dtype.kind in "biuf":
            found.append(_bounded(name, array.astype(np.float64), "other"))
    return found


def _solutions(fields: Any) -> NDArray[Any] | Ragged | None:
    if "solution.values" in fields:
        return Ragged(fields["solution.values"], fields["solution.offsets"])
    return fields.get("solution")


def carried_genes(made: Map) -> int:
    """So many genes of each solution fit into the page."""
    if made.solutions is None or isinstance(made.solutions, Ragged) or not len(made):
        return 0
    width = int(np.prod(made.solutions.shape[1:]))
    return min(width, max(_GENES // len(made), 8))


def outlines(centroids: NDArray[np.float64], low: NDArray[Any], high: NDArray[Any]) -> list[NDArray[np.float64]]:
    """The Voronoi cells of points in a box, cut off at its borders: (v, 2) corners in order, one polygon a point.

    The points are mirrored at the four sides, so that every cell inside the box is finite and ends at it.
    """
    from scipy.spatial import Voronoi

    span = np.where(high > low, high - low, 1.0)
    unit = (centroids - low) / span
    mirrored = [unit]
    for axis in (0, 1):
        for side in (0.0, 1.0):
            other = unit.copy()
            other[:, axis] = 2 * side - other[:, axis]
            mirrored.append(other)
    cells = Voronoi(np.concatenate(mirrored))
    found = []
    for point in range(len(unit)):
        region = cells.regions[cells.point_region[point]]
        corners = cells.vertices[[v for v in region if v >= 0]] if region else unit[[point]]
        middle = corners.mean(axis=0)
        order = np.argsort(np.arctan2(*(corners - middle).T[::-1]))
        found.append(low + np.clip(corners[order], 0.0, 1.0) * span)
    return found


__all__ = ["Column", "Map", "carried_genes", "map_of", "outlines"]
