"""NoveltyArchive: the growing archive of novelty search (Lehman & Stanley 2011).

https://doi.org/10.1162/EVCO_a_00025. Good for measures without known ranges, hand-made or learned, of any number. The
interface is that of pyribs' ProximityArchive without local competition. It differs in what novelty is judged
against: the archive and the rows of the batch let in before, where pyribs takes the archive alone and so lets
any number of twins in at once.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from archives.base import Batch, TableArchive
from archives.inputs import archive_fields, number_column, refuse_row
from archives.nearest_kernels import NONE, admit, mean_distances
from archives.neighbors import NeighborIndex, finite_queries


class NoveltyArchive(TableArchive):
    """Every solution that was far enough from the rest when it came, or was appended outright; none ever leaves.

    solution_dim: size of a solution, an int or a tuple. measure_dim: number of measures m.
    k_neighbors: neighbours that novelty is the mean distance to; with fewer, over those there are.
    novelty_threshold: novelty needed to be let in by add; 0 lets everything in.
    initial_capacity: rows made room for at first; room doubles as needed.
    qd_score_offset: taken from every objective in the QD score.
    seed: for the archive's own generator, used where sample_elites is given none.
    solution_dtype (any but object), objective_dtype, measures_dtype (float32, float64), or dtype for all three.
    extra_fields: name -> (shape, dtype) of further columns; each add must then pass them.
    threads: for the neighbour search, None for one a core; no result depends on it.

    As in pyribs, coverage is 1 as soon as there is an elite, there being as many cells as elites, so norm_qd_score is
    obj_mean. For a coverage that means something, keep a GridArchive beside it.

    >>> archive = NoveltyArchive(solution_dim=1, measure_dim=1, novelty_threshold=0.5)
    >>> archive.add([[1.0], [2.0], [3.0]], None, [[0.0], [0.1], [2.0]])["status"].tolist()
    [2, 0, 2]
    """

    kind = "novelty"

    def __init__(
        self,
        *,
        solution_dim: int | tuple[int, ...],
        measure_dim: int,
        k_neighbors: int = 15,
        novelty_threshold: float = 0.0,
        initial_capacity: int = 128,
        qd_score_offset: float = 0.0,
        seed: int | None = None,
        solution_dtype: DTypeLike | None = None,
        objective_dtype: DTypeLike | None = None,
        measures_dtype: DTypeLike | None = None,
        dtype: DTypeLike | None = None,
        extra_fields: Mapping[str, tuple[Any, DTypeLike | None]] | None = None,
        threads: int | None = 1,
    ) -> None:
        for name, number in (
            ("measure_dim", measure_dim),
            ("k_neighbors", k_neighbors),
            ("initial_capacity", initial_capacity),
        ):
            if number < 1:
                raise ValueError(f"{name} {number} given, at least 1 wanted")
        if not np.isfinite(novelty_threshold) or novelty_threshold < 0:
            raise ValueError(f"novelty_threshold {novelty_threshold} given, a finite distance of at least 0 wanted")
        super().__init__(
            solution_dim=solution_dim,
            measure_dim=measure_dim,
            fields=archive_fields(
                solution_dim,
                measure_dim,
                (dtype, solution_dtype, objective_dtype, measures_dtype),
                extra_fields,
                threshold=False,
            ),
            capacity=int(initial_capacity),
            qd_score_offset=qd_score_offset,
            seed=seed,
        )
        self._k_neighbors = int(k_neighbors)
        self._novelty_threshold = float(novelty_threshold)
        self._threads = threads
        self._neighbors = NeighborIndex(measure_dim)

    @property
    def cells(self) -> int:
        """As many as there are elites."""
        return len(self)

    @property
    def capacity(self) -> int:
        """Rows there is room for before the next doubling."""
        return self._table.capacity

    @property
    def k_neighbors(self) -> int:
        """Neighbours that novelty is the mean distance to."""
        return self._k_neighbors

    @property
    def novelty_threshold(self) -> float:
        """Novelty needed to be let in by add."""
        return self._novelty_threshold

    @property
    def local_competition(self) -> bool:
        """Always False: nothing is ever replaced."""
        return False

    # Novelty.

    def compute_novelty(
        self, measures: ArrayLike, local_competition: ArrayLike | None = None
    ) -> NDArray[np.float64] | tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Mean distance (n,) of measures (n, m) to their nearest elites; novelty_threshold while empty.

        local_competition: objectives (n,), to get with it how many of those elites each one beats, (n,) int32.
        """
        points = finite_queries(self._query(measures))
        best, index = self._lists(points, self._k_neighbors)
        novelty = np.empty(len(points))
        mean_distances(best, index, self._novelty_threshold, novelty)
        if local_competition is None:
            return novelty
        objective = np.asarray(local_competition)
        if objective.shape != (len(points),):
            raise ValueError(f"local_competition of shape {objective.shape} given, ({len(points)},) wanted")
        there = index != NONE
        elites = self._table.columns["objective"][np.where(there, index, 0)]  # (n, k)
        return novelty, np.sum((elites < objective[:, None]) & there, axis=1, dtype=np.int32)

    def _lists(self, points: NDArray[np.float64], k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        return self._neighbors.lists(points, min(k, max(len(self), 1)), self._threads)

    # Writing.

    def add(self, solution: ArrayLike, objective: ArrayLike | None, measures: ArrayLike, **fields: ArrayLike) -> Batch:
        """Offers n solutions; those whose novelty reaches the threshold are let in, in order of row.

        solution (n, *solution_dim), objective (n,) or None for zeros, measures (n, m), and (n, ...) for each extra
        field. Returns status (n,) int32: 2 let in, 0 not; and novelty (n,): against the archive and the rows of this
        batch let in before; for the very first elite, which has no neighbour, novelty_threshold as in pyribs.
        ValueError, and nothing is added, for shapes, unknown or missing fields, and rows that are not finite.
        """
        columns, points = self._checked(solution, objective, measures, fields)
        n = len(points)
        status = np.zeros(n, np.int32)
        novelty = np.empty(n)
        if n:
            admitted = np.empty(n, np.bool_)
            best = np.full((n, self._k_neighbors), np.inf)
            index = np.full((n, self._k_neighbors), NONE)
            found_best, found_index = self._lists(points, self._k_neighbors)
            best[:, : found_best.shape[1]], index[:, : found_index.shape[1]] = found_best, found_index
            admit(points, len(self), self._novelty_threshold, best, index, novelty, admitted)
            status[admitted] = 2
            self._store(columns, points, np.flatnonzero(admitted))
        return {"status": status, "novelty": novelty}

    def append(
        self, solution: ArrayLike, objective: ArrayLike | None, measures: ArrayLike, **fields: ArrayLike
    ) -> NDArray[np.int32]:
        """Lets n solutions in whatever their novelty, and returns their index (n,). Arguments and errors as in add.

        For rules that pick by something else, such as the lambda random offspring a generation of Paolo et al.
        (2021), https://arxiv.org/abs/2102.03140.
        """
        columns, points = self._checked(solution, objective, measures, fields)
        first = len(self)
        self._store(columns, points, np.arange(len(points)))
        return self._table.filled("index")[first:].copy()

    def _checked(
        self, solution: ArrayLike, objective: ArrayLike | None, measures: ArrayLike, fields: dict[str, ArrayLike]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
        """All columns of a batch, and its measures in float64."""
        described = self._table.fields
        points = number_column("measures", measures, *described["measures"])
        given = np.zeros(len(points)) if objective is None else objective
        scores = number_column("objective", given, *described["objective"])
        columns = self._check_extra(solution, scores, points, fields)
        for name, column in (("objective", scores), ("measures", points)):
            if not np.isfinite(column).all():
                row = int(np.argmin(np.isfinite(column.reshape(len(column), -1)).all(axis=1)))
                refuse_row(name, row, column[row])
        return columns | {"objective": scores, "measures": points}, points.astype(np.float64, copy=False)

    def _store(self, columns: dict[str, NDArray[Any]], points: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
        self._writes += 1
        if rows.size == 0:
            return
        table, first = self._table, len(self)
        slots = np.arange(first, first + len(rows))
        table.reserve(first + len(rows))
        table.write(columns, rows, slots)
        table.columns["index"][slots] = slots
        self._neighbors.append(points[rows])
        table.size = first + len(rows)
        objective = columns["objective"][rows]
        self._objective_sum += float(np.sum(objective, dtype=np.float64))
        self._offer_best(first + int(np.argmax(objective)))

    def add_single(
        self, solution: ArrayLike, objective: ArrayLike | None, measures: ArrayLike, **fields: ArrayLike
    ) -> dict[str, Any]:
        """add() of one solution: rows without the batch axis in, one status and novelty out."""
        rows = {name: np.asarray(value)[None] for name, value in fields.items()}
        score = None if objective is None else np.asarray(objective)[None]
        info = self.add(np.asarray(solution)[None], score, np.asarray(measures)[None], **rows)
        return {name: column[0] for name, column in info.items()}

    def clear(self) -> None:
        """Takes all elites out."""
        super().clear()
        self._neighbors.clear()

    def re_encode(
        self, encode: Callable[[NDArray[Any]], ArrayLike], field: str = "observations", block: int = 1024
    ) -> None:
        """New measures for all elites, in place, because the behaviour space changed: nobody leaves, nobody moves.

        encode: rows of the column `field` (n, ...) to measures (n, m); called with at most `block` rows at a time.
        ValueError where it gives another shape or numbers that are not finite; then nothing has changed.
        """
        if field not in self._table.fields:
            raise ValueError(f"field {field!r} given, one of {self.field_list} wanted: keep it with extra_fields")
        rows, (shape, dtype) = self._table.filled(field), self._table.fields["measures"]
        blocks = [
            number_column("measures", encode(rows[first : first + block]), shape, dtype)
            for first in range(0, len(rows), block)
        ]
        if not blocks:
            return
        measures = np.concatenate(blocks)
        if len(measures) != len(rows):
            raise ValueError(f"encode gave {len(measures)} measures for {len(rows)} elites, one each wanted")
        fine = np.isfinite(measures).all(axis=1)
        if not fine.all():
            refuse_row("measures", int(np.argmin(fine)), measures[np.argmin(fine)])
        self._table.filled("measures")[:] = measures
        if self._best is not None:  # as it was when it came; its measures are of another space
            self._best["measures"] = np.array(encode(np.asarray(self._best[field])[None]), dtype)[0]
        self._index_anew()

    def _index_anew(self) -> None:
        self._writes += 1
        self._neighbors.clear()
        self._neighbors.append(self._table.filled("measures").astype(np.float64))

    # Reading by measures.

    def index_of(self, measures: ArrayLike) -> NDArray[np.int32]:
        """Index (n,) of the elite nearest to each row of measures (n, m). ValueError while empty."""
        points = finite_queries(self._query(measures))
        if self.empty:
            raise ValueError("the elite nearest to a point was asked for in an empty archive: add solutions first")
        return self._lists(points, 1)[1][:, 0].astype(np.int32)

    def index_of_single(self, measures: ArrayLike) -> np.int32:
        """Index of the elite nearest to one row of measures (m,)."""
        return self.index_of(np.asarray(measures)[None])[0]

    def retrieve(self, measures: ArrayLike) -> tuple[NDArray[np.bool_], Batch]:
        """Elites nearest to measures (n, m): occupied (n,), all True, and the columns. ValueError while empty."""
        slots = self.index_of(measures)
        return np.ones(len(slots), np.bool_), self._table.take(slots)

    def retrieve_single(self, measures: ArrayLike) -> tuple[bool, dict[str, Any]]:
        """Elite nearest to one row of measures (m,): True, and its fields."""
        _, elites = self.retrieve(np.asarray(measures)[None])
        return True, {name: column[0] for name, column in elites.items()}

    # Keeping.

    def to_state(self, copy: bool = True) -> dict[str, Any]:
        """Everything but the generator as dicts, lists, strings, numbers and arrays, cut to the elites there are.

        copy: False gives views of the columns, to be written away before the archive changes.
        """
        return self._shared_state(copy) | {
            "measure_dim": self._measure_dim,
            "k_neighbors": self._k_neighbors,
            "novelty_threshold": self._novelty_threshold,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], seed: int | None = None, threads: int | None = 1) -> Self:
        """The archive that wrote `state`, to the bit; seed is for a new generator. ValueError for a bad state."""
        settings = cls._shared_settings(state)
        names = ("measure_dim", "k_neighbors", "novelty_threshold")
        archive = cls(**settings, **{name: state[name] for name in names}, seed=seed, threads=threads)
        archive._restore(state)
        archive._index_anew()
        return archive
