"""Dominated novelty search, Bahlous-Boldi, Faldor, Grillotti, Janmohamed, Coiffard, Spector and Cully 2025.

https://arxiv.org/abs/2502.00593. A population survives by dominated novelty: the mean distance in measure space to the
k nearest solutions that are no worse; infinite for the best. It spreads as MAP-Elites does, without cells, bounds or a
threshold, so it suits measures of unknown range and of any number, learned ones too. Two rows of equal objective count
for each other, where the paper's text asks for a strictly better one (see `archives.dominated`). Children are made as
in MAP-Elites: evenly drawn parents, iso+line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.algorithms._children import check_iso_line, children_of, operator_of
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box, Mask, Space


@dataclass
class DominatedNoveltySearchState:
    """The population with its scores, as of the last tell. ``ids`` are evaluation numbers."""

    seed: int
    space: Space
    solutions: NDArray[Any]  # (n, d)
    objective: NDArray[np.float64]  # (n,)
    measures: NDArray[np.float64]  # (n, m)
    ids: NDArray[np.int64]  # (n,)
    scores: NDArray[np.float64]  # (n,) dominated novelty when they survived, inf for the best
    generation: int = 0


@dataclass(frozen=True)
class DominatedNoveltySearch(Algorithm):
    """Keep what is far from everything better.

    >>> DominatedNoveltySearch(population_size=500).neighbors
    3
    """

    population_size: int = 1024
    """Solutions that survive a generation."""
    batch_size: int = 256
    """Children a generation."""
    neighbors: int = 3
    """Nearest solutions no worse that the score averages over (k)."""
    iso_sigma: float = 0.01
    """Real vectors: standard deviation of the isotropic part."""
    line_sigma: float = 0.2
    """Real vectors: standard deviation of the step along the line to a second parent."""
    flip_probability: float = 0.02
    """Of each gene, where solutions are masks."""

    State = DominatedNoveltySearchState

    def __post_init__(self) -> None:
        positive(self, "population_size", "batch_size", "neighbors")
        probability(self, "flip_probability")
        check_iso_line(self)

    def init(self, problem: Problem, seed: int) -> DominatedNoveltySearchState:
        space = problem.space()
        if not isinstance(space, Box | Mask):
            raise QDError(f"{self.name} varies real vectors and masks, not {space!r}")
        if problem.measure_space is None:
            raise QDError(f"{self.name}: {problem.name} declares no measures; give it a measure_space")
        m = problem.measure_space.size
        return DominatedNoveltySearchState(
            seed, space, np.empty((0, space.length), space.dtype), np.empty(0), np.empty((0, m)),
            np.empty(0, np.int64), np.empty(0),
        )  # fmt: skip

    def ask(self, state: DominatedNoveltySearchState, left: int) -> Request | None:
        if left <= 0:
            return None
        number = state.generation
        state.generation += 1
        if len(state.ids) == 0:
            return Request(state.space.sample(self.batch_size, generator(state.seed, "sample", number)),
                           operators="sample")  # fmt: skip
        rng = generator(state.seed, "variation", number)
        operator, count = operator_of(state.space)
        rows = rng.integers(0, len(state.ids), (count, self.batch_size))
        children = children_of(self, state.space, operator, state.solutions, rows, rng)
        return Request(children, parents=state.ids[rows.T], operators=operator)

    def tell(self, state: DominatedNoveltySearchState, request: Request, evaluation: Evaluation) -> None:
        from archives.dominated import dominated_novelty

        ok = evaluation.ok
        if not ok.any():
            return
        solutions = np.concatenate([state.solutions, np.asarray(request.solutions)[ok]])  # population, then children
        objective = np.concatenate([state.objective, evaluation.objective[ok]])
        measures = np.concatenate([state.measures, evaluation.measures[ok]])
        ids = np.concatenate([state.ids, request.ids[ok]])
        scores = dominated_novelty(measures, objective, self.neighbors)
        kept = np.argsort(-scores, kind="stable")[: self.population_size]  # of equal ones the older stays
        state.solutions, state.objective, state.measures = solutions[kept], objective[kept], measures[kept]
        state.ids, state.scores = ids[kept], scores[kept]

    def report(self, state: DominatedNoveltySearchState) -> Report:
        finite = state.scores[np.isfinite(state.scores)]
        metrics = {
            "population_mean": float(state.objective.mean()) if len(state.ids) else float("nan"),
            "mean_dominated_novelty": float(finite.mean()) if len(finite) else float("nan"),
        }
        names = ("solutions", "objective", "measures", "ids")
        return Report(metrics=metrics, populations={name: getattr(state, name) for name in names})
