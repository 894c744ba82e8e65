"""Walking robots of gymnasium's MuJoCo, with sparse reward: come so many metres from the start, however it is done.

https://gymnasium.farama.org/environments/mujoco. What the environment pays (speed, staying upright, the cost of
torques) is taken apart to variables that a reward may weigh, and success is the mark alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from qd.errors import QDError, nearest
from qd.learners.gym_task import GymTask
from qd.learners.task import COUNTED
from qd.rewards.steps import Variable

ROBOTS = ("HalfCheetah", "Hopper", "Swimmer", "Walker2d")


def _step(name: str, meaning: str, low: float = 0.0, high: float = 1.0, unit: str = "", kind: str = "number") -> Any:
    return Variable(name, kind, low, high, unit, "step", meaning)


@dataclass(frozen=True)
class Locomotion(GymTask):
    """A robot on a plane. Layouts differ in the small noise of its first pose.

    >>> Locomotion(robot="Hopper", mark=1.0).episode_steps
    200
    """

    robot: str = "Hopper"
    """HalfCheetah, Hopper, Swimmer or Walker2d."""
    mark: float = 2.0
    """How far forward success is [m]."""

    places: ClassVar[Mapping[str, tuple[float, float, int]]] = {"x": (-2.0, 6.0, 40)}
    variables = (
        Variable("x", unit="m", meaning="forward from the start"),
        Variable("tilt", unit="rad", meaning="of the trunk, 0 upright"),
        _step("forward", "speed forward", -5, 5, "m/s"),
        _step("backward", "speed backward, 0 where it goes forward", 0, 5, "m/s"),
        _step("control", "mean square of the torques, of full ones"),
        _step("upright", "cosine of the tilt", -1),
        _step("contacts", "pairs of bodies that touch, up to 4, in fours"),
        _step("fallen", "the episode ends by a fall", kind="flag"),
        _step("step", "1, every step", kind="flag"),
        *COUNTED,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.robot not in ROBOTS:
            raise QDError(f"Locomotion.robot: got {self.robot!r}, {nearest(self.robot, ROBOTS)}")
        if not 0 < self.mark < np.inf:
            raise QDError(f"Locomotion.mark: got {self.mark}, wanted metres above 0")

    def make(self) -> Any:
        try:
            import gymnasium

            return gymnasium.make(f"{self.robot}-v5", max_episode_steps=self.horizon + 1, disable_env_checker=True)
        except ImportError as error:  # gymnasium's own error for a missing engine is one too
            raise QDError(f"Locomotion: {self.robot} needs gymnasium and MuJoCo ({error}): "
                          "pip install 'qd-evolution[gym]'") from error  # fmt: skip

    def read(self, env: Any, obs: Any, action: Any, next_obs: Any, info: Mapping[str, Any]) -> Mapping[str, Any]:
        tilt = 0 if self.robot == "Swimmer" else 1  # the trunk's angle among what is seen; x itself is not seen
        speed, x = float(info["x_velocity"]), float(info["x_position"])
        full = np.maximum(np.abs(env.action_space.high), 1e-9)
        body = env.unwrapped
        return {
            "x": (x - speed * float(body.dt), x),
            "tilt": (float(obs[tilt]), float(next_obs[tilt])),
            "forward": speed,
            "backward": max(-speed, 0.0),
            "control": float(np.mean((np.asarray(action, np.float64) / full) ** 2)),
            "upright": float(np.cos(next_obs[tilt])),
            "contacts": min(float(body.data.ncon), 4.0) / 4.0,
            "fallen": float(self.robot in ("Hopper", "Walker2d") and not body.is_healthy),
            "step": 1.0,
        }

    def success(self, env: Any, obs: Any, info: Mapping[str, Any]) -> bool:
        return bool(info["x_position"] >= self.mark)
