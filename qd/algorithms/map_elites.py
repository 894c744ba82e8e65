"""MAP-Elites, Mouret and Clune 2015, https://arxiv.org/abs/1504.04909.

An archive of cells over the measures keeps the best solution of each; children of uniformly drawn elites compete for
their cells. Good for problems whose measures are known and few. The default operator is iso+line of Vassiliades and
Mouret 2018 (https://arxiv.org/abs/1804.03906). Batched, where the paper evaluates one child at a time. Parents may be
drawn otherwise than evenly; the curiosity score is that of Cully and Demiris 2018 (https://arxiv.org/abs/1708.09251).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.algorithms._children import check_iso_line, children_of, grown_from, operator_of
from qd.algorithms._ragged_elites import RaggedElites
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError, nearest
from qd.lineages import Lineage
from qd.lineages.space import check_sigma
from qd.rng import generator
from qd.space import Box, Mask, Space

_ID = {"id": ((), np.int64)}  # the evaluation number of each elite
_COUNTING = ("curiosity", "ucb", "fewest")
_SELECTIONS = ("uniform", "objective", "rank", *_COUNTING)


@dataclass
class MapElitesState:
    """The archive, and which generation comes next."""

    seed: int
    space: Space
    archive: Any
    generation: int = 0
    drawn: NDArray[np.int32] | None = None  # (cells,) how often the elite of a cell was a parent ...
    entered: NDArray[np.int32] | None = None  # (cells,) ... and of how many children that entered the archive
    parent_cells: NDArray[np.int32] | None = None  # (n,) cells of the parents of the request in flight


@dataclass(frozen=True)
class MapElites(Algorithm):
    """An archive of elites and children of them.

    >>> MapElites(batch_size=64, dims=(20, 20)).archive
    'grid'
    """

    batch_size: int = 1024
    """Children a generation."""
    archive: Literal["grid", "cvt"] = "grid"
    """Cells: a regular grid, or centroids spread by k-means (for more than three measures)."""
    dims: tuple[int, ...] = ()
    """Cells a measure of the grid; the problem's own declaration by default."""
    centroids: int = 1000
    """Cells of the cvt archive."""
    centroid_samples: int = 10_000
    """Random points that place the centroids; k-means over many is slow."""
    make_archive: Callable[[Problem], Any] | None = None
    """Any archive with pyribs' interface instead, e.g. ``lambda problem: ribs.archives.GridArchive(...)``; for
    lineages one of ``solution_dim=1, solution_dtype=np.int64``, which holds handles."""
    selection: Literal["uniform", "curiosity", "objective", "rank", "ucb", "fewest"] = "uniform"
    """Which elites become parents: all alike; by how many of their children entered the archive; by objective or by
    rank of it; by the upper confidence bound of children entering; those that were parents least often."""
    exploration: float = 1.0
    """ucb: weight of the bound's width."""
    operator: Literal["auto", "iso_line", "gaussian", "bit_flip", "drop_restore"] = "auto"
    """How children are made; auto: iso_line for real vectors, bit_flip for masks, gaussian for lineages, where it is
    one more seed on the chain of an elite. drop_restore, for masks whose ones are costly, such as prompts: a few ones
    are dropped, or a few zeros restored."""
    iso_sigma: float = 0.01
    """iso_line: standard deviation of the isotropic part."""
    line_sigma: float = 0.2
    """iso_line: standard deviation of the step along the line to a second elite."""
    sigma: float = 0.05
    """gaussian: standard deviation."""
    flip_probability: float = 0.02
    """bit_flip: of each gene."""
    drop: int = 4
    """drop_restore: 1 to so many genes change."""
    restore_probability: float = 0.5
    """drop_restore: of a child getting genes back instead of losing some."""
    crossover_probability: float = 0.25
    """drop_restore: of a child first being crossed with a second elite, at one of the space's cuts; without cuts each
    gene is from either."""
    initial: int = 0
    """Random solutions before the first children; a batch by default."""
    start: Any = field(default=None, repr=False, compare=False)
    """(n, d) solutions that are evaluated first, such as the elites of another run; random ones fill up to initial."""

    State = MapElitesState

    def __post_init__(self) -> None:
        positive(self, "batch_size", "centroids", "centroid_samples", "sigma", "drop")
        probability(self, "flip_probability", "restore_probability", "crossover_probability")
        check_iso_line(self)
        if self.selection not in _SELECTIONS:
            raise QDError(f"MapElites.selection: got {self.selection!r}, {nearest(str(self.selection), _SELECTIONS)}")
        if not 0 <= self.exploration < np.inf:
            raise QDError(f"MapElites.exploration: got {self.exploration}, wanted a number of 0 or more")
        if self.initial < 0:
            raise QDError(f"MapElites.initial: got {self.initial}, wanted 0 or more")

    def init(self, problem: Problem, seed: int) -> MapElitesState:
        space = problem.space()
        wanted = {
            "bit_flip": Mask,
            "drop_restore": Mask,
            "iso_line": Box,
            "gaussian": Box | Lineage,
            "auto": Box | Mask | Lineage,
        }[self.operator]
        if not isinstance(space, wanted):
            raise QDError(f"MapElites.operator: {self.operator!r} does not vary {space!r}; it varies {wanted}")
        if isinstance(space, Lineage):
            check_sigma(self.sigma)
        if self.start is not None:
            shape = np.shape(self.start)
            if isinstance(space, Lineage) or len(shape) != 2 or shape[0] == 0 or shape[1] != space.length:
                raise QDError(f"MapElites.start: got shape {shape}, {problem.name} wants solutions of {space!r}, at "
                              "least one")  # fmt: skip
        archive = self._archive(problem, space, seed)
        if isinstance(space, Lineage):
            archive = RaggedElites(archive, space.dtype)
        state = MapElitesState(seed, space, archive)
        if self.selection in _COUNTING:
            if hasattr(state.archive, "k_neighbors") or not hasattr(state.archive, "cells"):
                raise QDError(f"MapElites.selection: {self.selection!r} counts by cell, and "
                              f"{type(state.archive).__name__} has no cells that stay; use 'uniform', 'objective' or "
                              "'rank'")  # fmt: skip
            state.drawn, state.entered = np.zeros((2, state.archive.cells), np.int32)
        return state

    def _archive(self, problem: Problem, space: Space, seed: int) -> Any:
        measures = problem.measure_space
        if self.make_archive is not None:
            return self.make_archive(problem)
        if measures is None:
            raise QDError(f"MapElites: {problem.name} declares no measures, so there are no cells; give it a "
                          "measure_space")  # fmt: skip
        genes, dtype = (1, np.dtype(np.int64)) if space.length < 0 else (space.length, space.dtype)  # 1: a handle
        if self.archive == "cvt":
            from qd.interop.ribs import cvt_archive

            return cvt_archive(
                genes, self.centroids, measures.ranges, self.centroid_samples, seed,
                solution_dtype=dtype, objective_dtype=np.float64, measures_dtype=np.float64, extra_fields=_ID,
            )  # fmt: skip
        from archives import GridArchive

        dims = self.dims or measures.dims
        if dims is None:
            raise QDError(f"MapElites.dims: {problem.name} suggests none; say how many cells a measure, e.g. (50, 50)")
        if len(dims) != measures.size:
            raise QDError(f"MapElites.dims: got {len(dims)} numbers {dims}, but there are {measures.size} measures "
                          f"{measures.names}")  # fmt: skip
        return GridArchive(
            solution_dim=genes, dims=dims, ranges=measures.ranges, solution_dtype=dtype, extra_fields=_ID
        )

    def ask(self, state: MapElitesState, left: int) -> Request | None:
        if left <= 0:
            return None
        number = state.generation
        state.generation += 1
        first = number == 0
        if first or len(state.archive) == 0:
            rng = generator(state.seed, "sample", number)
            if first and self.start is not None:
                return Request(self._started(state.space, rng), operators="start")
            return Request(state.space.sample(self.initial or self.batch_size, rng), operators="sample")
        return self._children(state, number)

    def _started(self, space: Space, rng: np.random.Generator) -> NDArray[Any]:
        """(n, d) the solutions to start from, and random ones where these are too few."""
        start = np.asarray(self.start, space.dtype)
        missing = self.initial - len(start)
        return np.concatenate([start, np.asarray(space.sample(missing, rng))]) if missing > 0 else start

    def _children(self, state: MapElitesState, number: int) -> Request:
        space, archive, n = state.space, state.archive, self.batch_size
        operator, count = operator_of(space, self.operator)
        rng = generator(state.seed, "variation", number)
        if hasattr(archive, "sample_slots"):  # ours: children straight from the table, no copies of parents
            slots = archive.sample_slots(count * n, rng) if self.selection == "uniform" else self._chosen(
                state, archive.column("index"), archive.column("objective"), count, rng
            )  # fmt: skip
            ids = archive.column("id")[slots] if "id" in archive.field_list else np.full(len(slots), -1)
            if isinstance(archive, RaggedElites):
                grown = grown_from(self, archive.solutions_at(slots), state.seed, number)
                return Request(grown, parents=ids[:, None], operators=operator)
            table = archive.column("solution")
        elif self.selection != "uniform":
            elites = archive.data()
            slots = self._chosen(state, elites["index"], elites["objective"], count, rng)
            table, ids = elites["solution"], elites.get("id", np.full(len(elites["index"]), -1))[slots]
        else:
            from qd.interop.ribs import sample

            drawn = sample(archive, count * n, rng)
            slots, table = np.arange(count * n), drawn["solution"]
            ids = drawn.get("id", np.full(count * n, -1))
        children = children_of(self, space, operator, table, slots.reshape(count, n), rng)
        return Request(children, parents=ids.reshape(count, n).T, operators=operator)

    def _chosen(
        self,
        state: MapElitesState,
        cells: NDArray[np.int32],
        objective: NDArray[Any],
        count: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Which elites are the parents (count * n,), by `selection`; a second parent only gives a direction, evenly."""
        from operators import parents

        n = self.batch_size
        if state.drawn is None or state.entered is None:
            weights = {"objective": parents.objective_weights, "rank": parents.rank_weights}[self.selection](objective)
            first = parents.proportional(weights, rng, n)
        else:
            drawn, entered = state.drawn[cells], state.entered[cells]
            if self.selection == "curiosity":
                first = parents.proportional(parents.curiosity_weights(drawn, entered), rng, n)
            elif self.selection == "ucb":
                first = parents.upper_confidence(drawn, entered, rng, n, self.exploration)
            else:
                first = parents.fewest(drawn, rng, n)
            state.parent_cells = np.asarray(cells[first], np.int32)
        return np.concatenate([first, rng.integers(0, len(cells), (count - 1) * n)])

    def tell(self, state: MapElitesState, request: Request, evaluation: Evaluation) -> None:
        solutions, objective, measures = request.solutions, evaluation.objective, evaluation.measures
        ids = request.ids
        if evaluation.status.any():
            ok = evaluation.ok
            solutions, objective, measures, ids = solutions[ok], objective[ok], measures[ok], ids[ok]
        entered = np.zeros(0, np.bool_)
        if len(ids):
            extra = {"id": ids} if "id" in state.archive.field_list else {}
            entered = state.archive.add(solutions, objective, measures, **extra)["status"] > 0
        if state.drawn is not None:
            self._count(state, evaluation, entered, measures)

    def _count(
        self,
        state: MapElitesState,
        evaluation: Evaluation,
        entered: NDArray[np.bool_],
        measures: NDArray[np.float64],
    ) -> None:
        """Credit the parents of a batch, failed children included; an elite that has just come starts at 0."""
        assert state.drawn is not None and state.entered is not None
        if state.parent_cells is not None:  # None for the random solutions of the beginning
            worked = np.zeros(len(evaluation), np.bool_)
            worked[evaluation.ok] = entered
            cells = state.parent_cells[: len(worked)]  # the last request of a run may have been cut
            np.add.at(state.drawn, cells, 1)
            np.add.at(state.entered, cells[worked], 1)
            state.parent_cells = None
        if entered.any():
            taken = state.archive.index_of(measures[entered])
            state.drawn[taken] = state.entered[taken] = 0

    def report(self, state: MapElitesState) -> Report:
        return Report({"elites": state.archive})
