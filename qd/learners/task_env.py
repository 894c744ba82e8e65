"""One layout of a task as a gymnasium environment, for learners of other libraries.

It pays 1 for success, which ends the episode, and 0 for anything else. ``info`` holds ``variables``, what a reward may
read of the step, ``success`` and ``place``. Whatever seed it is reset with, the layout is the same.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from qd.learners.gym_task import GymTask
from qd.learners.table_task import TableTask


class TaskEnv(gymnasium.Env[Any, Any]):
    """A layout of a ``GymTask``.

    Args:
        task: the family.
        number: of the layout.
    """

    def __init__(self, task: GymTask, number: int) -> None:
        self.task, self.inner, self.layout = task, task.make(), task.layout(number)
        self.observation_space, self.action_space = self.inner.observation_space, self.inner.action_space
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """To where episodes of the layout begin."""
        super().reset(seed=seed)
        self.steps = 0
        self.obs, info = self.inner.reset(seed=self.layout, options=options)
        return self.obs, dict(info)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step, cut off at the task's horizon."""
        before = self.obs
        self.obs, _, ended, cut, info = self.inner.step(action)
        self.steps += 1
        won = bool(self.task.success(self.inner, self.obs, info))
        variables = self.task.read(self.inner, before, action, self.obs, info)
        info = {**info, "variables": variables, "success": won, "place": self.task.place(variables)}
        cut = cut or self.steps >= self.task.horizon
        return self.obs, float(won), bool(ended or won), bool(cut and not (ended or won)), info

    def close(self) -> None:
        """End the environment."""
        self.inner.close()


class TableEnv(gymnasium.Env[Any, Any]):
    """A layout that is a table. What is seen are ``TableTask.observations``.

    Args:
        table: the layout.
    """

    def __init__(self, table: TableTask) -> None:
        self.table = table
        seen = table.observations.astype(np.float32)
        self.seen = seen
        self.observation_space = gymnasium.spaces.Box(float(seen.min()), float(seen.max()), seen.shape[1:], np.float32)
        self.action_space = gymnasium.spaces.Discrete(table.next_state.shape[1])
        self.state, self.steps = table.start, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """To the table's start."""
        super().reset(seed=seed)
        self.state, self.steps = self.table.start, 0
        return self.seen[self.state].copy(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step, cut off at the table's horizon."""
        table, before, action = self.table, self.state, int(action)
        self.state = int(table.next_state[before, action])
        self.steps += 1
        won, ended = bool(table.success[before, action]), bool(table.ends[before, action])
        variables: dict[str, Any] = {n: (float(v[before]), float(v[self.state])) for n, v in table.states.items()}
        variables.update({name: float(values[before, action]) for name, values in table.steps.items()})
        info = {"variables": variables, "success": won, "place": int(table.place_numbers[self.state])}
        return self.seen[self.state].copy(), float(won), ended, self.steps >= table.horizon and not ended, info
