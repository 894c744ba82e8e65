"""NSGA-II, Deb, Pratap, Agarwal and Meyarivan 2002, https://doi.org/10.1109/4235.996017.

A population moves toward the Pareto front of several objectives and spreads along it: parents by binary tournaments on
(front, crowding distance), children by simulated binary crossover and polynomial mutation (masks: uniform crossover and
bit flips), survivors out of parents and children by the same order. Good for two or three objectives; with many nearly
everything is on the first front and only crowding is left to choose by. Rows equal in all objectives but for the
first have crowding distance 0, so that copies go before anything else on their front; the paper does not say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box, Mask, Space


@dataclass
class NSGA2State:
    """The population in crowded order, best first. ``ids`` are evaluation numbers."""

    seed: int
    space: Space
    objective_count: int
    reference: NDArray[np.float64] | None = None  # (k,) what the hypervolume is measured from
    generation: int = 0
    solutions: NDArray[Any] | None = None  # (n, d)
    objective: NDArray[np.float64] | None = None  # (n, k)
    measures: NDArray[np.float64] | None = None  # (n, m)
    ids: NDArray[np.int64] | None = None  # (n,)
    rank: NDArray[np.int64] | None = None  # (n,) front, among parents and children together
    crowding: NDArray[np.float64] | None = None  # (n,)


@dataclass(frozen=True)
class NSGA2(Algorithm):
    """Successive fronts, and crowding within them.

    The metric ``hypervolume`` is that of the first front from a reference point: the setting's, else the problem's
    ``reference_point``, else the worst value of each objective in the first generation that has any good row, kept from
    then on. Above five objectives it is approximate (``operators.hypervolume``).

    >>> NSGA2(population_size=50).crossover_eta
    15.0
    """

    population_size: int = 100
    """Solutions that survive, and children a generation."""
    crossover_probability: float = 0.9
    """Of a pair of parents to be crossed."""
    gene_crossover_probability: float = 0.5
    """Real vectors: of each gene of such a pair."""
    crossover_eta: float = 15.0
    """Real vectors: larger keeps children nearer to their parents."""
    mutation_probability: float | None = None
    """Of each gene; one gene a solution on average by default."""
    mutation_eta: float = 20.0
    """Real vectors: larger makes smaller steps."""
    reference_point: tuple[float, ...] = ()
    """What the hypervolume is measured from, a number an objective; see above for the default."""

    State = NSGA2State
    several_objectives = True

    def __post_init__(self) -> None:
        positive(self, "population_size")
        probability(self, "crossover_probability", "gene_crossover_probability")
        if self.mutation_probability is not None:
            probability(self, "mutation_probability")
        for name in ("crossover_eta", "mutation_eta"):
            if not 0 <= getattr(self, name) < np.inf:
                raise QDError(f"NSGA2.{name}: got {getattr(self, name)!r}, wanted a finite number of at least 0")

    def init(self, problem: Problem, seed: int) -> NSGA2State:
        space, k = problem.space(), len(problem.objectives)
        if k < 2:
            raise QDError(f"NSGA2: {problem.name} has one objective, {problem.objectives[0]!r}; wanted several. "
                          "GeneticAlgorithm is the like for one")  # fmt: skip
        if not isinstance(space, Box | Mask):
            raise QDError(f"NSGA2 varies real vectors and masks, not {space!r}")
        if isinstance(space, Box) and not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            raise QDError(f"NSGA2: {space!r} has infinite bounds; polynomial mutation goes by their distance, wanted "
                          "finite ones")  # fmt: skip
        return NSGA2State(seed, space, k, reference_point(self, problem))

    def ask(self, state: NSGA2State, left: int) -> Request | None:
        if left <= 0:
            return None
        number = state.generation
        state.generation += 1
        if state.solutions is None:
            rng = generator(state.seed, "sample", number)
            return Request(state.space.sample(self.population_size, rng), operators="sample")
        return self._children(state, generator(state.seed, "variation", number))

    def _children(self, state: NSGA2State, rng: np.random.Generator) -> Request:
        import operators

        assert state.solutions is not None and state.ids is not None
        assert state.rank is not None and state.crowding is not None
        n, space = self.population_size, state.space
        winners = operators.crowded_tournament(state.rank, state.crowding, rng, 2 * -(-n // 2)).reshape(-1, 2)
        first, second = state.solutions[winners[:, 0]], state.solutions[winners[:, 1]]  # (pairs, d)
        mutation = 1.0 / space.length if self.mutation_probability is None else self.mutation_probability
        if isinstance(space, Box):
            low, high = space.bounds
            children = operators.simulated_binary_crossover(
                first, second, rng, self.crossover_eta, self.crossover_probability, self.gene_crossover_probability,
                low, high,
            )  # fmt: skip
            born = np.stack(children, axis=1).reshape(-1, space.length)[:n]  # the children of a pair side by side
            born = operators.polynomial_mutation(born, rng, low, high, self.mutation_eta, mutation)
        else:
            crossed = rng.random((len(first), 1)) < self.crossover_probability
            taken = operators.uniform_crossover(np.ones_like(first), np.zeros_like(first), rng) | ~crossed
            born = np.stack([np.where(taken, first, second), np.where(taken, second, first)], axis=1)
            born = operators.bit_flip(born.reshape(-1, space.length)[:n], rng, mutation)
            born[:, list(space.frozen)] = 1  # type: ignore[attr-defined]
        return Request(born, parents=np.repeat(state.ids[winners], 2, axis=0)[:n], operators="crossover+mutation")

    def tell(self, state: NSGA2State, request: Request, evaluation: Evaluation) -> None:
        import operators

        ok = evaluation.ok
        if not ok.any():
            return
        solutions, objective = np.asarray(request.solutions)[ok], evaluation.objective[ok]
        measures, ids = evaluation.measures[ok], request.ids[ok]
        if state.reference is None:
            state.reference = objective.min(axis=0)
        if state.solutions is not None:
            assert state.objective is not None and state.measures is not None and state.ids is not None
            solutions = np.concatenate([state.solutions, solutions])
            objective = np.concatenate([state.objective, objective])
            measures = np.concatenate([state.measures, measures])
            ids = np.concatenate([state.ids, ids])
        rows, state.rank, state.crowding = operators.crowded_truncation(objective, self.population_size)
        state.solutions, state.objective = solutions[rows], objective[rows]
        state.measures, state.ids = measures[rows], ids[rows]

    def report(self, state: NSGA2State) -> Report:
        from archives import ParetoArchive

        if state.solutions is None:
            return Report(metrics={"hypervolume": float("nan"), "front_size": 0.0})
        assert state.objective is not None and state.measures is not None and state.ids is not None
        first = np.asarray(state.rank) == 0
        front = ParetoArchive(
            solution_dim=state.space.length, solution_dtype=state.space.dtype, objective_dim=state.objective_count,
            measure_dim=state.measures.shape[1], front_size=None, extra_fields={"id": ((), np.int64)},
            reference_point=state.reference,
        )  # fmt: skip
        front.add(state.solutions[first], state.objective[first], state.measures[first], id=state.ids[first])
        metrics = {"hypervolume": front.hypervolume, "front_size": float(first.sum())}
        populations = {"solutions": state.solutions, "objective": state.objective}
        return Report({"front": front}, metrics, populations)


def reference_point(settings: Any, problem: Problem) -> NDArray[np.float64] | None:
    """(k,) the reference point of the settings, else of the problem, else None. QDError for a wrong one."""
    given = settings.reference_point or getattr(problem, "reference_point", ())
    if len(given) == 0:
        return None
    point = np.asarray(given, np.float64)
    if point.shape != (len(problem.objectives),) or not np.isfinite(point).all():
        raise QDError(f"{settings.name}.reference_point: got {tuple(given)}, wanted a finite number for each of "
                      f"{problem.objectives}")  # fmt: skip
    return point


__all__ = ["NSGA2", "NSGA2State"]
