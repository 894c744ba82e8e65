"""Inner learners: what a reward is given to, to see what it teaches. Names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qd.learners.acrobot import Acrobot
    from qd.learners.binned_q_learning import BinnedQLearning
    from qd.learners.control_task import ControlTask
    from qd.learners.deceptive_mazes import DeceptiveMazes
    from qd.learners.gaussian_policy import GaussianPolicy, Trained
    from qd.learners.gym_task import GymTask
    from qd.learners.key_door import KeyDoor
    from qd.learners.learner import Learned, Learner
    from qd.learners.locomotion import Locomotion
    from qd.learners.maze_task import MazeLayout, MazeTask
    from qd.learners.mini_grid import MiniGridTables
    from qd.learners.mountain_car import MountainCar
    from qd.learners.point_mazes import PointMazes
    from qd.learners.policy_search import PolicySearch
    from qd.learners.q_learning import QLearning
    from qd.learners.stable_baselines import StableBaselines
    from qd.learners.table_task import LayoutTask, TableTask
    from qd.learners.task import Episodes, Task
    from qd.learners.task_critic import TaskCritic
    from qd.learners.task_env import TableEnv, TaskEnv

_HOMES = {
    "Acrobot": "acrobot",
    "BinnedQLearning": "binned_q_learning",
    "ControlTask": "control_task",
    "DeceptiveMazes": "deceptive_mazes",
    "Episodes": "task",
    "GaussianPolicy": "gaussian_policy",
    "GymTask": "gym_task",
    "KeyDoor": "key_door",
    "LayoutTask": "table_task",
    "Learned": "learner",
    "Learner": "learner",
    "Locomotion": "locomotion",
    "MazeLayout": "maze_task",
    "MazeTask": "maze_task",
    "MiniGridTables": "mini_grid",
    "MountainCar": "mountain_car",
    "PointMazes": "point_mazes",
    "PolicySearch": "policy_search",
    "QLearning": "q_learning",
    "StableBaselines": "stable_baselines",
    "TableEnv": "task_env",
    "TableTask": "table_task",
    "Task": "task",
    "TaskCritic": "task_critic",
    "TaskEnv": "task_env",
    "Trained": "gaussian_policy",
}

__all__ = [
    "Acrobot",
    "BinnedQLearning",
    "ControlTask",
    "DeceptiveMazes",
    "Episodes",
    "GaussianPolicy",
    "GymTask",
    "KeyDoor",
    "LayoutTask",
    "Learned",
    "Learner",
    "Locomotion",
    "MazeLayout",
    "MazeTask",
    "MiniGridTables",
    "MountainCar",
    "PointMazes",
    "PolicySearch",
    "QLearning",
    "StableBaselines",
    "TableEnv",
    "TableTask",
    "Task",
    "TaskCritic",
    "TaskEnv",
    "Trained",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
