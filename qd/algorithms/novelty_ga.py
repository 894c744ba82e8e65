"""GA-NS, the genetic algorithm on novelty: Such et al. 2017, https://arxiv.org/abs/1712.06567.

Deep GA's truncation selection and mutation on lineages, with novelty in place of the objective, which is only reported.
A solution is as novel as its measures are far from the nearest of the population and the archive (Lehman and Stanley
2011). Each child enters the archive with a small probability; the most novel solution lives on as elite, and is scored
anew every generation, because novelty is relative.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.algorithms._lineage_parents import LineageState, joined, lineage_space, next_generation, nobody
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.ragged import Ragged
from qd.rng import generator


@dataclass
class NoveltyGAState(LineageState):
    """The elite and the archive, beside the parents. The archive's solutions are rows of ``archived``."""

    archive: Any = None
    archived: Ragged = field(default_factory=nobody)
    elite: Ragged = field(default_factory=nobody)  # one row, or none
    elite_measures: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    elite_id: int = -1
    novelty: float = float("nan")  # mean of the parents'
    best: float = float("nan")  # objective of the last population's best


@dataclass(frozen=True)
class NoveltyGA(Algorithm):
    """Truncation selection and Gaussian mutation on lineages, by novelty. The defaults are the paper's for its maze.

    >>> NoveltyGA(population_size=200, parents=20).neighbors
    25
    """

    population_size: int = 20_000
    """Children a generation."""
    parents: int = 61
    """The most novel so many are parents, each equally likely."""
    sigma: float = 0.005
    """Standard deviation of the mutation of every weight."""
    neighbors: int = 25
    """Novelty is the mean distance to so many nearest."""
    squared: bool = True
    """Take the mean of squared distances."""
    archive_probability: float = 0.01
    """With which each child enters the archive."""

    State = NoveltyGAState

    def __post_init__(self) -> None:
        positive(self, "population_size", "parents", "sigma", "neighbors")
        probability(self, "archive_probability")
        if self.parents > self.population_size:
            raise QDError(f"NoveltyGA.parents: got {self.parents} of a population of {self.population_size}")

    def init(self, problem: Problem, seed: int) -> NoveltyGAState:
        from archives import NoveltyArchive

        space = lineage_space(self.name, problem)
        if problem.measure_space is None:
            raise QDError(f"NoveltyGA: {problem.name} declares no measures; give it a measure_space")
        m = problem.measure_space.size
        archive = NoveltyArchive(solution_dim=1, measure_dim=m, k_neighbors=self.neighbors, solution_dtype=np.int64,
                                 extra_fields={"id": ((), np.int64)})  # fmt: skip
        return NoveltyGAState(seed, space, archive=archive, elite_measures=np.zeros((0, m)))

    def ask(self, state: NoveltyGAState, left: int) -> Request | None:
        return next_generation(state, self.population_size, self.sigma) if left > 0 else None

    def tell(self, state: NoveltyGAState, request: Request, evaluation: Evaluation) -> None:
        ok = np.flatnonzero(evaluation.ok)
        if len(ok) == 0:
            return
        assert isinstance(request.solutions, Ragged)
        state.best = float(evaluation.objective[ok].max())
        there = len(state.elite)  # the elite first, then the children
        pool = joined(state.elite, request.solutions[ok])
        measures = np.concatenate([state.elite_measures, evaluation.measures[ok]])
        ids = np.concatenate([np.full(there, state.elite_id), request.ids[ok]])
        scores = self._novelty(state, measures, ids)
        order = np.argsort(-scores, kind="stable")[: self.parents]
        state.parents, state.parent_ids = pool[order], ids[order]
        state.novelty = float(scores[order].mean())
        state.elite, state.elite_measures, state.elite_id = pool[order[:1]], measures[order[:1]], int(ids[order[0]])
        joins = generator(state.seed, "archive", request.number).random(len(request))[ok] < self.archive_probability
        chosen = there + np.flatnonzero(joins)
        if len(chosen):
            handles = len(state.archived) + np.arange(len(chosen))
            state.archived = joined(state.archived, pool[chosen])
            state.archive.append(handles[:, None], evaluation.objective[ok][joins], measures[chosen], id=ids[chosen])

    def _novelty(
        self, state: NoveltyGAState, measures: NDArray[np.float64], ids: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n,) among the population and the archive, nobody being their own neighbour."""
        from archives.neighbors import nearest

        known = np.concatenate([measures, state.archive.column("measures")])
        known_ids = np.concatenate([ids, state.archive.column("id")])
        distances, _ = nearest(measures, known, self.neighbors, query_ids=ids, reference_ids=known_ids)
        there = np.isfinite(distances)
        total = np.where(there, distances**2 if self.squared else distances, 0.0).sum(axis=1)
        return total / np.maximum(1, there.sum(axis=1))

    def report(self, state: NoveltyGAState) -> Report:
        lengths = state.parents.lengths
        metrics = {
            "archive_size": float(len(state.archive)),
            "mean_novelty": state.novelty,
            "population_best": state.best,
            "mutations_longest": float(lengths.max() / 2 - 1) if len(lengths) else 0.0,
        }
        populations = {
            "parents_words": state.parents.values,
            "parents_offsets": state.parents.offsets,
            "archived_words": state.archived.values,
            "archived_offsets": state.archived.offsets,
        }
        return Report({"novelty": state.archive}, metrics, populations)
