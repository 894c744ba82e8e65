"""Acrobot, Sutton 1996, with sparse reward: gymnasium's Acrobot-v1, paid for reaching the height alone.

https://gymnasium.farama.org/environments/classic_control/acrobot. Two links hang from a bar, the joint
between them can be turned; the goal is to swing the lower end a link's length above the bar. The motion is gymnasium's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.learners._control_kernel import ACROBOT, GRAVITY, TOP_1, TOP_2
from qd.learners.control_task import Array, ControlTask
from qd.learners.task import COUNTED
from qd.rewards.steps import Variable


def _step(name: str, meaning: str, low: float = -1.0, kind: str = "number") -> Variable:
    return Variable(name, kind, low, 1.0, about="step", meaning=meaning)


@dataclass(frozen=True)
class Acrobot(ControlTask):
    """The acrobot. Parameters of a layout: the masses of its links, 1 kg each.

    >>> Acrobot().place_count(0)
    1296
    """

    horizon: int = 500
    """Steps of an episode."""
    bins: int = 6
    """Of a table, and of what counts as a place: so many along each number of the state."""

    KIND = ACROBOT
    INPUTS = 6
    USUAL = (1.0, 1.0)
    BOX = ((-np.pi, -np.pi, -6.0, -10.0), (np.pi, np.pi, 6.0, 10.0))  # speeds beyond are rare
    STARTS = ((-0.1,) * 4, (0.1,) * 4)

    variables = (
        Variable("angle1", low=-np.pi, high=np.pi, unit="rad", meaning="of the upper link, 0 hanging down"),
        Variable("angle2", low=-np.pi, high=np.pi, unit="rad", meaning="of the lower link to the upper"),
        Variable("velocity1", low=-1, high=1, unit="top speeds", meaning="of angle1"),
        Variable("velocity2", low=-1, high=1, unit="top speeds", meaning="of angle2"),
        Variable("height", low=-2, high=2, unit="m", meaning="of the lower end above the bar; above 1 is the goal"),
        Variable("energy", low=0, meaning="of height and motion, 0 at rest, 1 where both links could stand upright"),
        _step("height_gain", "of height", -2),
        _step("energy_gain", "of energy, times 10", -10),
        _step("pushes_along", "the torque goes the way that the lower link turns", 0, "flag"),
        _step("torque", "there is one", 0, "flag"),
        _step("step", "1, every step", 0, "flag"),
        *COUNTED,
    )

    def of_states(self, states: Array, parameters: Array) -> dict[str, Array]:
        angle1, angle2, speed1, speed2 = states.T
        m1, m2 = parameters.T
        fall1, fall2 = 1 - np.cos(angle1), 1 - np.cos(angle1 + angle2)  # [m] above where they hang, per m of link
        potential = GRAVITY * ((0.5 * m1 + m2) * fall1 + 0.5 * m2 * fall2)
        inertia1 = 0.25 * m1 + m2 * (1.25 + np.cos(angle2)) + 2.0
        inertia2 = m2 * (0.25 + 0.5 * np.cos(angle2)) + 1.0
        motion = 0.5 * inertia1 * speed1**2 + inertia2 * speed1 * speed2 + 0.5 * (0.25 * m2 + 1.0) * speed2**2
        return {
            "angle1": angle1,
            "angle2": angle2,
            "velocity1": speed1 / TOP_1,
            "velocity2": speed2 / TOP_2,
            "height": -np.cos(angle1) - np.cos(angle1 + angle2),
            "energy": (potential + motion) / (2 * GRAVITY * (0.5 * m1 + 1.5 * m2)),
        }

    def of_steps(
        self, before: dict[str, Array], after: dict[str, Array], actions: NDArray[np.int64]
    ) -> dict[str, Array]:
        return {
            "height_gain": after["height"] - before["height"],
            "energy_gain": 10 * (after["energy"] - before["energy"]),
            "pushes_along": np.asarray((actions - 1) * before["velocity2"] > 0, np.float64),
            "torque": np.asarray(actions != 1, np.float64),
            "step": np.ones(len(actions)),
        }
