"""MAP-Elites, Mouret and Clune 2015, https://arxiv.org/abs/1504.04909.

An archive of cells over the measures keeps the best solution of each; children of uniformly drawn elites compete for
their cells. Good for problems whose measures are known and few. The default operator is iso+line of Vassiliades and
Mouret 2018 (https://arxiv.org/abs/1804.03906). Batched, where the paper evaluates one child at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from qd.algorithm import Algorithm, Report, positive, probability
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box, Mask, Space

_ID = {"id": ((), np.int64)}  # the evaluation number of each elite


@dataclass
class MapElitesState:
    """The archive, and which generation comes next."""

    seed: int
    space: Space
    archive: Any
    generation: int = 0


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
    """Any archive with pyribs' interface instead, e.g. ``lambda problem: ribs.archives.GridArchive(...)``."""
    operator: Literal["auto", "iso_line", "gaussian", "bit_flip"] = "auto"
    """How children are made; auto: iso_line for real vectors, bit_flip for masks."""
    iso_sigma: float = 0.01
    """iso_line: standard deviation of the isotropic part."""
    line_sigma: float = 0.2
    """iso_line: standard deviation of the step along the line to a second elite."""
    sigma: float = 0.05
    """gaussian: standard deviation."""
    flip_probability: float = 0.02
    """bit_flip: of each gene."""
    initial: int = 0
    """Random solutions before the first children; a batch by default."""

    State = MapElitesState

    def __post_init__(self) -> None:
        positive(self, "batch_size", "centroids", "centroid_samples", "sigma")
        probability(self, "flip_probability")
        if self.iso_sigma < 0 or self.line_sigma < 0 or self.iso_sigma + self.line_sigma == 0:
            raise QDError(
                f"MapElites: iso_sigma {self.iso_sigma} and line_sigma {self.line_sigma}; wanted 0 or more, not both 0"
            )
        if self.initial < 0:
            raise QDError(f"MapElites.initial: got {self.initial}, wanted 0 or more")

    def init(self, problem: Problem, seed: int) -> MapElitesState:
        space = problem.space()
        wanted = {"bit_flip": Mask, "iso_line": Box, "gaussian": Box, "auto": Box | Mask}[self.operator]
        if not isinstance(space, wanted):
            raise QDError(f"MapElites.operator: {self.operator!r} does not vary {space!r}; it varies {wanted}")
        return MapElitesState(seed, space, self._archive(problem, space, seed))

    def _archive(self, problem: Problem, space: Space, seed: int) -> Any:
        measures = problem.measure_space
        if self.make_archive is not None:
            return self.make_archive(problem)
        if measures is None:
            raise QDError(f"MapElites: {problem.name} declares no measures, so there are no cells; give it a "
                          "measure_space")  # fmt: skip
        if self.archive == "cvt":
            from qd.interop.ribs import cvt_archive

            return cvt_archive(
                space.length, self.centroids, measures.ranges, self.centroid_samples, seed,
                solution_dtype=space.dtype, objective_dtype=np.float64, measures_dtype=np.float64, extra_fields=_ID,
            )  # fmt: skip
        from archives import GridArchive

        dims = self.dims or measures.dims
        if dims is None:
            raise QDError(f"MapElites.dims: {problem.name} suggests none; say how many cells a measure, e.g. (50, 50)")
        if len(dims) != measures.size:
            raise QDError(f"MapElites.dims: got {len(dims)} numbers {dims}, but there are {measures.size} measures "
                          f"{measures.names}")  # fmt: skip
        return GridArchive(
            solution_dim=space.length, dims=dims, ranges=measures.ranges, solution_dtype=space.dtype, extra_fields=_ID
        )

    def ask(self, state: MapElitesState, left: int) -> Request | None:
        if left <= 0:
            return None
        number = state.generation
        state.generation += 1
        first = number == 0
        if first or len(state.archive) == 0:
            rng = generator(state.seed, "sample", number)
            return Request(state.space.sample(self.initial or self.batch_size, rng), operators="sample")
        return self._children(state, number)

    def _children(self, state: MapElitesState, number: int) -> Request:
        import operators

        space, archive, n = state.space, state.archive, self.batch_size
        operator = self.operator
        if operator == "auto":
            operator = "bit_flip" if isinstance(space, Mask) else "iso_line"
        count = 2 if operator == "iso_line" else 1
        rng = generator(state.seed, "variation", number)
        if hasattr(archive, "sample_slots"):  # ours: children straight from the table, no copies of parents
            slots = archive.sample_slots(count * n, rng)
            table, ids = archive.column("solution"), archive.column("id")[slots]
        else:
            from qd.interop.ribs import sample

            drawn = sample(archive, count * n, rng)
            slots, table = np.arange(count * n), drawn["solution"]
            ids = drawn.get("id", np.full(count * n, -1))
        parents = ids.reshape(count, n).T  # (n, count)
        if isinstance(space, Mask):
            children = operators.bit_flip(table[slots[:n]], rng, self.flip_probability)
            children[:, list(space.frozen)] = 1
        elif operator == "gaussian":
            assert isinstance(space, Box)
            children = operators.gaussian(table[slots[:n]], rng, self.sigma, *space.bounds)
        else:
            assert isinstance(space, Box)
            children = operators.iso_line_from(
                table, slots[:n], slots[n:], rng, self.iso_sigma, self.line_sigma, *space.bounds
            )
        return Request(children, parents=parents, operators=operator)

    def tell(self, state: MapElitesState, request: Request, evaluation: Evaluation) -> None:
        solutions, objective, measures = np.asarray(request.solutions), evaluation.objective, evaluation.measures
        ids = request.ids
        if evaluation.status.any():
            ok = evaluation.ok
            solutions, objective, measures, ids = solutions[ok], objective[ok], measures[ok], ids[ok]
            if len(ids) == 0:
                return
        extra = {"id": ids} if "id" in state.archive.field_list else {}
        state.archive.add(solutions, objective, measures, **extra)

    def report(self, state: MapElitesState) -> Report:
        return Report({"elites": state.archive})
