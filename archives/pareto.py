"""ParetoArchive: cells that each hold a Pareto front, after MOME (Pierrot, Richard, Beguir and Cully 2022).

https://arxiv.org/abs/2202.03057. For problems with several objectives and measures: a grid, a tessellation, or a single
cell, which is then a plain archive of non-dominated solutions. All objectives are maximised. Differs from the paper in
that a full front gives up its most crowded member (the paper: a random one, also to be had).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from archives.base import Batch, TableArchive
from archives.cells import Cells
from archives.inputs import archive_fields, float_dtype, number_column, refuse_row
from archives.pareto_kernels import areas, by_cell, offer
from operators.pareto import crowding_distance, hypervolume, non_dominated


class ParetoArchive(TableArchive):
    """Cells over the measures; each keeps solutions none of which dominates another of its cell.

    solution_dim: size of a solution, an int or a tuple.
    objective_dim: number of objectives k, at least 1.
    dims, ranges: cells along each measure and its (low, high), as in GridArchive; or
    centroids, ranges: (c, m) points, each the middle of a cell of all that is nearest to it, ranges for plots; or
    measure_dim: neither: one cell for everything, and how many measures are kept beside (0 by default).
    front_size: members of a cell's front; None for any number.
    replacement: who goes when a front is full and one more is not dominated. "crowding": the member (or newcomer) with
        the smallest crowding distance, of equal ones the newcomer; ends of the front always stay. "random": one of the
        old members, by a hash of seed and the number of rows offered so far, so that a restored archive goes on alike.
    reference_point: (k,) what hypervolumes are measured from; it may be set later. None: they are NaN.
    epsilon, seed, dtypes, extra_fields: as in GridArchive.

    Where the interface wants one number for the objectives (obj_max, obj_mean, best_elite) it is their sum; qd_score is
    the MOQD score.

    >>> archive = ParetoArchive(solution_dim=1, objective_dim=2, dims=[10], ranges=[(0, 1)], reference_point=(0, 0))
    >>> info = archive.add([[1.0], [2.0], [3.0]], [[1, 3], [2, 1], [1, 1]], [[0.5], [0.5], [0.5]])
    >>> info["status"].tolist(), len(archive), archive.moqd_score
    ([2, 1, 0], 2, 4.0)
    """

    kind = "pareto"

    def __init__(
        self,
        *,
        solution_dim: int | tuple[int, ...],
        objective_dim: int,
        dims: Sequence[int] | None = None,
        ranges: Sequence[tuple[float, float]] | None = None,
        centroids: ArrayLike | None = None,
        measure_dim: int = 0,
        front_size: int | None = 50,
        replacement: Literal["crowding", "random"] = "crowding",
        reference_point: ArrayLike | None = None,
        epsilon: float = 1e-6,
        seed: int | None = None,
        solution_dtype: DTypeLike | None = None,
        objective_dtype: DTypeLike | None = None,
        measures_dtype: DTypeLike | None = None,
        dtype: DTypeLike | None = None,
        extra_fields: Mapping[str, tuple[Any, DTypeLike | None]] | None = None,
    ) -> None:
        if objective_dim < 1:
            raise ValueError(f"objective_dim {objective_dim} given, at least 1 wanted")
        if front_size is not None and front_size < 1:
            raise ValueError(f"front_size {front_size} given, at least 1 wanted, or None for no limit")
        if replacement not in ("crowding", "random"):
            raise ValueError(f"replacement {replacement!r} given, 'crowding' or 'random' wanted")
        measures = float_dtype("measures_dtype", dtype if dtype is not None else measures_dtype)
        self._where = Cells(dims, ranges, centroids, measure_dim, measures, epsilon)
        self._cells = self._where.count
        fields = archive_fields(
            solution_dim,
            self._where.measure_dim,
            (dtype, solution_dtype, objective_dtype, measures_dtype),
            extra_fields,
            threshold=False,
        )
        fields["objective"] = ((int(objective_dim),), fields["objective"][1])
        super().__init__(
            solution_dim=solution_dim,
            measure_dim=self._where.measure_dim,
            fields=fields,
            capacity=128,
            qd_score_offset=0.0,
            seed=seed,
        )
        self._objective_dim = int(objective_dim)
        self._front_size, self._replacement = front_size, replacement
        self._seed = 0 if seed is None else int(seed)
        self._offered = 0  # rows so far: the address of a random replacement
        self._head = np.full(self._cells, -1, np.int64)  # scratch of `offer`
        self._volumes = np.full(self._cells, np.nan)  # of each cell's front, NaN where it has to be measured
        self._grouped: tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None = None
        self._reference: NDArray[np.float64] | None = None
        self.reference_point = reference_point

    # What it is.

    @property
    def objective_dim(self) -> int:  # type: ignore[override]
        """Number of objectives k."""
        return self._objective_dim

    @property
    def cells(self) -> int:
        """Number of cells; 1 where everything is one front."""
        return self._cells

    @property
    def dims(self) -> NDArray[np.int32] | None:
        """Cells along each measure of a grid, (m,); None without one."""
        return self._where.dims

    @property
    def centroids(self) -> NDArray[np.float64]:
        """Middles of the cells, (c, m). AttributeError where they are not given by centroids."""
        if self._where.centroids is None:
            raise AttributeError("this archive has no centroids")
        return self._where.centroids

    @property
    def lower_bounds(self) -> NDArray[Any] | None:
        """Low end of each measure's range, (m,); None for a single cell."""
        return self._where.low if self._where.bounds.size else None

    @property
    def upper_bounds(self) -> NDArray[Any] | None:
        """High end of each measure's range, (m,); None for a single cell."""
        return self._where.high if self._where.bounds.size else None

    @property
    def front_size(self) -> int | None:
        """Members that a cell's front may have; None for any number."""
        return self._front_size

    @property
    def reference_point(self) -> NDArray[np.float64] | None:
        """What hypervolumes are measured from, (k,). ValueError for another shape or numbers that are not finite."""
        return None if self._reference is None else self._reference.copy()

    @reference_point.setter
    def reference_point(self, point: ArrayLike | None) -> None:
        found = None if point is None else np.array(point, dtype=np.float64)
        if found is not None and (found.shape != (self._objective_dim,) or not np.isfinite(found).all()):
            raise ValueError(f"reference_point {point!r} given, {self._objective_dim} finite numbers wanted")
        self._reference = found
        self._volumes.fill(np.nan)

    # Numbers about it.

    def _groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Occupied cells rising (c,), slots cell by cell (n,), starts (c + 1,)."""
        if self._grouped is None or self._grouped[0] != self._writes:
            self._grouped = (self._writes, *by_cell(self._table.filled("index"), self._cells))
        return self._grouped[1:]

    @property
    def coverage(self) -> float:
        """Share of the cells that hold a front."""
        return len(self._groups()[0]) / self._cells

    @property
    def front_sizes(self) -> NDArray[np.int64]:
        """Members of the front of each occupied cell, (c,), cells rising."""
        return np.diff(self._groups()[2])

    @property
    def occupied_cells(self) -> NDArray[np.int64]:
        """Cells that hold a front, (c,), rising."""
        return self._groups()[0].copy()

    @property
    def hypervolumes(self) -> NDArray[np.float64]:
        """Hypervolume of the front of each occupied cell, (c,), cells rising; NaN without a reference point."""
        cells, slots, starts = self._groups()
        if self._reference is None:
            return np.full(len(cells), np.nan)
        places = np.flatnonzero(np.isnan(self._volumes[cells]))
        objective = self._table.filled("objective")
        if self._objective_dim == 2:
            self._volumes[cells[places]] = areas(objective, slots, starts, places, self._reference)
        else:
            for place in places:
                members = objective[slots[starts[place] : starts[place + 1]]]
                self._volumes[cells[place]] = hypervolume(members, self._reference)
        return self._volumes[cells]

    @property
    def moqd_score(self) -> float:
        """Sum of the hypervolumes of all cells (Pierrot et al. 2022, section 3.2); NaN without a reference point."""
        return float(self.hypervolumes.sum()) if self._reference is not None else float("nan")

    @property
    def qd_score(self) -> float:
        """The MOQD score."""
        return self.moqd_score

    @property
    def hypervolume(self) -> float:
        """Hypervolume of all elites together, whatever their cells; NaN without a reference point."""
        if self._reference is None:
            return float("nan")
        if self._cells == 1:
            return self.moqd_score
        return hypervolume(self._table.filled("objective"), self._reference)

    @property
    def obj_max(self) -> float | None:
        """Largest sum of objectives ever let in; None while empty."""
        return None if self._best is None else float(self._best["objective"].sum())

    @property
    def obj_mean(self) -> float | None:
        """Mean over the elites of the sum of objectives; None while empty."""
        return float(self._table.filled("objective").sum(axis=1).mean()) if self._table.size else None

    # From measures to cells.

    def index_of(self, measures: ArrayLike) -> NDArray[np.int32]:
        """Cell numbers (n,) of measures (n, m). ValueError for shapes and rows that are not finite."""
        return self._where.index_of(self._query(measures))

    # Writing.

    def add(self, solution: ArrayLike, objective: ArrayLike, measures: ArrayLike, **fields: ArrayLike) -> Batch:
        """Offers n solutions, one after the other: the same as n calls of add_single.

        A row gets in unless a member of its cell's front is at least as good in every objective; members that it
        dominates go, and where the front is still full, whom `replacement` names.
        solution (n, *solution_dim), objective (n, k), measures (n, m), and (n, ...) for each extra field.
        Returns status (n,) int32: 0 not let in, 1 let in, 2 let in to an empty cell (it may have had to go again for a
        later row); and value (n,): by how much all its objectives could be less before a member of the front it met
        were as good, at most 0 for a row that is dominated or equalled (the additive epsilon indicator, Zitzler et
        al. 2003, https://doi.org/10.1109/TEVC.2003.810758); in an empty cell its largest objective.
        ValueError, and nothing is added, for shapes, unknown or missing fields, and rows that are not finite.
        """
        if objective is None:
            raise ValueError(f"objective None given, (n, {self._objective_dim}) numbers wanted")
        scores = number_column("objective", objective, (self._objective_dim,), self.dtypes["objective"])
        points = number_column("measures", measures, (self._measure_dim,), self.dtypes["measures"])
        copied = self._check_extra(solution, scores, points, fields)
        fine = np.isfinite(scores).all(axis=1)
        if not fine.all():
            row = int(fine.argmin())
            refuse_row("objective", row, scores[row])
        cells = self._where.index_of(points)
        n, table = len(cells), self._table
        status, value = np.empty(n, np.int32), np.empty(n, scores.dtype)
        going, rows = offer(
            cells, scores, table.columns["index"], table.columns["objective"], table.size, self._head,
            self._front_size or 0, self._replacement == "crowding", np.uint64(self._seed), self._offered, status, value,
        )  # fmt: skip
        self._offered += n
        self._writes += 1
        if len(rows):  # without newcomers nobody goes either
            copied |= {"objective": scores, "measures": points, "index": cells}
            self._settle(copied, rows, going)
            self._volumes[cells[status > 0]] = np.nan
        return {"status": status, "value": value}

    def _settle(self, batch: Mapping[str, NDArray[Any]], rows: NDArray[np.int64], going: NDArray[np.int64]) -> None:
        """Writes rows of the batch over those that go, and closes the gaps that are left with the last elites."""
        table = self._table
        size = table.size - len(going) + len(rows)
        free = np.concatenate([going, np.arange(table.size, max(size, table.size))])
        slots, gaps = free[: len(rows)], free[len(rows) :]
        table.reserve(size)
        table.write(batch, rows, slots)
        if len(gaps):
            last = np.setdiff1d(np.arange(size, table.size), gaps)
            for column in table.columns.values():
                column[gaps[gaps < size]] = column[last]
        table.size = size
        sums = table.columns["objective"][slots[slots < size]].sum(axis=1)
        if len(sums):
            best = slots[slots < size][sums.argmax()]
            if self._best is None or sums.max() > self._best["objective"].sum():
                self._best = table.row(int(best))

    def add_single(
        self, solution: ArrayLike, objective: ArrayLike, measures: ArrayLike, **fields: ArrayLike
    ) -> dict[str, Any]:
        """add() of one solution: rows without the batch axis in, one status and value out."""
        rows = {name: np.asarray(value)[None] for name, value in fields.items()}
        info = self.add(np.asarray(solution)[None], np.asarray(objective)[None], np.asarray(measures)[None], **rows)
        return {name: column[0] for name, column in info.items()}

    def clear(self) -> None:
        """Takes all elites out."""
        super().clear()
        self._offered = 0
        self._volumes.fill(np.nan)

    # Reading.

    def front(self, measures: ArrayLike) -> Batch:
        """The front of the cell of one row of measures (m,), as a dict of columns; empty where the cell is."""
        cell = self.index_of(np.asarray(measures)[None])[0]
        return self._table.take(np.flatnonzero(self._table.filled("index") == cell))

    def global_front(self) -> Batch:
        """The elites that no elite of any cell dominates, as a dict of columns."""
        return self._table.take(np.flatnonzero(non_dominated(self._table.filled("objective"))))

    def sample_slots(self, n: int, rng: np.random.Generator, crowding: bool = False) -> NDArray[np.int64]:
        """n slots (n,): for each a cell drawn evenly from the occupied ones, then a member of its front.

        crowding: of two members drawn evenly the one with the larger crowding distance within its front, instead of
        one drawn evenly. ValueError while the archive is empty.
        """
        if self._table.size == 0:
            raise ValueError("a sample of an empty archive was asked for: add solutions first")
        cells, slots, starts = self._groups()
        places = rng.integers(0, len(cells), size=n)
        sizes = np.diff(starts)[places]
        first = slots[starts[places] + (rng.random(n) * sizes).astype(np.int64)]
        if not crowding:
            return first
        second = slots[starts[places] + (rng.random(n) * sizes).astype(np.int64)]
        distance = crowding_distance(self._table.filled("objective"), self._table.filled("index"))
        return np.where(distance[second] > distance[first], second, first)

    def sample_elites(self, n: int, replace: bool = True, rng: np.random.Generator | None = None) -> Batch:
        """n elites as a dict of columns, drawn as by sample_slots; without replacement drawn evenly from all.

        rng: the generator to draw from; None takes the archive's own, made from `seed` (it is not part of the state).
        ValueError while empty, or for more than there are without replacement.
        """
        if not replace:
            return super().sample_elites(n, False, rng)
        return self._table.take(self.sample_slots(n, self._rng if rng is None else rng))

    # Keeping.

    def to_state(self, copy: bool = True) -> dict[str, Any]:
        """Everything but the generator as dicts, lists, strings, numbers and arrays, cut to the elites there are.

        copy: False gives views of the columns, to be written away before the archive changes.
        """
        return (
            self._shared_state(copy)
            | self._where.to_state()
            | {
                "objective_dim": self._objective_dim,
                "front_size": self._front_size or 0,
                "replacement": self._replacement,
                "reference_point": [] if self._reference is None else self._reference.tolist(),
                "seed": self._seed,
                "offered": self._offered,
            }
        )

    @classmethod
    def from_state(cls, state: dict[str, Any], seed: int | None = None) -> Self:
        """The archive that wrote `state`, to the bit. ValueError for a bad state.

        seed: for the generator of sample_elites; random replacement goes on with the seed of the state.
        """
        settings = cls._shared_settings(state)
        del settings["qd_score_offset"]
        archive = cls(
            **settings,
            **Cells.settings(state),
            objective_dim=int(state["objective_dim"]),
            front_size=int(state["front_size"]) or None,
            replacement=state["replacement"],
            reference_point=state["reference_point"] or None,
            seed=seed,
        )
        archive._restore(state)
        archive._seed, archive._offered = int(state["seed"]), int(state["offered"])
        cells = archive._table.filled("index")
        if cells.size and (cells.min() < 0 or cells.max() >= archive._cells):
            raise ValueError("state column 'index' names cells that there are not: the state is damaged")
        return archive
