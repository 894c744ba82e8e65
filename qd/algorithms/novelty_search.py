"""Novelty search, Lehman and Stanley 2011, https://doi.org/10.1162/EVCO_a_00025.

Selects for being different from the population and an archive of the past, and never reads the objective. Good for
deceptive and sparse rewards. Two forms of the archive: ``additions`` offspring a generation, drawn at random or the
most novel (Paolo et al.'s code for TAXONS, SERENE and STAX), or every one above a moving threshold (the classic).
We differ from that code in two ways: a solution is left out of its own neighbourhood by its number, where the code
drops the nearest point whatever it is; and a solution that is both archived and in the population counts once.
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

_RAISE, _LOWER = 1.2, 0.95  # of the threshold, when too many or none pass it


@dataclass
class NoveltySearchState:
    """The population with its measures, and the archive. ``ids`` are evaluation numbers."""

    seed: int
    space: Space
    archive: Any
    threshold: float
    generation: int = 0
    solutions: NDArray[Any] | None = None  # (n, d) population
    objective: NDArray[np.float64] | None = None  # (n,)
    measures: NDArray[np.float64] | None = None  # (n, m)
    ids: NDArray[np.int64] | None = None  # (n,)
    novelty: float = float("nan")  # mean of the last population


@dataclass(frozen=True)
class NoveltySearch(Algorithm):
    """Keep what is far from everything seen so far.

    >>> NoveltySearch(population_size=50).offspring
    2
    """

    population_size: int = 100
    """Solutions that survive a generation (M)."""
    offspring: int = 2
    """Children a parent and generation (m)."""
    neighbors: int = 15
    """Nearest neighbours that novelty averages over (k)."""
    archiving: Literal["random", "best", "threshold"] = "random"
    """What enters the archive: random offspring, the most novel ones, or all above a moving threshold."""
    additions: int = 5
    """Offspring a generation that enter the archive (lambda); with a threshold, the number it aims at."""
    novelty_threshold: float = 0.05
    """Where the threshold starts, in units of the measures."""
    survival: Literal["novelty", "pareto"] = "novelty"
    """Who survives: the most novel, or a Pareto choice of novelty and objective, as NSGA-II chooses (which then does
    read the objective)."""
    sigma: float = 0.05
    """Standard deviation of the Gaussian mutation of every gene."""
    flip_probability: float = 0.02
    """Of each gene, where solutions are masks."""

    State = NoveltySearchState

    def __post_init__(self) -> None:
        positive(self, "population_size", "offspring", "neighbors", "sigma", "novelty_threshold")
        probability(self, "flip_probability")
        if self.additions < 0:
            raise QDError(f"{self.name}.additions: got {self.additions}, wanted 0 or more")
        if self.survival not in ("novelty", "pareto"):
            raise QDError(f"{self.name}.survival: got {self.survival!r}, wanted 'novelty' or 'pareto'")

    def init(self, problem: Problem, seed: int) -> NoveltySearchState:
        from archives import NoveltyArchive

        space = problem.space()
        if not isinstance(space, Box | Mask):
            raise QDError(f"{self.name} varies real vectors and masks, not {space!r}")
        if problem.measure_space is None:
            raise QDError(f"{self.name}: {problem.name} declares no measures; give it a measure_space")
        archive = NoveltyArchive(
            solution_dim=space.length,
            measure_dim=problem.measure_space.size,
            k_neighbors=self.neighbors,
            solution_dtype=space.dtype,
            extra_fields={"id": ((), np.int64)},
        )
        state: NoveltySearchState = self.State(seed, space, archive, self.novelty_threshold)
        return state

    def ask(self, state: NoveltySearchState, left: int) -> Request | None:
        import operators

        if left <= 0:
            return None
        number = state.generation
        state.generation += 1
        if state.solutions is None or state.ids is None or len(state.ids) == 0:
            rng = generator(state.seed, "sample", number)
            return Request(state.space.sample(self.population_size, rng), operators="sample")
        rng = generator(state.seed, "variation", number)
        parents = np.repeat(np.arange(len(state.ids)), self.offspring)
        if isinstance(state.space, Box):
            children = operators.gaussian(state.solutions[parents], rng, self.sigma, *state.space.bounds)
            return Request(children, parents=state.ids[parents][:, None], operators="gaussian")
        children = operators.bit_flip(state.solutions[parents], rng, self.flip_probability)
        children[:, list(state.space.frozen)] = 1  # type: ignore[attr-defined]
        return Request(children, parents=state.ids[parents][:, None], operators="bit_flip")

    def tell(self, state: NoveltySearchState, request: Request, evaluation: Evaluation) -> None:
        ok = evaluation.ok
        born = (np.asarray(request.solutions)[ok], evaluation.objective[ok], evaluation.measures[ok], request.ids[ok])
        if state.solutions is None or state.ids is None or len(state.ids) == 0:
            state.solutions, state.objective, state.measures, state.ids = born
            return
        if len(born[3]) == 0:
            return
        assert state.objective is not None and state.measures is not None  # they come together
        first = len(state.ids)
        solutions = np.concatenate([state.solutions, born[0]])  # population, then offspring
        objective = np.concatenate([state.objective, born[1]])
        measures = np.concatenate([state.measures, born[2]])
        ids = np.concatenate([state.ids, born[3]])
        scores, order = self._ranked(state, solutions, objective, measures, ids)
        chosen = first + self._archived(state, request.number, scores[first:])
        if len(chosen):
            state.archive.append(solutions[chosen], objective[chosen], measures[chosen], id=ids[chosen])
        kept = order[: self.population_size]
        state.solutions, state.objective = solutions[kept], objective[kept]
        state.measures, state.ids = measures[kept], ids[kept]
        state.novelty = float(scores[kept].mean())

    def _ranked(
        self,
        state: NoveltySearchState,
        solutions: NDArray[Any],
        objective: NDArray[np.float64],
        measures: NDArray[np.float64],
        ids: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Novelty (n,) of population and offspring, and their order for survival."""
        import operators
        from archives.neighbors import novelty

        past = state.archive.data(["measures", "id"], return_type="tuple")
        scores = novelty(
            measures,
            np.concatenate([measures, past[0]]),
            self.neighbors,
            query_ids=ids,
            reference_ids=np.concatenate([ids, past[1]]),
        )
        if self.survival == "pareto":
            goals = np.stack([np.minimum(scores, np.finfo(np.float64).max), objective], axis=1)
            return scores, operators.crowded_truncation(goals, len(goals)).rows
        return scores, np.argsort(-scores, kind="stable")

    def _archived(self, state: NoveltySearchState, number: int, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which offspring enter the archive."""
        count = min(self.additions, len(scores))
        if self.archiving == "random":
            return generator(state.seed, "archive", number).permutation(len(scores))[:count]
        if self.archiving == "best":
            return np.argsort(-scores, kind="stable")[:count]
        passed = np.flatnonzero(scores > state.threshold)
        if len(passed) > self.additions:
            state.threshold *= _RAISE
        elif len(passed) == 0:
            state.threshold *= _LOWER
        return passed

    def report(self, state: NoveltySearchState) -> Report:
        metrics = {"archive_size": len(state.archive), "mean_novelty": state.novelty}
        if self.archiving == "threshold":
            metrics["novelty_threshold"] = state.threshold
        populations = {} if state.solutions is None else {"solutions": state.solutions, "measures": state.measures}
        return Report({"novelty": state.archive}, metrics, populations)
