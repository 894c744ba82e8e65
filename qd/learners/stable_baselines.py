"""Learners of stable-baselines3 (Raffin et al. 2021, https://jmlr.org/papers/v22/20-1364.html): PPO, DQN, SAC, ...

A reward is given to a policy gradient or a deep Q-network through ``GymReward``, and what comes of it is reported as
any learner here reports it. Good as second learner, ``EvolvedReward(second=StableBaselines("PPO"))``: does a reward
that was evolved for one learner teach another? It learns every task that has an ``environment``: tables, and
``GymTask``, a user's own environments. One thread of the CPU, seeded, so that a learner is the same to the bit on one
machine and version of torch; some thousand steps a second.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.learners.learner import CURVE_POINTS, Learned, Learner
from qd.learners.task import Task
from qd.ragged import Solutions
from qd.rewards.reward import RewardForm

EPISODES = 256  # training episodes whose returns are kept, the last ones
ALGORITHMS = ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3")
_ALONE = threading.Lock()  # torch draws from one generator a process


@runtime_checkable
class TaskOfEnvironments(Protocol):
    """A task whose layouts are gymnasium environments, with ``variables``, ``success`` and ``place`` in ``info``."""

    def environment(self, number: int) -> Any:
        """One layout."""


@dataclass(frozen=True)
class StableBaselines(Learner):
    """A learner of stable-baselines3.

    >>> StableBaselines("DQN", steps=2000).discount
    0.99
    """

    algorithm: str = "PPO"
    """Its name there: A2C, DDPG, DQN, PPO, SAC or TD3."""
    steps: int = 20_000
    """Environment steps of one learner."""
    discount: float = 0.99
    """gamma."""
    policy: str = "MlpPolicy"
    """Its name there."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else the algorithm takes, such as ``{"n_steps": 256, "learning_rate": 1e-3}``."""

    learns = TaskOfEnvironments

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise QDError(f"StableBaselines.algorithm: got {self.algorithm!r}, {nearest(self.algorithm, ALGORITHMS)}")
        if self.steps < CURVE_POINTS:
            raise QDError(f"StableBaselines.steps: got {self.steps}, wanted at least {CURVE_POINTS}")
        if not 0 < self.discount <= 1:
            raise QDError(f"StableBaselines.discount: got {self.discount}, wanted above 0, up to 1")
        taken = {"env", "seed", "device", "gamma", "policy"} & set(self.settings)
        if taken:
            raise QDError(f"StableBaselines.settings: {min(taken)!r} is set by the learner; leave it out")
        _algorithm(self.algorithm)

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
        cells = [
            self._cell(task, reward, solutions[int(k) : int(k) + 1], int(number), int(seed), sparse, steps)
            for k, number, seed in zip(which, layouts, seeds, strict=True)
        ]
        return Learned(**{name: np.concatenate([vars(cell)[name] for cell in cells]) for name in vars(cells[0])})

    def _cell(
        self, task: Any, reward: RewardForm, solution: Solutions, number: int, seed: int, sparse: float, steps: int
    ) -> Learned:
        """One learner: (1, ...) of everything."""
        import torch

        from qd.rewards.gym_reward import GymReward

        env = task.environment(number)
        here = [0]
        paying = GymReward(
            env, reward, solution, lambda _o, _a, _n, info: _read(info, here), key=lambda _: here[0],
            true_weight=sparse, steps=steps,
        )  # fmt: skip
        course = _Course(task, number, steps, env)
        drawn, plain = np.random.get_state(), random.getstate()
        threads = torch.get_num_threads()
        with _ALONE, torch.random.fork_rng(devices=[]):
            torch.set_num_threads(1)
            try:
                model = self._model(paying, seed)
                try:
                    model.learn(total_timesteps=steps, callback=course.callback())
                except (ValueError, RuntimeError, FloatingPointError) as error:  # of numbers that are not finite
                    course.failed = f"{type(error).__name__}: {error}"
            finally:
                torch.set_num_threads(threads)
                np.random.set_state(drawn)
                random.setstate(plain)
                paying.close()
        return course.learned()

    def _model(self, env: Any, seed: int) -> Any:
        try:
            return _algorithm(self.algorithm)(
                self.policy, env, seed=seed % (1 << 32), device="cpu", gamma=self.discount, **self.settings
            )
        except (AssertionError, TypeError, ValueError) as error:
            raise QDError(f"StableBaselines: {self.algorithm} does not take this task or these settings "
                          f"({dict(self.settings)}): {error}") from error  # fmt: skip


class _Course:
    """What becomes of one learner, step by step."""

    def __init__(self, task: Any, number: int, steps: int, env: Any) -> None:
        self.task, self.steps, self.env = task, steps, env
        self.tests, self.tested, self.used, self.first = 0, 0, 0, steps + 1.0
        self.curve = np.zeros(CURVE_POINTS)
        self.come: set[int] = set()
        self.shaped: list[float] = []
        self.solved: list[bool] = []
        self.path: list[int] = []
        self.failed, self.paid = "", 0.0
        self.places, self.exam = task.place_count(number), task.environment(number)

    def callback(self) -> Any:
        """Reads every step, tests the policy at equal distances, and ends training at the last step of the budget."""
        from stable_baselines3.common.callbacks import BaseCallback

        course = self

        class Watch(BaseCallback):
            def _on_step(self) -> bool:
                return course.step(self.model, float(self.locals["rewards"][0]), self.locals["infos"][0],
                                   bool(self.locals["dones"][0]))  # fmt: skip

        return Watch()

    def step(self, model: Any, paid: float, info: dict[str, Any], done: bool) -> bool:
        self.used += 1
        self.paid += paid
        self.come.add(info["place"])
        if info["success"] and self.first > self.steps:
            self.first = float(self.used)
        if done:
            self.shaped.append(self.paid)
            self.solved.append(bool(info["success"]))
            self.paid = 0.0
        due = self.used * CURVE_POINTS // self.steps
        if due > self.tests:
            self.curve[self.tests : due] = self.test(model)
            self.tests = due
        return self.used < self.steps

    def test(self, model: Any) -> float:
        """An episode of the policy, by its likeliest actions."""
        obs, _ = self.exam.reset()
        self.path = []
        over, info = False, {"success": False}
        while not over:
            action, _ = model.predict(obs, deterministic=True)
            obs, _, ended, cut, info = self.exam.step(action)
            self.path.append(info["place"])
            self.tested += 1
            over = ended or cut
        return float(info["success"])

    def learned(self) -> Learned:
        self.exam.close()
        horizon, ok = self.task.episode_steps, not self.failed
        paths = np.full((1, horizon + 1), -1, np.int32)
        paths[0, : len(self.path)] = self.path
        kept = np.full((2, EPISODES), np.nan)
        last = min(len(self.shaped), EPISODES)
        if last:
            kept[0, :last], kept[1, :last] = self.shaped[-last:], self.solved[-last:]
        return Learned(
            self.curve[None] if ok else np.full((1, CURVE_POINTS), np.nan),
            np.array([self.first]),
            np.array([len(self.come) / self.places]),
            np.array([len(self.path) / horizon]),
            np.array([len(set(self.path)) / self.places]),
            kept[0:1],
            kept[1:2] == 1,
            np.array([float(self.used + self.tested)]),
            np.array([ok]),
            paths,
        )


def _read(info: Mapping[str, Any], here: list[int]) -> Mapping[str, Any]:
    here[0] = info["place"]
    return dict(info["variables"])


def _algorithm(name: str) -> Any:
    try:
        import stable_baselines3
    except ImportError as error:
        raise QDError(f"StableBaselines: {name} is of stable-baselines3, which is missing ({error}): "
                      "pip install 'qd-evolution[baselines]'") from error  # fmt: skip
    return getattr(stable_baselines3, name)
