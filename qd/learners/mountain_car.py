"""Mountain car, Moore 1990, with sparse reward: gymnasium's MountainCar-v0, paid for reaching the goal alone.

https://gymnasium.farama.org/environments/classic_control/mountain_car. A car too weak for the hill must swing up. Its
motion is that of gymnasium, step for step. A learner that tries at random never sees the goal in 200 steps, and going
right is deceptive; energy is what leads up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.learners._control_kernel import GOAL_X, HIGH_X, LOW_X, MOUNTAIN_CAR, TOP_SPEED
from qd.learners.control_task import Array, ControlTask
from qd.learners.task import COUNTED
from qd.rewards.steps import Variable

STEEPEST_DOWN = -np.pi / 6  # where the valley is lowest


def _step(name: str, meaning: str, low: float = -1.0, kind: str = "number") -> Variable:
    return Variable(name, kind, low, 1.0, about="step", meaning=meaning)


@dataclass(frozen=True)
class MountainCar(ControlTask):
    """The car. Parameters of a layout: its force 0.001, the gravity 0.0025.

    >>> MountainCar().layout(0)[1].tolist()
    [0.001, 0.0025]
    """

    KIND = MOUNTAIN_CAR
    INPUTS = 2
    USUAL = (0.001, 0.0025)
    BOX = ((LOW_X, -TOP_SPEED), (HIGH_X, TOP_SPEED))
    STARTS = ((-0.6, 0.0), (-0.4, 0.0))

    variables = (
        Variable("position", low=LOW_X, high=HIGH_X, meaning="along the track, the goal at 0.5"),
        Variable("velocity", low=-1, high=1, unit="top speeds", meaning="to the right"),
        Variable("speed", low=0, high=1, unit="top speeds", meaning="|velocity|"),
        Variable("height", low=0, high=1.1, meaning="above the valley's bottom, 1 at the goal"),
        Variable("energy", low=0, high=4, meaning="of height and motion, 1 where it is enough for the goal"),
        _step("position_gain", "of position, in tenths"),
        _step("height_gain", "of height, times 10", -10),
        _step("energy_gain", "of energy, times 10", -10),
        _step("pushes_along", "the push goes the way that the car moves", 0, "flag"),
        _step("wall", "the car ends at the wall on the left", 0, "flag"),
        _step("step", "1, every step", 0, "flag"),
        *COUNTED,
    )

    def of_states(self, states: Array, parameters: Array) -> dict[str, Array]:
        position, velocity = states.T
        up = np.sin(3 * position) - np.sin(3 * STEEPEST_DOWN)
        top = np.sin(3 * GOAL_X) - np.sin(3 * STEEPEST_DOWN)
        # a push apart, velocity' = -gravity cos(3 position), so gravity sin(3 position) / 3 + velocity^2 / 2 stays
        return {
            "position": position,
            "velocity": velocity / TOP_SPEED,
            "speed": np.abs(velocity) / TOP_SPEED,
            "height": up / top,
            "energy": (up + 1.5 * velocity**2 / parameters[:, 1]) / top,
        }

    def of_steps(
        self, before: dict[str, Array], after: dict[str, Array], actions: NDArray[np.int64]
    ) -> dict[str, Array]:
        return {
            "position_gain": 10 * (after["position"] - before["position"]),
            "height_gain": 10 * (after["height"] - before["height"]),
            "energy_gain": 10 * (after["energy"] - before["energy"]),
            "pushes_along": np.asarray((actions - 1) * before["velocity"] > 0, np.float64),
            "wall": np.asarray(after["position"] <= LOW_X, np.float64),
            "step": np.ones(len(actions)),
        }
