"""GridArchive: MAP-Elites' grid of cells (Mouret & Clune 2015), stored by elite.

https://arxiv.org/abs/1504.04909; soft thresholds after CMA-MAE (Fontaine & Nikolaidis 2023),
https://arxiv.org/abs/2205.10752. Good for hand-made measures with known ranges. It gives the same statuses, values,
elites, thresholds and order as pyribs' GridArchive, and differs in this: solutions take memory by elite instead of
by cell, measures far beyond the range fall into the border cell instead of overflowing, and sums are float64.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from archives.base import Batch, TableArchive
from archives.inputs import archive_fields, number_column, refuse_row
from archives.insert import commit, compete, grid_cells

NO_OBJECTIVE = {np.dtype(t): np.empty(0, t) for t in (np.float32, np.float64)}


class GridArchive(TableArchive):
    """Cells of equal size over a box; each keeps the best solution that fell into it.

    solution_dim: size of a solution, an int or a tuple.
    dims: number of cells along each measure, (m,).
    ranges: (low, high) of each measure; what lies outside counts for the border cell.
    learning_rate, threshold_min: both left out, a cell's threshold is its elite's objective (MAP-Elites). Otherwise
        thresholds start at threshold_min and move by learning_rate (0 to 1) toward what is let in (CMA-MAE).
    epsilon: added before rounding to cells, against rounding errors on borders.
    qd_score_offset: taken from every objective in the QD score.
    seed: for the archive's own generator, used where sample_elites is given none.
    solution_dtype (any but object), objective_dtype, measures_dtype (float32, float64), or dtype for all three.
    extra_fields: name -> (shape, dtype) of further columns; each add must then pass them.

    >>> archive = GridArchive(solution_dim=2, dims=[10, 10], ranges=[(-1, 1), (-1, 1)])
    >>> info = archive.add([[0.0, 1.0], [0.5, 0.5]], [1.0, 2.0], [[-0.9, 0.3], [-0.9, 0.3]])
    >>> info["status"].tolist(), len(archive), archive.obj_max
    ([2, 2], 1, 2.0)
    """

    kind = "grid"

    def __init__(
        self,
        *,
        solution_dim: int | tuple[int, ...],
        dims: Sequence[int],
        ranges: Sequence[tuple[float, float]],
        learning_rate: float | None = None,
        threshold_min: float = -np.inf,
        epsilon: float = 1e-6,
        qd_score_offset: float = 0.0,
        seed: int | None = None,
        solution_dtype: DTypeLike | None = None,
        objective_dtype: DTypeLike | None = None,
        measures_dtype: DTypeLike | None = None,
        dtype: DTypeLike | None = None,
        extra_fields: Mapping[str, tuple[Any, DTypeLike | None]] | None = None,
    ) -> None:
        self._dims = np.array(dims, dtype=np.int32)  # (m,)
        bounds = np.array(ranges, dtype=np.float64)  # (m, 2)
        if self._dims.ndim != 1 or self._dims.size == 0 or self._dims.min() < 1:
            raise ValueError(f"dims {dims!r} given, a list of cell counts of at least 1 wanted")
        if bounds.shape != (self._dims.size, 2):
            raise ValueError(
                f"ranges {ranges!r} given, one (low, high) for each of the {self._dims.size} entries of dims wanted"
            )
        if not np.isfinite(bounds).all() or not (bounds[:, 0] < bounds[:, 1]).all():
            raise ValueError(f"ranges {ranges!r} given, finite low < high wanted in each")
        self._cells = int(np.prod(self._dims, dtype=np.int64))
        if self._cells >= 2**31:
            raise ValueError(f"dims {dims!r} make {self._cells} cells, fewer than 2**31 wanted: use a coarser grid")
        super().__init__(
            solution_dim=solution_dim,
            measure_dim=self._dims.size,
            fields=archive_fields(
                solution_dim,
                self._dims.size,
                (dtype, solution_dtype, objective_dtype, measures_dtype),
                extra_fields,
                threshold=True,
            ),
            capacity=min(self._cells, 128),
            qd_score_offset=qd_score_offset,
            seed=seed,
        )
        self._measures_dtype, self._objective_dtype = self.dtypes["measures"], self.dtypes["objective"]
        self._lower_bounds = bounds[:, 0].astype(self._measures_dtype)
        self._upper_bounds = bounds[:, 1].astype(self._measures_dtype)
        self._interval_size = self._upper_bounds - self._lower_bounds
        self._epsilon = self._measures_dtype.type(epsilon)
        self._set_thresholds(learning_rate, threshold_min)
        # Slot of each cell's elite, -1 where there is none: the only array that goes by cell.
        self._slot_of_cell = np.full(self._cells, -1, dtype=np.int32)

    def _set_thresholds(self, learning_rate: float | None, threshold_min: float) -> None:
        soft = threshold_min != -np.inf
        if soft and learning_rate is None:
            raise ValueError(
                f"threshold_min {threshold_min} given without learning_rate: it belongs to CMA-MAE, pass both or none"
            )
        if not soft and learning_rate not in (None, 1, 1.0):
            raise ValueError(
                f"learning_rate {learning_rate} given with threshold_min -inf, 1.0 wanted: pass a finite threshold_min"
            )
        rate = 1.0 if learning_rate is None else float(learning_rate)
        if not 0.0 <= rate <= 1.0 or np.isnan(threshold_min) or threshold_min == np.inf:
            raise ValueError(
                f"learning_rate {learning_rate}, threshold_min {threshold_min} given, a rate from 0 to 1 and a "
                "threshold_min that is finite or -inf wanted"
            )
        real = self._objective_dtype.type
        self._learning_rate, self._threshold_min = real(rate), real(threshold_min)
        self._keep = real(1.0) - self._learning_rate
        self._new_base = real(threshold_min if soft else 0.0)

    @property
    def cells(self) -> int:
        """Number of cells of the grid."""
        return self._cells

    @property
    def dims(self) -> NDArray[np.int32]:
        """Cells along each measure, (m,)."""
        return self._dims

    @property
    def lower_bounds(self) -> NDArray[Any]:
        """Low end of each measure's range, (m,)."""
        return self._lower_bounds

    @property
    def upper_bounds(self) -> NDArray[Any]:
        """High end of each measure's range, (m,)."""
        return self._upper_bounds

    @property
    def interval_size(self) -> NDArray[Any]:
        """Width of each measure's range, (m,)."""
        return self._interval_size

    @property
    def boundaries(self) -> list[NDArray[Any]]:
        """Borders of the cells along each measure: m arrays of dims[i] + 1 values."""
        edges = zip(self._lower_bounds, self._upper_bounds, self._dims, strict=True)
        return [np.linspace(low, high, count + 1) for low, high, count in edges]

    @property
    def epsilon(self) -> float:
        """Added before rounding to cells."""
        return float(self._epsilon)

    @property
    def learning_rate(self) -> float:
        """How far thresholds move, 1.0 in MAP-Elites."""
        return float(self._learning_rate)

    @property
    def threshold_min(self) -> float:
        """Where thresholds start, -inf in MAP-Elites."""
        return float(self._threshold_min)

    # From measures to cells.

    def _cells_of(self, measures: NDArray[Any], objective: NDArray[Any]) -> NDArray[np.int32]:
        cells = np.empty(len(measures), np.int32)
        low, interval = self._lower_bounds, self._interval_size
        row = grid_cells(measures, objective, low, interval, self._dims, self._epsilon, cells)
        if row >= 0:
            if objective.size and not np.isfinite(objective[row]):
                refuse_row("objective", row, objective[row])
            refuse_row("measures", row, measures[row])
        return cells

    def index_of(self, measures: ArrayLike) -> NDArray[np.int32]:
        """Cell numbers (n,) of measures (n, m), row-major over dims. ValueError for shapes and non-finite rows."""
        return self._cells_of(self._query(measures), NO_OBJECTIVE[self._objective_dtype])

    def index_of_single(self, measures: ArrayLike) -> np.int32:
        """Cell number of one row of measures (m,)."""
        return self.index_of(np.asarray(measures)[None])[0]

    def grid_to_int_index(self, grid_indices: ArrayLike) -> NDArray[np.int32]:
        """Cell numbers (n,) from cell coordinates (n, m)."""
        grid = np.asarray(grid_indices)
        if grid.ndim != 2 or grid.shape[1] != self._measure_dim:
            raise ValueError(f"grid_indices of shape {grid.shape} given, (n, {self._measure_dim}) wanted")
        return np.ravel_multi_index(tuple(grid.T), tuple(self._dims)).astype(np.int32)

    def int_to_grid_index(self, int_indices: ArrayLike) -> NDArray[np.int32]:
        """Cell coordinates (n, m) from cell numbers (n,)."""
        numbers = np.asarray(int_indices)
        if numbers.ndim != 1:
            raise ValueError(f"int_indices of shape {numbers.shape} given, (n,) wanted")
        return np.asarray(np.unravel_index(numbers, tuple(self._dims)), dtype=np.int32).T

    # Writing.

    def add(self, solution: ArrayLike, objective: ArrayLike, measures: ArrayLike, **fields: ArrayLike) -> Batch:
        """Offers n solutions; each cell keeps the best offered that beats its threshold, the first if several do.

        solution (n, *solution_dim), objective (n,), measures (n, m), and (n, ...) for each extra field.
        Returns status (n,) int32: 0 not let in, 1 beat the cell's threshold, 2 the same in an empty cell; and value
        (n,): objective minus the threshold before this batch (in an empty cell minus threshold_min, or 0 if that is
        -inf). Both judge every row against the archive before the batch, so two rows of one cell may both be 2.
        ValueError, and nothing is added, for shapes, unknown or missing fields, and rows that are not finite.
        """
        if objective is None:
            raise ValueError("objective None given, (n,) numbers wanted: a grid keeps the best of each cell")
        scores = number_column("objective", objective, (), self._objective_dtype)
        points = number_column("measures", measures, (self._measure_dim,), self._measures_dtype)
        copied = self._check_extra(solution, scores, points, fields)
        cells = self._cells_of(points, scores)
        table = self._table
        n = len(cells)
        status = np.empty(n, np.int32)
        value = np.empty(n, self._objective_dtype)
        columns = table.columns
        rows, slots, thresholds, created, best, growth = compete(
            cells, scores, self._slot_of_cell, columns["objective"], columns["threshold"], table.size,
            self._threshold_min, self._new_base, self._keep, status, value,
        )  # fmt: skip
        self._writes += 1
        if len(rows):
            table.reserve(table.size + created)
            columns = table.columns
            copied["measures"] = points
            table.write(copied, rows, slots)
            commit(
                rows, slots, thresholds, cells, scores, self._slot_of_cell,
                columns["objective"], columns["threshold"], columns["index"],
            )  # fmt: skip
            table.size += created
            self._objective_sum += growth
            self._offer_best(slots[best])
        return {"status": status, "value": value}

    def add_single(
        self, solution: ArrayLike, objective: ArrayLike, measures: ArrayLike, **fields: ArrayLike
    ) -> dict[str, Any]:
        """add() of one solution: rows without the batch axis in, one status and value out."""
        if objective is None:
            raise ValueError("objective None given, a number wanted: a grid keeps the best of each cell")
        rows = {name: np.asarray(value)[None] for name, value in fields.items()}
        info = self.add(np.asarray(solution)[None], np.asarray(objective)[None], np.asarray(measures)[None], **rows)
        return {name: column[0] for name, column in info.items()}

    def clear(self) -> None:
        """Takes all elites out and forgets all thresholds."""
        super().clear()
        self._slot_of_cell.fill(-1)

    # Reading by measures.

    def retrieve(self, measures: ArrayLike) -> tuple[NDArray[np.bool_], Batch]:
        """Elites of the cells of measures (n, m): occupied (n,), and the columns.

        Rows of empty cells hold NaN, 0 for whole numbers, False, and -1 for index. ValueError as in index_of.
        """
        slots = self._slot_of_cell[self.index_of(measures)]
        occupied = slots >= 0
        elites = self._table.take(np.maximum(slots, 0))
        for name, column in elites.items():
            kind = column.dtype.kind
            column[~occupied] = -1 if name == "index" else np.nan if kind in "fc" else np.zeros((), column.dtype)
        return occupied, elites

    def retrieve_single(self, measures: ArrayLike) -> tuple[bool, dict[str, Any]]:
        """Elite of the cell of one row of measures (m,): occupied, and its fields."""
        occupied, elites = self.retrieve(np.asarray(measures)[None])
        return bool(occupied[0]), {name: column[0] for name, column in elites.items()}

    # Keeping.

    def to_state(self, copy: bool = True) -> dict[str, Any]:
        """Everything but the generator as dicts, lists, strings, numbers and arrays, cut to the elites there are.

        copy: False gives views of the columns, to be written away before the archive changes.
        """
        return self._shared_state(copy) | {
            "dims": self._dims.tolist(),
            "ranges": np.stack([self._lower_bounds, self._upper_bounds], axis=1).astype(np.float64).tolist(),
            "learning_rate": self.learning_rate,
            "threshold_min": self.threshold_min,
            "epsilon": self.epsilon,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], seed: int | None = None) -> Self:
        """The archive that wrote `state`, to the bit; seed is for a new generator. ValueError for a bad state."""
        settings = cls._shared_settings(state)
        names = ("dims", "ranges", "learning_rate", "threshold_min", "epsilon")
        archive = cls(**settings, **{name: state[name] for name in names}, seed=seed)
        archive._restore(state)
        cells = archive._table.filled("index")
        if cells.size and (cells.min() < 0 or cells.max() >= archive._cells or np.unique(cells).size < cells.size):
            raise ValueError("state column 'index' does not name distinct cells: the state is damaged")
        archive._slot_of_cell[cells] = np.arange(cells.size, dtype=np.int32)
        return archive
