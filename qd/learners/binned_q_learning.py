"""Q-learning on binned states, an episode at a time: tables for tasks whose states are continuous.

Watkins 1989; the updates of an episode are made when it is over, the last step first (Lin 1992, section 3.4), so that
one success teaches the whole way to it. Between updates the reward is asked once for all steps of all learners'
episodes, with the states as they were, not as they were binned; so any reward will do: one that counts visits, or one
that judges whole episodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners.control_task import ControlTask, Rollouts
from qd.learners.learner import CURVE_POINTS, Learned, Learner
from qd.learners.task import Task, counted
from qd.ragged import Solutions
from qd.rewards.reward import RewardForm
from qd.rewards.steps import Steps
from qd.rng import derived_seeds

EPISODES = 256  # training episodes whose returns are kept, the last ones


@dataclass(frozen=True)
class BinnedQLearning(Learner):
    """Tabular Q-learning of continuous tasks. Defaults are those of the mountain car benchmark: 200 episodes."""

    steps: int = 40_000
    """Environment steps of one learner."""
    rate: float = 0.5
    """Learning rate alpha."""
    discount: float = 0.98
    """gamma."""
    explore: float = 0.15
    """epsilon: share of steps at random."""

    learns = ControlTask

    def __post_init__(self) -> None:
        if self.steps < CURVE_POINTS:
            raise QDError(f"BinnedQLearning.steps: got {self.steps}, wanted at least {CURVE_POINTS}")
        if not 0 < self.rate <= 1:
            raise QDError(f"BinnedQLearning.rate: got {self.rate}, wanted above 0, up to 1; above 1 tables diverge")
        if not 0 < self.discount <= 1:
            raise QDError(f"BinnedQLearning.discount: got {self.discount}, wanted above 0, up to 1")
        if not 0 <= self.explore <= 1:
            raise QDError(f"BinnedQLearning.explore: got {self.explore}, wanted a probability")

    def train(
        self,
        task: Task,
        reward: RewardForm,
        solutions: Solutions,
        which: NDArray[np.int64],
        layouts: NDArray[np.int64],
        seeds: NDArray[np.uint64],
        sparse: float,
        steps: int,
    ) -> Learned:
        assert isinstance(task, ControlTask)
        order = np.argsort(which, kind="stable")  # a reward's learners together: it is asked once for all of them
        learned = _Training(
            self, task, reward, solutions, which[order], layouts[order], seeds[order], sparse, steps
        ).run()
        back = np.argsort(order, kind="stable")
        return Learned(**{name: values[back] for name, values in vars(learned).items()})


class _Training:
    """c learners side by side, and what became of them so far."""

    def __init__(
        self,
        learner: BinnedQLearning,
        task: ControlTask,
        reward: RewardForm,
        solutions: Solutions,
        which: NDArray[np.int64],
        layouts: NDArray[np.int64],
        seeds: NDArray[np.uint64],
        sparse: float,
        steps: int,
    ) -> None:
        self.learner, self.task, self.reward, self.solutions = learner, task, reward, solutions
        self.which, self.seeds, self.sparse, self.steps = which, seeds, sparse, steps
        laid_out = [task.layout(int(number)) for number in layouts]
        self.start = np.stack([start for start, _ in laid_out])  # (c, s)
        self.parameters = np.stack([parameters for _, parameters in laid_out])  # (c, p)
        c, places = len(which), task.place_count(0)
        self.q = np.zeros((c, places, task.ACTIONS))
        self.visits = np.zeros((c, places), np.int64)
        self.counts = bool({"visits", "rarity"} & set(reward.needs))
        self.used, self.tests, self.tested = np.zeros(c, np.int64), np.zeros(c, np.int64), np.zeros(c)
        self.curve, self.first = np.zeros((c, CURVE_POINTS)), np.full(c, steps + 1.0)
        self.shaped, self.solved = np.full((c, EPISODES), np.nan), np.zeros((c, EPISODES), bool)
        self.finite = np.ones(c, bool)
        self.last = Rollouts.empty(c, task.horizon, len(task.binning[0]))  # the latest test of each

    def run(self) -> Learned:
        episode = 0
        while (self.used < self.steps).any():
            self._learn(episode)
            due = self.used * CURVE_POINTS // self.steps
            self._test(np.flatnonzero(due > self.tests), due)
            episode += 1
        task, places = self.task, self.task.place_count(0)
        paths = np.where(np.arange(task.horizon + 1) <= self.last.length[:, None], self.last.bins, -1)
        return Learned(
            self.curve,
            self.first,
            (self.visits > 0).sum(axis=1) / places,
            self.last.length / task.horizon,
            np.array([len(np.unique(path[path >= 0])) for path in paths]) / places,
            self.shaped,
            self.solved,
            self.steps + self.tested,
            self.finite & np.isfinite(self.q).all(axis=(1, 2)),
            paths.astype(np.int32),
        )

    def _learn(self, episode: int) -> None:
        from qd.learners._control_kernel import backwards

        task, c = self.task, len(self.which)
        seeds = derived_seeds(self.seeds, episode + 1)
        low, high = (np.array(side, np.float64) for side in task.STARTS)
        shares = [(derived_seeds(seeds, k + 1) >> np.uint64(11)) * 2.0**-53 for k in range(len(low))]
        at = low + (high - low) * np.stack(shares, axis=1)
        left = np.minimum(task.horizon, self.steps - self.used)
        runs = self._rollouts(np.arange(c), at, left, self.learner.explore, seeds)
        kept = np.arange(task.horizon) < runs.length[:, None]
        paid = np.zeros(kept.shape)
        steps, places = task.steps(runs, self.parameters), runs.bins[:, 1:][kept]
        with_counts = counted(steps, places, np.repeat(np.arange(c), runs.length), self.visits)
        paid[kept] = self._paid(with_counts if self.counts else steps)
        paid[runs.success, runs.length[runs.success] - 1] += self.sparse
        self.finite &= np.isfinite(paid).all(axis=1)
        rate, discount = self.learner.rate, self.learner.discount
        backwards(self.q, runs.bins, runs.actions, paid, runs.length, runs.success, rate, discount)
        some = np.flatnonzero(runs.length)
        self.shaped[some, episode % EPISODES] = paid.sum(axis=1)[some]
        self.solved[some, episode % EPISODES] = runs.success[some]
        new = runs.success & (self.first > self.steps)
        self.first[new] = (self.used + runs.length)[new]
        self.used += runs.length

    def _paid(self, steps: Steps) -> NDArray[np.float64]:
        """(m,) each step by its learner's reward."""
        assert steps.offsets is not None
        paid = np.zeros(len(steps))
        with np.errstate(over="ignore", invalid="ignore"):
            for solution in np.unique(self.which):
                mine = np.flatnonzero(self.which == solution)
                begin, end = int(steps.offsets[mine[0]]), int(steps.offsets[mine[-1] + 1])
                offsets = steps.offsets[mine[0] : mine[-1] + 2] - begin
                if end > begin:
                    part = part_of(steps, begin, end, offsets)
                    paid[begin:end] = self.reward.values(self.solutions[int(solution) : int(solution) + 1], part)[0]
        return paid

    def _test(self, rows: NDArray[np.int64], due: NDArray[np.int64]) -> None:
        """An episode of the policies of the learners that have come to their next test."""
        if len(rows) == 0:
            return
        limit = np.full(len(rows), self.task.horizon)
        runs = self._rollouts(rows, self.start[rows], limit, 0.0, self.seeds[rows])
        for row, won in zip(rows, runs.success):
            self.curve[row, self.tests[row] : due[row]] = won
        self.tests[rows] = due[rows]
        self.tested[rows] += runs.length
        for kept, new in zip(self.last.arrays, runs.arrays):
            kept[rows] = new

    def _rollouts(
        self, rows: NDArray[np.int64], start: NDArray[np.float64], left: NDArray[np.int64], explore: float, seeds: Any
    ) -> Rollouts:
        from qd.learners._control_kernel import table_episodes

        runs = Rollouts.empty(len(rows), self.task.horizon, start.shape[1])
        runs.states[:, 0] = start
        table_episodes(
            self.task.KIND, self.parameters[rows], self.q if len(rows) == len(self.q) else self.q[rows],
            *self.task.binning, seeds, np.uint64(round(explore * (1 << 24))), left, *runs.arrays,
        )  # fmt: skip
        return runs


def part_of(steps: Steps, begin: int, end: int, offsets: NDArray[np.int64]) -> Steps:
    """Steps begin .. end - 1, which are whole episodes."""
    return Steps(
        {name: values[begin:end] for name, values in steps.after.items()},
        {name: values[begin:end] for name, values in steps.before.items()},
        steps.ends[begin:end],
        offsets,
    )
