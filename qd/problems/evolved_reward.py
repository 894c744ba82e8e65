"""Evolve what to reward, judge by what is true: the outer problem of optimal rewards.

Singh, Lewis and Barto 2009 (where do rewards come from); Niekum, Barto and Spector 2010 (reward programs).
A solution is a reward. Learners are trained with it from nothing, on several layouts and seeds, and it is judged by
their **true** success while they learn: the reward never enters its own objective, and the true success never enters
the reward but by ``sparse``, which all rewards share.

    objective = area under the curve of true success + 1e-3 earliness of the first success + 1e-6 coverage

so that a reward whose learners fail alike is still told from one whose learners at least get about: where nothing
succeeds an outer search would see noise. What counts is the first summand, which is the column ``area``.

Purposes: ``search`` and ``validate`` train on the search layouts, ``select`` on the same with fresh seeds, more of
them, and ``test`` on layouts that no search has seen. ``qd.algorithms.Selected`` makes the last two requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request, Status
from qd.errors import QDError, nearest
from qd.learners.learner import CURVE_POINTS, Learned, Learner
from qd.learners.q_learning import QLearning
from qd.learners.task import Task
from qd.rewards.reward import RewardForm
from qd.rng import derived_seeds
from qd.space import Measures, Space

HELD_OUT = 1_000_000  # the number of the first layout that is held out
CELLS = 4  # rows a call
_COLUMNS = {
    "area": "area under the curve of true success, from 0 to 1: what results report",
    "final": "true success of the trained policies",
    "curve": f"true success at {CURVE_POINTS} equal distances in training",
    "correlation": "rank correlation of shaped and true return over training episodes",
    "farming": "share of the best paid tenth of training episodes that did not succeed",
    "held_out_success": "true success of the trained policies on held-out layouts; NaN for other purposes",
    "second_learner": "the same, trained by the second learner; NaN where there is none",
}


@dataclass(frozen=True)
class EvolvedReward(Problem):
    """Rewards for a family of layouts, judged by the true success of what they teach.

    >>> from qd.learners import KeyDoor
    >>> from qd.rewards import Feature, Reward
    >>> problem = EvolvedReward(KeyDoor(), Reward((Feature("toward_key"), Feature("bump"))))
    >>> problem.space().length
    2
    """

    task: Task
    """The family of layouts."""
    reward: RewardForm
    """What a reward is made of; its genes are the solution."""
    learner: Learner = field(default_factory=QLearning)
    """Who is trained with it."""
    layouts: int = 3
    """Search layouts."""
    seeds: int = 2
    """Learners on each of them."""
    select_seeds: int = 8
    """Learners on each search layout when the best are evaluated anew."""
    held_out: int = 12
    """Layouts of the test."""
    test_seeds: int = 8
    """Learners on each of those."""
    sparse: float = 1.0
    """What true success is paid, beside the reward."""
    second: Learner | None = None
    """Another learner that the test trains too: does the reward teach it as well?"""
    limit: float = 1e6
    """A reward that pays more than this in a step is refused."""

    fidelities = MappingProxyType({"steps": "environment steps of an inner learner; a share of the full number"})
    columns = MappingProxyType(_COLUMNS)
    test_columns = ("curve",)
    test_metrics = ("held_out_success", "area", "second_learner", "correlation", "farming")
    measure_space = Measures(("episode length", "places reached"), (0.0, 0.0), (1.0, 1.0), dims=(20, 20))
    batching = "rows"
    releases_gil = True
    chunk_size = CELLS

    def __post_init__(self) -> None:
        for name in ("layouts", "seeds", "select_seeds", "held_out", "test_seeds"):
            if getattr(self, name) < 1:
                raise QDError(f"EvolvedReward.{name}: got {getattr(self, name)}, wanted at least 1")
        if self.layouts > HELD_OUT:
            raise QDError(f"EvolvedReward.layouts: got {self.layouts}, wanted at most {HELD_OUT}")
        for name in ("learner", "second"):
            learner = getattr(self, name)
            if learner is not None and not isinstance(self.task, learner.learns):
                raise QDError(f"EvolvedReward.{name}: {type(learner).__name__} learns a {learner.learns.__name__}, and "
                              f"{type(self.task).__name__} is none; take one that learns it, such as "
                              "qd.learners.PolicySearch")  # fmt: skip
        known = [variable.name for variable in self.task.variables]
        for name in self.reward.needs:
            if name not in known and name != "visits":
                raise QDError(f"EvolvedReward.reward: {type(self.task).__name__} has no variable {name!r}, "
                              f"{nearest(name, known)}")  # fmt: skip
        for number in (*range(self.layouts), *range(HELD_OUT, HELD_OUT + self.held_out)):
            self.task.solvable(number)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """The reward's."""
        return self.reward.space

    @cached_property
    def start(self) -> Any:
        """(1, d) the reward that a person would begin with: the test shows it beside the winner."""
        return self.reward.start()

    @cached_property
    def costs(self) -> dict[str, float]:  # type: ignore[override]
        """Environment steps of a search evaluation, testing of the policies included."""
        return {"steps": float(self._cells("search") * self.learner.most_steps(self.task, self.learner.steps))}

    def cost_bounds(self, request: Request) -> dict[str, NDArray[np.float64]]:
        steps = np.broadcast_to(request.fidelity.get("steps", self.learner.steps), (len(request),))
        most = np.array([self.learner.most_steps(self.task, int(budget)) for budget in steps], np.float64)
        if request.purpose == "test" and self.second is not None:
            most += self.second.most_steps(self.task, self.second.steps)
        return {"steps": most * self._cells(request.purpose) * request.repeats}

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        n, test = len(request), request.purpose == "test"
        reasons = self._refused(request)
        good = np.array([row for row in range(n) if row not in reasons], np.int64)
        result = Evaluation(
            np.full(n, np.nan),
            np.full((n, 2), np.nan),
            np.array([Status.INVALID if row in reasons else Status.OK for row in range(n)], np.int8),
            columns={name: np.full((n, CURVE_POINTS) if name == "curve" else n, np.nan) for name in _COLUMNS},
            cost={"steps": np.zeros(n)},
            reasons=reasons,
        )
        steps = np.broadcast_to(request.fidelity.get("steps", self.learner.steps), (n,))
        for budget in np.unique(steps[good]):
            rows = good[steps[good] == budget]
            learned = self._trained(self.learner, request, rows, seeds, int(budget))
            self._fill(result, rows, learned, int(budget), test)
        if test and self.second is not None and len(good):
            again = self._trained(self.second, request, good, seeds, self.second.steps)
            result.columns["second_learner"][good] = again.final.reshape(len(good), -1).mean(axis=1)
            result.cost["steps"][good] += again.steps.reshape(len(good), -1).sum(axis=1)
        return result

    def _cells(self, purpose: str) -> int:
        """Learners of one evaluation."""
        layouts = self.held_out if purpose == "test" else self.layouts
        return layouts * {"test": self.test_seeds, "select": self.select_seeds}.get(purpose, self.seeds)

    def _refused(self, request: Request) -> dict[int, str]:
        """Row -> why its reward is not worth a step of training: it is not finite, or beyond all bounds."""
        probe = self.task.probe(HELD_OUT if request.purpose == "test" else 0)
        with np.errstate(all="ignore"):
            paid = self.reward.values(request.solutions, probe)
        reasons = {}
        for row in range(len(request)):
            wrong = ~np.isfinite(paid[row])
            if wrong.any():
                reasons[row] = f"the reward is not finite on {int(wrong.sum())} of {paid.shape[1]} steps"
            elif (most := np.abs(paid[row]).max()) > self.limit:
                reasons[row] = f"the reward pays {most:.3g} in a step, more than limit = {self.limit:g}"
        return reasons

    def _trained(
        self, learner: Learner, request: Request, rows: NDArray[np.int64], seeds: NDArray[np.uint64], steps: int
    ) -> Learned:
        """All cells of the rows, a row's cells together: layout after layout, seed after seed."""
        n, test = len(rows), request.purpose == "test"
        numbers = np.arange(self.held_out) + HELD_OUT if test else np.arange(self.layouts)
        each = self._cells(request.purpose)
        layouts = np.tile(np.repeat(numbers, each // len(numbers)), n)
        which = np.repeat(np.arange(n), each)
        cells = np.stack([derived_seeds(seeds[rows], k) for k in range(each)], axis=1).reshape(-1)  # (n * each,)
        return learner.train(self.task, self.reward, request.solutions[rows], which, layouts, cells, self.sparse, steps)

    def _fill(self, result: Evaluation, rows: NDArray[np.int64], learned: Learned, steps: int, test: bool) -> None:
        def mean(values: NDArray[Any]) -> NDArray[np.float64]:
            return np.asarray(values.reshape(len(rows), -1).mean(axis=1), np.float64)

        area = mean(learned.curve)
        earliness = mean(1.0 - learned.first / (steps + 1))
        result.objective[rows] = area + 1e-3 * earliness + 1e-6 * mean(learned.coverage)
        result.measures[rows] = np.stack([mean(learned.length), mean(learned.reach)], axis=1)
        result.columns["area"][rows] = area
        result.columns["final"][rows] = mean(learned.final)
        result.columns["curve"][rows] = learned.curve.reshape(len(rows), -1, CURVE_POINTS).mean(axis=1)
        result.columns["correlation"][rows] = mean(learned.correlation)
        result.columns["farming"][rows] = mean(np.nan_to_num(learned.farming, nan=1.0))
        if test:
            result.columns["held_out_success"][rows] = mean(learned.final)
        result.cost["steps"][rows] = learned.steps.reshape(len(rows), -1).sum(axis=1)
        for row in rows[~learned.ok.reshape(len(rows), -1).all(axis=1)]:
            result.status[row] = Status.FAILED
            result.reasons[int(row)] = "the learner diverged: its table is not finite; lower its rate or the reward"
