"""The contract of an inner learner: rewards in, what they teach out. What is true is read here and nowhere else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from qd.learners.task import Task
from qd.ragged import Solutions
from qd.rewards.reward import RewardForm

CURVE_POINTS = 10  # how often in training the policy is tested


@dataclass
class Learned:
    """What became of c cells, each one learner with one reward, layout and seed.

    Args:
        curve: (c, CURVE_POINTS) true success of the policy at equal distances in training, from 0 to 1.
        first: (c,) learner steps until the task was first solved in training, budget + 1 where it never was.
        coverage: (c,) share of the places that training came to.
        length: (c,) steps of the trained policy's episode, as a share of the horizon.
        reach: (c,) share of the places that the trained policy's episode comes to.
        shaped: (c, e) what the last training episodes were paid in all, NaN where there were fewer than e.
        solved: (c, e) whether they succeeded.
        steps: (c,) environment steps used, testing included.
        ok: (c,) the learner did not diverge.
        paths: (c, horizon + 1) states of the trained policy's episode, -1 after its end; where states have no numbers
            the places that its steps came to.
    """

    curve: NDArray[np.float64]
    first: NDArray[np.float64]
    coverage: NDArray[np.float64]
    length: NDArray[np.float64]
    reach: NDArray[np.float64]
    shaped: NDArray[np.float64]
    solved: NDArray[np.bool_]
    steps: NDArray[np.float64]
    ok: NDArray[np.bool_]
    paths: NDArray[np.int32]

    @property
    def final(self) -> NDArray[np.float64]:
        """(c,) true success of the policy in the end."""
        return self.curve[:, -1]

    @property
    def correlation(self) -> NDArray[np.float64]:
        """(c,) Spearman's correlation of shaped and true return over training episodes; 0 where one is constant."""
        result = np.zeros(len(self.shaped))
        for row, (paid, solved) in enumerate(zip(self.shaped, self.solved, strict=True)):
            known = np.isfinite(paid)
            ranks, truth = rankdata(paid[known]), solved[known].astype(np.float64)
            spread = ranks.std() * truth.std() if known.any() else 0.0
            if spread > 0:
                result[row] = ((ranks - ranks.mean()) * (truth - truth.mean())).mean() / spread
        return result

    @property
    def farming(self) -> NDArray[np.float64]:
        """(c,) share of the best paid tenth of training episodes that did not succeed; NaN where none was finished."""
        result = np.full(len(self.shaped), np.nan)
        for row, (paid, solved) in enumerate(zip(self.shaped, self.solved, strict=True)):
            known = np.isfinite(paid)
            if known.any():
                best = np.argsort(-paid[known], kind="stable")[: max(1, int(known.sum()) // 10)]
                result[row] = 1.0 - solved[known][best].mean()
        return result


class Learner(ABC):
    """Learns tasks from rewards. A frozen dataclass of settings.

    Attributes:
        steps: environment steps that one learner gets.
        discount: what it discounts rewards by, a step.
        learns: the kind of task that it can learn.
    """

    steps: int
    discount: float = 1.0
    learns: Any = Task

    @abstractmethod
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
        """Train c learners, each by itself: no result depends on the cells beside it.

        Args:
            task: the family of layouts.
            reward: the form of the rewards.
            solutions: n rewards.
            which: (c,) the reward of each cell, 0 .. n - 1.
            layouts: (c,) the layout of each.
            seeds: (c,) its only randomness.
            sparse: what true success is paid, beside the reward.
            steps: environment steps that each gets.
        """

    def most_steps(self, task: Task, steps: int) -> int:
        """The most environment steps, testing included, that a learner with a budget of ``steps`` uses."""
        return steps + CURVE_POINTS * task.episode_steps
