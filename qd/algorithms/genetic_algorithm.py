"""A genetic algorithm: truncation or tournament selection, crossover, mutation, elitism.

Goldberg and Deb 1991 compare the selections; truncation with Gaussian mutation and no crossover is the search of
Such et al. 2017 (https://arxiv.org/abs/1712.06567) in its plain form. Good as a strong simple baseline on an objective
that leads the way. Elites keep the objective they were given; they are not evaluated again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box, Mask, Space


@dataclass
class GeneticAlgorithmState:
    """The population, best first. ``ids`` are evaluation numbers."""

    seed: int
    space: Space
    generation: int = 0
    solutions: NDArray[Any] | None = None  # (n, d)
    objective: NDArray[np.float64] | None = None  # (n,)
    ids: NDArray[np.int64] | None = None  # (n,)


@dataclass(frozen=True)
class GeneticAlgorithm(Algorithm):
    """Keep the best, vary them.

    >>> GeneticAlgorithm(population_size=50, elitism=2).selection
    'truncation'
    """

    population_size: int = 100
    """Solutions a generation, elites included."""
    selection: Literal["truncation", "tournament"] = "truncation"
    """How parents are chosen."""
    parents: int = 20
    """truncation: the best so many are parents, each equally likely."""
    tournament_size: int = 3
    """tournament: contestants for each parent."""
    elitism: int = 1
    """The best so many survive as they are."""
    crossover_probability: float = 0.0
    """Of a child having two parents, genes taken from either alike."""
    sigma: float = 0.05
    """Standard deviation of the Gaussian mutation of every gene."""
    flip_probability: float = 0.02
    """Of each gene, where solutions are masks."""

    State = GeneticAlgorithmState

    def __post_init__(self) -> None:
        positive(self, "population_size", "parents", "tournament_size", "sigma")
        probability(self, "crossover_probability", "flip_probability")
        if not 0 <= self.elitism < self.population_size:
            raise QDError(f"GeneticAlgorithm.elitism: got {self.elitism}, wanted 0 to population_size - 1")
        if self.selection == "truncation" and self.parents > self.population_size:
            raise QDError(f"GeneticAlgorithm.parents: got {self.parents} of a population of {self.population_size}")

    def init(self, problem: Problem, seed: int) -> GeneticAlgorithmState:
        space = problem.space()
        if not isinstance(space, Box | Mask):
            raise QDError(f"GeneticAlgorithm varies real vectors and masks, not {space!r}")
        return GeneticAlgorithmState(seed, space)

    def ask(self, state: GeneticAlgorithmState, left: int) -> Request | None:
        if left <= 0:
            return None
        number = state.generation
        state.generation += 1
        if state.solutions is None or len(state.solutions) == 0:
            rng = generator(state.seed, "sample", number)
            return Request(state.space.sample(self.population_size, rng), operators="sample")
        return self._children(state, generator(state.seed, "variation", number))

    def _children(self, state: GeneticAlgorithmState, rng: np.random.Generator) -> Request:
        import operators

        assert state.solutions is not None and state.objective is not None and state.ids is not None
        n = self.population_size - self.elitism
        if self.selection == "truncation":
            best = operators.truncation(state.objective, min(self.parents, len(state.objective)))
            pairs = best[rng.integers(0, len(best), (n, 2))]  # (n, 2)
        else:
            pairs = operators.tournament(state.objective, rng, 2 * n, self.tournament_size).reshape(n, 2)
        single = rng.random(n) >= self.crossover_probability
        pairs[single, 1] = pairs[single, 0]
        table, rows = state.solutions, pairs[:, 0]
        names = ["mutation"] * n
        crossed = np.flatnonzero(~single)
        if len(crossed):
            table, rows = table[rows], np.arange(n)
            table[crossed] = operators.uniform_crossover(table[crossed], state.solutions[pairs[crossed, 1]], rng)
            for row in crossed:
                names[row] = "crossover+mutation"
        if isinstance(state.space, Box):  # children straight from the parents' table, no copies of them
            children = operators.gaussian_from(table, rows, rng, self.sigma, *state.space.bounds)
        else:
            children = operators.bit_flip(table[rows], rng, self.flip_probability)
            children[:, list(state.space.frozen)] = 1  # type: ignore[attr-defined]
        return Request(children, parents=state.ids[pairs], operators=names if len(crossed) else "mutation")

    def tell(self, state: GeneticAlgorithmState, request: Request, evaluation: Evaluation) -> None:
        solutions, objective, ids = np.asarray(request.solutions), evaluation.objective, request.ids
        if evaluation.status.any():
            ok = evaluation.ok
            solutions, objective, ids = solutions[ok], objective[ok], ids[ok]
        if state.solutions is None or state.objective is None or state.ids is None:
            order = np.argsort(-objective, kind="stable")
            state.solutions, state.objective, state.ids = solutions[order], objective[order], ids[order]
            return
        if len(ids) == 0:
            return
        kept = min(self.elitism, len(state.ids))
        objective = np.concatenate([state.objective[:kept], objective])
        order = np.argsort(-objective, kind="stable")
        survivors = solutions[np.maximum(order - kept, 0)]  # one copy of the batch, then the elites in their places
        elite = np.flatnonzero(order < kept)
        survivors[elite] = state.solutions[order[elite]]
        state.solutions, state.objective = survivors, objective[order]
        state.ids = np.concatenate([state.ids[:kept], ids])[order]

    def report(self, state: GeneticAlgorithmState) -> Report:
        if state.solutions is None or state.objective is None or len(state.objective) == 0:
            return Report(metrics={"population_best": float("nan"), "population_mean": float("nan")})
        metrics = {"population_best": float(state.objective[0]), "population_mean": float(state.objective.mean())}
        return Report(metrics=metrics, populations={"solutions": state.solutions, "objective": state.objective})
