"""Novelty search with local competition, Lehman and Stanley 2011, https://doi.org/10.1145/2001576.2001606.

Survival by Pareto fronts over novelty and local competition: how many of a solution's nearest neighbours in measure
space it beats. So what is ordinary in its corner may survive by being good there. Good for objectives that differ from
region to region; where nearly all objectives are equal, as in a maze with sparse reward, it is novelty search.
The paper ranks by NSGA-II with a third objective, genotypic diversity, in place of crowding distance; here crowding is
the default and the third objective a setting, since what counts as diverse in genes is the domain's. Its diversity
counts the creatures with a like number of nodes; ours is the mean distance to the nearest genomes of the generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Report
from qd.algorithms.novelty_search import NoveltySearch, NoveltySearchState
from qd.errors import QDError, nearest


@dataclass
class NSLCState(NoveltySearchState):
    """Novelty search's, and how well the population does among its neighbours."""

    local_competition: float = float("nan")  # mean of the last population, 0 to k


@dataclass(frozen=True)
class NSLC(NoveltySearch):
    """Keep what is far from everything seen so far, or better than what is near it.

    >>> NSLC(population_size=50, genotypic_diversity=True).ties
    'crowding'
    """

    ties: Literal["crowding", "novelty"] = "crowding"
    """Who goes first within a front: the least crowded, or the most novel."""
    genotypic_diversity: bool = False
    """A third objective, as in the paper: mean distance to the k nearest genomes of population and offspring."""

    State = NSLCState

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ties not in ("crowding", "novelty"):
            raise QDError(f"NSLC.ties: got {self.ties!r}, {nearest(str(self.ties), ('crowding', 'novelty'))}")

    def _ranked(
        self,
        state: NoveltySearchState,
        solutions: NDArray[Any],
        objective: NDArray[np.float64],
        measures: NDArray[np.float64],
        ids: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        import operators
        from archives.neighbors import novelty, novelty_and_competition

        assert isinstance(state, NSLCState)
        past = state.archive.data(["measures", "objective", "id"], return_type="tuple")
        novel, beaten = novelty_and_competition(
            measures,
            objective,
            np.concatenate([measures, past[0]]),
            np.concatenate([objective, past[1]]),
            self.neighbors,
            query_ids=ids,
            reference_ids=np.concatenate([ids, past[2]]),
        )
        goals = [np.minimum(novel, np.finfo(np.float64).max), beaten]  # who has no neighbour at all is infinitely novel
        if self.genotypic_diversity:
            apart = novelty(solutions, solutions, self.neighbors, query_ids=ids, reference_ids=ids)
            goals.append(np.minimum(apart, np.finfo(np.float64).max))
        order = operators.nslc_order(np.stack(goals, axis=1), "crowding" if self.ties == "crowding" else "first")
        state.local_competition = float(beaten[order[: self.population_size]].mean())
        return novel, order

    def report(self, state: NoveltySearchState) -> Report:
        assert isinstance(state, NSLCState)
        report = super().report(state)
        return Report(report.archives, {**report.metrics, "mean_local_competition": state.local_competition},
                      report.populations)  # fmt: skip
