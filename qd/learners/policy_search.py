"""Evolution of small networks as inner learner: truncation selection and Gaussian mutation, Such et al. 2017.

https://arxiv.org/abs/1712.06567 (deep GA), for tasks that no table holds. A learner is a population of policies; a
policy's worth is what the reward pays for its episode. The best parents have children by Gaussian mutation, the very
best stays as it is. It is played anew each generation, since a reward that counts visits pays it less and less. The
policy that is tested is the best paid of the latest generation; an episode has no randomness, so testing it costs no
step more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.learners.learner import CURVE_POINTS, Learned, Learner
from qd.learners.task import Episodes, Task, counted
from qd.policies import MLP
from qd.ragged import Solutions
from qd.rewards.reward import RewardForm
from qd.rng import generator

EPISODES = 256  # training episodes whose returns are kept, the last ones


@dataclass(frozen=True)
class PolicySearch(Learner):
    """A genetic algorithm over the weights of policies."""

    steps: int = 256_000
    """Environment steps of one learner."""
    population: int = 32
    """Policies a generation."""
    parents: int = 8
    """The best of them, that have children."""
    sigma: float = 0.3
    """Standard deviation of a mutation."""
    hidden: tuple[int, ...] = (16,)
    """Units of a policy's hidden layers."""
    init_sigma: float = 1.0
    """Standard deviation of the first generation's weights."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(int(units) for units in self.hidden))
        if self.steps < CURVE_POINTS:
            raise QDError(f"PolicySearch.steps: got {self.steps}, wanted at least {CURVE_POINTS}")
        if not 1 <= self.parents < self.population:
            raise QDError(f"PolicySearch.parents: got {self.parents} of population {self.population}, wanted at "
                          "least 1 and fewer than the population")  # fmt: skip
        for name in ("sigma", "init_sigma"):
            if not 0 < getattr(self, name) < np.inf:
                raise QDError(f"PolicySearch.{name}: got {getattr(self, name)}, wanted a number above 0")
        if min(self.hidden, default=1) < 1:
            raise QDError(f"PolicySearch.hidden: got {self.hidden}, wanted layers of at least 1 unit")

    def most_steps(self, task: Task, steps: int) -> int:
        """Those it is given; a policy's test is its last episode of training."""
        return steps

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
        least = self.population * task.episode_steps
        if steps < least:
            raise QDError(f"PolicySearch.steps: got {steps}, and a generation takes up to {least}: population = "
                          f"{self.population} times an episode of {task.episode_steps}; give more, or a smaller "
                          "population")  # fmt: skip
        network = task.network(self.hidden)
        learned = []
        for cell in range(len(which)):
            mine = solutions[int(which[cell]) : int(which[cell]) + 1]
            learned.append(
                self._learn(task, network, reward, mine, int(layouts[cell]), int(seeds[cell]), sparse, steps)
            )
        names = vars(learned[0]) if learned else ()
        return Learned(**{name: np.concatenate([getattr(one, name) for one in learned]) for name in names})

    def _learn(
        self,
        task: Task,
        network: MLP,
        reward: RewardForm,
        solution: Solutions,
        number: int,
        seed: int,
        sparse: float,
        steps: int,
    ) -> Learned:
        """One learner: (1, ...) of everything."""
        from operators import gaussian_from

        rng = generator(seed, "policies")
        weights = rng.normal(0.0, self.init_sigma, (self.population, network.length))  # (n, d)
        visits = np.zeros((1, task.place_count(number)), np.int64)
        curve, first, used, finite = np.zeros(CURVE_POINTS), steps + 1.0, 0, True
        shaped: list[float] = []
        solved: list[bool] = []
        ran: Episodes | None = None
        best = 0
        for generation in range(1, steps + 1):
            ran = task.episodes(network, weights, number)
            counts = counted(ran.steps, ran.places, np.zeros(len(ran.places), np.int64), visits)
            with np.errstate(over="ignore", invalid="ignore"):
                paid = np.add.reduceat(reward.values(solution, counts)[0], ran.offsets[:-1]) + sparse * ran.success
            finite = finite and bool(np.isfinite(paid).all())
            if first > steps and ran.success.any():
                first = used + float(ran.offsets[1:][ran.success][0])
            shaped.extend(paid.tolist())
            solved.extend(ran.success.tolist())
            order = np.argsort(-np.where(np.isfinite(paid), paid, -np.inf), kind="stable")
            best = int(order[0])
            before, used = used, used + int(ran.offsets[-1])
            over = used + self.population * task.episode_steps > steps
            done = CURVE_POINTS if over else used * CURVE_POINTS // steps
            curve[before * CURVE_POINTS // steps : done] = float(ran.success[best])
            if over:
                break
            rng = generator(seed, "policies", generation)
            chosen = order[rng.integers(self.parents, size=self.population - 1)]
            children = gaussian_from(weights, chosen, rng, self.sigma)
            weights = np.concatenate([weights[best : best + 1], children])
        assert ran is not None
        path = ran.places[ran.offsets[best] : ran.offsets[best + 1]]
        paths = np.full((1, task.episode_steps + 1), -1, np.int32)
        if ran.states is None:
            paths[0, : len(path)] = path
        else:
            paths[0, : len(path) + 1] = ran.states[best, : len(path) + 1]
        kept = np.full((2, EPISODES), np.nan)
        last = min(len(shaped), EPISODES)
        kept[0, :last], kept[1, :last] = shaped[-last:], solved[-last:]
        return Learned(
            curve[None],
            np.array([first]),
            np.array([(visits > 0).mean()]),
            np.array([len(path) / task.episode_steps]),
            np.array([len(np.unique(path)) / visits.shape[1]]),
            kept[0:1],
            kept[1:2] == 1,
            np.array([float(used)]),
            np.array([finite]),
            paths,
        )
