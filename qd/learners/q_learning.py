"""Tabular Q-learning, Watkins 1989, of thousands of learners at once: every reward, layout and seed a table of its own.

The task is compiled once, each reward to an array over its steps; then a learner is a few floats a step, whatever the
reward was made of. Exploration is epsilon-greedy; ties are broken at random in training, by the first action in tests,
so that a table of zeros is no policy. A step that is cut off by the horizon is bootstrapped from, one that ends is not.

``backend``: ``numba`` runs one learner after the other; ``numpy`` and ``torch`` (on ``device``) all learners in step.
They agree to the bit on one machine, since a learner's choices come from a hash of its seed and step and every table
entry sees the same additions in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.learners.learner import CURVE_POINTS, Learned, Learner
from qd.learners.table_task import LayoutTask, TableTask
from qd.learners.task import Task
from qd.ragged import Solutions
from qd.rewards.reward import RewardForm

EPISODES = 256  # training episodes whose returns are kept, the last ones
BACKENDS = ("numba", "numpy", "torch")


@dataclass(frozen=True)
class QLearning(Learner):
    """Batched tabular Q-learning. Defaults are those of the key-door benchmark."""

    steps: int = 3000
    """Environment steps of one learner."""
    rate: float = 0.2
    """Learning rate alpha."""
    discount: float = 0.98
    """gamma."""
    explore: float = 0.15
    """epsilon: share of steps at random."""
    optimism: float = 0.0
    """What every entry of a table begins with: above zero, actions not yet tried look good."""
    backend: Literal["numba", "numpy", "torch"] = "numba"
    """What computes it."""
    device: str = "cpu"
    """Of torch."""

    learns = LayoutTask

    def __post_init__(self) -> None:
        if self.steps < CURVE_POINTS:
            raise QDError(f"QLearning.steps: got {self.steps}, wanted at least {CURVE_POINTS}")
        if not 0 < self.rate <= 1:
            raise QDError(f"QLearning.rate: got {self.rate}, wanted above 0, up to 1; above 1 tables diverge")
        if not 0 < self.discount <= 1:
            raise QDError(f"QLearning.discount: got {self.discount}, wanted above 0, up to 1")
        if not 0 <= self.explore <= 1:
            raise QDError(f"QLearning.explore: got {self.explore}, wanted a probability")
        if not np.isfinite(self.optimism):
            raise QDError(f"QLearning.optimism: got {self.optimism}, wanted a number")
        if self.backend not in BACKENDS:
            raise QDError(f"QLearning.backend: got {self.backend!r}, {nearest(self.backend, BACKENDS)}")

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
        numbers, at = np.unique(layouts, return_inverse=True)
        tables = [task.layout(int(number)) for number in numbers]
        rewards, bonus = compiled(reward, solutions, tables)
        return self.train_on(tables, rewards, bonus, which, at.reshape(-1), seeds, sparse, steps)

    def train_on(
        self,
        tables: list[TableTask],
        rewards: NDArray[np.float32],
        bonus: NDArray[np.float32],
        which: NDArray[np.int64],
        at: NDArray[np.int64],
        seeds: NDArray[np.uint64],
        sparse: float,
        steps: int,
    ) -> Learned:
        """Train on tables.

        Args:
            tables: L layouts of equal shape and horizon.
            rewards: (n, L, S, A) what each reward pays for each step.
            bonus: (n,) weight of 1 / sqrt(visits), for rewards that count.
            which, at: (c,) the reward and the layout of each learner.
            seeds: (c,) its randomness.
            sparse: what success pays beside the reward.
            steps: of each learner.
        """
        arrays = stacked(tables)
        c, horizon = len(which), tables[0].horizon
        out: dict[str, NDArray[Any]] = {
            "curve": np.zeros((c, CURVE_POINTS)),
            "first": np.zeros(c),
            "covered": np.zeros(c),
            "length": np.zeros(c),
            "reached": np.zeros(c),
            "tested": np.zeros(c),
            "shaped": np.full((c, EPISODES), np.nan, np.float32),
            "true": np.zeros((c, EPISODES), bool),
            "episodes": np.zeros(c, np.int64),
            "paths": np.full((c, horizon + 1), -1, np.int32),
        }
        _, states, actions = arrays["next_state"].shape
        arguments: tuple[Any, ...] = (
            *arrays.values(),
            np.ascontiguousarray(rewards, np.float32).reshape(-1, states, actions),
            np.ascontiguousarray(bonus, np.float32),
            np.float32(sparse),
            np.ascontiguousarray(which, np.int64),
            np.ascontiguousarray(at, np.int64),
            np.ascontiguousarray(seeds, np.uint64),
            int(steps),
            horizon,
            np.float32(self.rate),
            np.float32(self.discount),
            np.uint64(round(self.explore * (1 << 24))),
            np.float32(self.optimism),
            max(1, int(steps) // CURVE_POINTS),
        )
        if self.backend == "numba":
            from qd.learners._q_kernel import learn

            learn(*arguments, np.zeros((states, actions), np.float32), np.zeros(states, np.int32), *out.values())
        elif self.backend == "numpy":
            from qd.learners._q_numpy import learn_in_step

            learn_in_step(*(*arguments, out))
        else:
            from qd.learners._q_torch import learn_on_device

            learn_on_device(*(*arguments, out, self.device))
        places = np.array([table.place_count for table in tables], np.float64)[at]
        return Learned(
            out["curve"],
            np.where(out["first"] < 0, steps + 1, out["first"]),
            np.minimum(out["covered"] / places, 1.0),
            out["length"] / horizon,
            np.minimum(out["reached"] / places, 1.0),
            out["shaped"].astype(np.float64),
            out["true"],
            steps + out["tested"],
            out["first"] >= 0,
            out["paths"],
        )


def stacked(tables: list[TableTask]) -> dict[str, NDArray[np.generic]]:
    """The layouts' arrays, (L, S, A) or (L, ...), with rows of zeros to the largest's S.

    Raises QDError where their actions or horizons differ.
    """
    shapes = {(table.next_state.shape[1], table.horizon) for table in tables}
    if len(shapes) > 1:
        raise QDError(f"layouts: their (actions, horizon) differ: {sorted(shapes)}; a family has the same for all")
    return {
        "next_state": _stack([table.next_state for table in tables]).astype(np.int32),
        "ends": _stack([table.ends for table in tables]),
        "success": _stack([table.success for table in tables]),
        "place": _stack([table.place_numbers for table in tables]),
        "start": np.array([table.start for table in tables], np.int32),
    }


def _stack(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """Arrays (S, ...) of one layout each to (L, S, ...), shorter ones filled up with zeros: states never come to."""
    most = max(len(array) for array in arrays)
    return np.stack([np.pad(a, [(0, most - len(a))] + [(0, 0)] * (a.ndim - 1)) for a in arrays])


def compiled(
    reward: RewardForm, solutions: Solutions, tables: list[TableTask]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rewards as arrays over all steps: (n, L, S, A), and (n,) the weight of a count bonus.

    Raises QDError for a reward that reads more than one step and does not say how its counts are weighted.
    """
    if reward.kind == "episode":
        raise QDError(f"reward: {', '.join(reward.needs)} is of whole episodes; take a learner that runs them")
    n = len(solutions)
    bonus = np.zeros(n, np.float32) if reward.kind == "step" else reward.count_weights(solutions).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        paid = [reward.values(solutions, table.all_steps).astype(np.float32) for table in tables]
    by_state = [values.reshape(n, *table.next_state.shape).swapaxes(0, 1) for table, values in zip(tables, paid)]
    return _stack(by_state).transpose(2, 0, 1, 3), bonus  # (L, S, n, A) to (n, L, S, A)
