"""What a search discovered where rewards are sparse: ground covered, reward areas found, and what each cost.

Metrics of Paolo et al., SERENE (2021, https://arxiv.org/abs/2102.03140) and STAX (2022,
https://arxiv.org/abs/2111.01919), with their two blind spots opened: coverage is counted with and without what emitters
evaluate, and the best of an area over all evaluations, not over what some archive kept, so that every search is judged
alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request

REACHED = 0.95  # of an area's top reward, which is 1


class Discovery:
    """Counts over every told request of a problem that names its reward areas."""

    def __init__(self, areas: tuple[str, ...], cells: int) -> None:
        self.areas = areas
        k = len(areas)
        self.explored = np.zeros(cells, np.int64)  # visits a cell by exploration
        self.emitted = np.zeros(cells, np.int64)  # and by emitters
        self.best = np.zeros(k)
        self.touched = np.full(k, -1, np.int64)  # the evaluation number of the first reward there
        self.reached = np.full(k, -1, np.int64)  # and of the first of at least REACHED
        self.spent = np.zeros(k + 2, np.int64)  # evaluations: by emitters of each area, of none, by exploration
        self.founders = np.zeros(0, np.int64)  # evaluation numbers that were rewarded, rising, and where
        self.founded = np.zeros(0, np.int8)

    @staticmethod
    def of(problem: Problem) -> Discovery | None:
        """The counts for a problem, or None where it names no reward areas."""
        if not problem.reward_areas:
            return None
        space = problem.truth_space or problem.measure_space
        dims = space.dims if space else None
        return Discovery(tuple(problem.reward_areas), int(np.prod(dims)) if dims else 0)

    def record(self, request: Request, evaluation: Evaluation, cells: NDArray[np.int64] | None) -> None:
        """Take in one told request.

        Args:
            request, evaluation: with ``truth["reward_area"]``.
            cells: (n,) flat cells of the true measures; None where the problem has no grid.
        """
        ok = evaluation.ok
        emits = np.zeros(len(ok), np.bool_) if request.emitter is None else request.emitter >= 0
        if cells is not None and self.explored.size:
            np.add.at(self.explored, cells[ok & ~emits], 1)
            np.add.at(self.emitted, cells[ok & emits], 1)
        area = np.asarray(evaluation.truth.get("reward_area", np.full(len(ok), -1)), np.int64)  # all rows may be lost
        self._spend(request, emits)
        for row in np.flatnonzero(ok & (area >= 0)):
            self._reward(int(area[row]), float(evaluation.objective[row]), request.first + int(row))
        new = ok & (area >= 0)
        self.founders = np.concatenate([self.founders, request.ids[new]])
        self.founded = np.concatenate([self.founded, area[new].astype(np.int8)])

    def _reward(self, area: int, objective: float, number: int) -> None:
        self.best[area] = max(self.best[area], objective)
        if self.touched[area] < 0:
            self.touched[area] = number
        if self.reached[area] < 0 and objective >= REACHED:
            self.reached[area] = number

    def _spend(self, request: Request, emits: NDArray[np.bool_]) -> None:
        """Evaluations of emitters count for the area in which their founder was rewarded."""
        k = len(self.areas)
        self.spent[k + 1] += int(np.count_nonzero(~emits)) * request.repeats
        if not emits.any() or request.emitter is None:
            return
        founder = request.emitter[emits]
        at = np.minimum(np.searchsorted(self.founders, founder), max(len(self.founders) - 1, 0))
        known = self.founders[at] == founder if len(self.founders) else np.zeros(len(founder), np.bool_)
        where = np.where(known, self.founded[at], k) if len(self.founders) else np.full(len(founder), k)
        self.spent[: k + 1] += np.bincount(where, minlength=k + 1)[: k + 1] * request.repeats

    @property
    def coverage(self) -> float:
        """Share of the true grid's cells that any evaluation visited."""
        return float(((self.explored + self.emitted) > 0).mean()) if self.explored.size else float("nan")

    @property
    def coverage_exploration(self) -> float:
        """Share of the true grid's cells that exploration visited; what emitters evaluated is left out."""
        return float((self.explored > 0).mean()) if self.explored.size else float("nan")

    @property
    def uniformity(self) -> float:
        """1 less the Jensen-Shannon distance (base 2) of exploration's visits from even ones; 1 is even."""
        visits = self.explored.sum()
        if visits == 0:
            return float("nan")
        p = self.explored / visits
        even = 1.0 / len(p)
        middle = 0.5 * (p + even)
        seen = p > 0
        divergence = 0.5 * float(
            (p[seen] * np.log2(p[seen] / middle[seen])).sum() + (even * np.log2(even / middle)).sum()
        )
        return 1.0 - float(np.sqrt(max(divergence, 0.0)))

    def metrics(self) -> dict[str, float]:
        """The columns of metrics.csv."""
        total = max(int(self.spent.sum()), 1)
        return {
            "coverage_all": self.coverage,
            "coverage_exploration": self.coverage_exploration,
            "uniformity": self.uniformity,
            **{f"best_{_column(name)}": float(best) for name, best in zip(self.areas, self.best, strict=True)},
            **{f"share_{_column(name)}": float(self.spent[i]) / total for i, name in enumerate(self.areas)},
            "share_exploration": float(self.spent[-1]) / total,
        }

    def summary(self) -> dict[str, Any]:
        """The part of summary.json: None where an area was not found; counts are of evaluations."""
        number = [
            {
                "name": name,
                "best": float(self.best[i]),
                "touched_after": int(self.touched[i]) + 1 if self.touched[i] >= 0 else None,
                "reached_after": int(self.reached[i]) + 1 if self.reached[i] >= 0 else None,
                "emitter_evaluations": int(self.spent[i]),
            }
            for i, name in enumerate(self.areas)
        ]
        return {
            "coverage_all": self.coverage,
            "coverage_exploration": self.coverage_exploration,
            "uniformity": self.uniformity,
            "exploration_evaluations": int(self.spent[-1]),
            "reward_areas": number,
        }


def _column(name: str) -> str:
    return name.replace(" ", "_").replace(",", "")
