"""Humanoid trap: gymnasium's humanoid in front of three walls that open towards it (Conti et al. 2018).

https://arxiv.org/abs/1712.06560: who walks ahead as the reward asks walks into the trap; who explores walks around it.
The walls are the boxes of the authors' released model: one across the way at 5.5 m, 3 m wide, and one on either side of
the last 3 m before it, all 2 m high above the ground. The humanoid is gymnasium's, ``Humanoid-v5``, with 348
observations where the published one had 376, so rewards are not comparable.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from qd.errors import QDError
from qd.problems._gym_interface import make
from qd.problems.gym import Gym
from qd.problems.step_measures import Probe, StepMeasure
from qd.space import Measures

WALLS = (  # centre x, y, half sizes x, y [m]
    (5.5, 0.0, 0.1, 1.5),
    (4.0, 1.5, 1.5, 0.1),
    (4.0, -1.5, 1.5, 0.1),
)
HALF_HEIGHT = 2.0  # about the ground [m]


def _space(env: Any) -> Measures:
    return Measures(("x [m]", "y [m]"), (-5.0, -10.0), (15.0, 10.0), dims=(50, 50))


def _probe(env: Any) -> Probe:
    model, data = env.unwrapped.model, env.unwrapped.data
    share = model.body_mass / model.body_mass.sum()
    return lambda observation, action: share @ data.xipos[:, :2]


CENTRE_OF_MASS = StepMeasure(_space, _probe, "last")


@dataclass(frozen=True)
class HumanoidTrap(Gym):
    """A network that walks the humanoid; the measures are the final place of its centre of mass.

    >>> HumanoidTrap(hidden=(256, 256)).solution_space.length
    159505
    """

    id: str = "Humanoid-v5"
    """The environment; another one's model has no walls."""
    measures: str | StepMeasure | None = CENTRE_OF_MASS
    """The final place of the centre of mass; any measure of ``Gym`` in its stead."""
    weight_bound: float = 100.0
    """Weights lie between -weight_bound and weight_bound."""
    init_sigma: float = 0.05
    """Standard deviation of a random network's weights."""

    def __post_init__(self) -> None:
        if self.id != "Humanoid-v5":
            raise QDError(f"HumanoidTrap.id: got {self.id!r}, wanted 'Humanoid-v5'; for others without walls take Gym")
        super().__post_init__()

    def make_environment(self, **extra: Any) -> Any:
        """A new environment between walls."""
        limit = {"max_episode_steps": self.max_steps} if self.max_steps else {}
        file, path = tempfile.mkstemp(suffix=".xml")  # gymnasium reads models from files alone
        try:
            with os.fdopen(file, "w") as model:
                model.write(walled())
            return make(self.id, {**self.options, **limit, **extra, "xml_file": path}, self.wrap)
        finally:
            os.unlink(path)

    def scene(self) -> dict[str, Any]:
        """The walls and the start."""
        lines = []
        for x, y, half_x, half_y in WALLS:
            lines.append(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * (half_x, half_y) + (x, y))
        return {"lines": lines, "points": [(0.0, 0.0, "start")]}


def walled() -> str:
    """Gymnasium's model of the humanoid, with the walls."""
    try:
        asset = resources.files("gymnasium") / "envs" / "mujoco" / "assets" / "humanoid.xml"
    except ImportError as error:
        raise QDError(f"HumanoidTrap needs gymnasium ({error}): pip install 'qd-evolution[gym]'") from error
    boxes = "".join(
        f'<geom type="box" pos="{x} {y} 0" size="{half_x} {half_y} {HALF_HEIGHT}" conaffinity="1" condim="3"/>'
        for x, y, half_x, half_y in WALLS
    )
    return asset.read_text().replace("</worldbody>", f"{boxes}</worldbody>")
