"""MOME: multi-objective MAP-Elites, Pierrot, Richard, Beguir and Cully 2022, https://arxiv.org/abs/2202.03057.

MAP-Elites whose cells hold a Pareto front each: for every kind of behaviour, all good trade-offs. Parents are drawn by
a cell first, all alike, then a member of its front. Differs from the paper in that a full front gives up its most
crowded member by default, where the paper takes a random one (``replacement="random"``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from qd.algorithm import Algorithm, Report, positive, probability
from qd.algorithms._children import check_iso_line, children_of, operator_of
from qd.algorithms.nsga2 import reference_point
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box, Mask, Space

_ID = {"id": ((), np.int64)}  # the evaluation number of each elite


@dataclass
class MOMEState:
    """The archive, and which generation comes next."""

    seed: int
    space: Space
    archive: Any
    generation: int = 0


@dataclass(frozen=True)
class MOME(Algorithm):
    """An archive of Pareto fronts and children of their members.

    Hypervolumes are measured from the setting ``reference_point``, else the problem's own, else the worst value of each
    objective in the first generation that has any good row. The QD score is the MOQD score: the sum over the cells.

    >>> MOME(batch_size=64, dims=(16, 16)).front_size
    50
    """

    batch_size: int = 256
    """Children a generation."""
    archive: Literal["grid", "cvt"] = "grid"
    """Cells: a regular grid, or centroids spread by k-means (for more than three measures)."""
    dims: tuple[int, ...] = ()
    """Cells a measure of the grid; the problem's own declaration by default."""
    centroids: int = 128
    """Cells of the cvt archive."""
    centroid_samples: int = 10_000
    """Random points that place the centroids; k-means over many is slow."""
    front_size: int = 50
    """Members that a cell's front may have; 0 for any number."""
    replacement: Literal["crowding", "random"] = "crowding"
    """Who leaves a full front: its most crowded member, or a random one."""
    selection: Literal["uniform", "crowding"] = "uniform"
    """Which member of a cell becomes a parent: any, or the less crowded of any two."""
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
    reference_point: tuple[float, ...] = ()
    """What hypervolumes are measured from, a number an objective; see above for the default."""

    State = MOMEState
    several_objectives = True

    def __post_init__(self) -> None:
        positive(self, "batch_size", "centroids", "centroid_samples", "sigma")
        probability(self, "flip_probability")
        check_iso_line(self)
        for name in ("initial", "front_size"):
            if getattr(self, name) < 0:
                raise QDError(f"MOME.{name}: got {getattr(self, name)}, wanted 0 or more")

    def init(self, problem: Problem, seed: int) -> MOMEState:
        space = problem.space()
        if len(problem.objectives) < 2:
            raise QDError(f"MOME: {problem.name} has one objective, {problem.objectives[0]!r}; wanted several. "
                          "MapElites is the like for one")  # fmt: skip
        wanted = {"bit_flip": Mask, "iso_line": Box, "gaussian": Box, "auto": Box | Mask}[self.operator]
        if not isinstance(space, wanted):
            raise QDError(f"MOME.operator: {self.operator!r} does not vary {space!r}; it varies {wanted}")
        return MOMEState(seed, space, self._archive(problem, space, seed))

    def _archive(self, problem: Problem, space: Space, seed: int) -> Any:
        from archives import ParetoArchive

        measures = problem.measure_space
        if measures is None:
            raise QDError(f"MOME: {problem.name} declares no measures, so there are no cells; give it a measure_space, "
                          "or search with NSGA2")  # fmt: skip
        cells: dict[str, Any] = {}
        if self.archive == "cvt":
            from qd.interop.ribs import cvt_archive

            tiles = cvt_archive(1, self.centroids, measures.ranges, self.centroid_samples, seed)
            cells["centroids"] = tiles.centroids
        else:
            cells["dims"] = dims = self.dims or measures.dims
            if dims is None:
                raise QDError(f"MOME.dims: {problem.name} suggests none; say how many cells a measure, e.g. (16, 16)")
            if len(dims) != measures.size:
                raise QDError(f"MOME.dims: got {len(dims)} numbers {dims}, but there are {measures.size} measures "
                              f"{measures.names}")  # fmt: skip
        return ParetoArchive(
            solution_dim=space.length, solution_dtype=space.dtype, objective_dim=len(problem.objectives),
            ranges=measures.ranges, front_size=self.front_size or None, replacement=self.replacement,
            reference_point=reference_point(self, problem), extra_fields=_ID, seed=seed % 2**63, **cells,
        )  # fmt: skip

    def ask(self, state: MOMEState, left: int) -> Request | None:
        if left <= 0:
            return None
        number = state.generation
        state.generation += 1
        if number == 0 or len(state.archive) == 0:
            rng = generator(state.seed, "sample", number)
            return Request(state.space.sample(self.initial or self.batch_size, rng), operators="sample")
        return self._children(state, generator(state.seed, "variation", number))

    def _children(self, state: MOMEState, rng: np.random.Generator) -> Request:
        space, archive, n = state.space, state.archive, self.batch_size
        operator, count = operator_of(space, self.operator)
        slots = archive.sample_slots(count * n, rng, crowding=self.selection == "crowding").reshape(count, n)
        children = children_of(self, space, operator, archive.column("solution"), slots, rng)
        return Request(children, parents=archive.column("id")[slots].T, operators=operator)

    def tell(self, state: MOMEState, request: Request, evaluation: Evaluation) -> None:
        ok = evaluation.ok
        if not ok.any():
            return
        objective = evaluation.objective[ok]
        if state.archive.reference_point is None:
            state.archive.reference_point = objective.min(axis=0)
        state.archive.add(np.asarray(request.solutions)[ok], objective, evaluation.measures[ok], id=request.ids[ok])

    def report(self, state: MOMEState) -> Report:
        sizes = state.archive.front_sizes
        metrics = {
            "hypervolume": state.archive.hypervolume,
            "elites": float(len(state.archive)),
            "front_size_mean": float(sizes.mean()) if len(sizes) else 0.0,
            "front_size_max": float(sizes.max()) if len(sizes) else 0.0,
        }
        return Report({"elites": state.archive}, metrics)


__all__ = ["MOME", "MOMEState"]
