"""MiniGrid, Chevalier-Boisvert et al. 2023: grid worlds with keys, doors and sparse reward.

https://arxiv.org/abs/2306.13831, https://minigrid.farama.org.
The network sees the 7 x 7 cells before it (object, colour, state of each) and which way it faces; the mission's text is
left out. The largest of seven outputs chooses: left, right, forward, pick up, drop, toggle, done. The reward is the
environment's own: 0, or 1 - 0.9 steps / max_steps where the goal is reached. The measures are where it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.problems._environment_problem import EnvironmentProblem
from qd.problems._gym_interface import Encode, make
from qd.problems.step_measures import Probe, StepMeasure
from qd.space import Measures

KINDS = (11, 6, 4)  # objects, colours, states (of a door, or where an agent faces) that a cell can show
_ENCODINGS = ("one_hot", "scaled")


def _cells(env: Any) -> Measures:
    world = env.unwrapped
    size = (int(world.width), int(world.height))
    return Measures(("x [grid widths]", "y [grid heights]"), (0.0, 0.0), (1.0, 1.0), dims=size)


def _where(env: Any) -> Probe:
    world = env.unwrapped
    return lambda observation, action: [
        (world.agent_pos[0] + 0.5) / world.width,
        (world.agent_pos[1] + 0.5) / world.height,
    ]


AGENT_POSITION = StepMeasure(_cells, _where, "last")


@dataclass(frozen=True)
class MiniGrid(EnvironmentProblem):
    """A network in a MiniGrid world, for one episode. The measures are the middle of the last cell, y down.

    >>> problem = MiniGrid("MiniGrid-Empty-5x5-v0", hidden=(8,))
    >>> problem.solution_space.length, problem.measure_space.dims, problem.costs["steps"]
    (1279, (5, 5), 100.0)
    """

    id: str = "MiniGrid-Empty-8x8-v0"
    """The world's registered id."""
    measures: str | StepMeasure | None = AGENT_POSITION
    """Where the agent ends, or a measure of one's own."""
    hidden: tuple[int, ...] = (32,)
    """Units of the network's hidden layers."""
    encoding_of_cells: Literal["scaled", "one_hot"] = "scaled"
    """scaled: 3 numbers a cell, each from 0 to 1; one_hot: 21 a cell. Directions are one-hot."""
    layout_seed: int | None = 0
    """The layout of every episode; None: each row's seed makes its own."""

    def __post_init__(self) -> None:
        if self.encoding_of_cells not in _ENCODINGS:
            raise QDError(f"MiniGrid.encoding_of_cells: got {self.encoding_of_cells!r}, "
                          f"{nearest(str(self.encoding_of_cells), _ENCODINGS)}")  # fmt: skip
        if self.layout_seed is not None and not 0 <= self.layout_seed < 2**31:
            raise QDError(f"MiniGrid.layout_seed: got {self.layout_seed}, wanted None or 0 to {2**31 - 1}")
        super().__post_init__()

    @property
    def deterministic(self) -> bool:  # type: ignore[override]
        """With one layout there is no randomness."""
        return self.layout_seed is not None

    def reset_seed(self, seed: int) -> int:
        return super().reset_seed(seed) if self.layout_seed is None else self.layout_seed

    def make_environment(self, **extra: Any) -> Any:
        """A new world."""
        try:
            import minigrid  # noqa: F401  its import registers the worlds
        except ImportError as error:
            raise QDError(f"MiniGrid.id: {self.id!r} needs minigrid ({error}): "
                          "pip install 'qd-evolution[gym]'") from error  # fmt: skip
        limit: dict[str, Any] = {"max_steps": self.max_steps} if self.max_steps else {}
        env = make(self.id, {**self.options, **limit, **extra})
        if not {"image", "direction"} <= set(getattr(env.observation_space, "spaces", ())):
            raise QDError(f"MiniGrid.id: {self.id!r} is not a MiniGrid world; use qd.problems.Gym")
        return env

    def step_limit(self, env: Any) -> int:
        """That of the world."""
        return int(env.unwrapped.max_steps)

    @cached_property
    def encoding(self) -> tuple[int, Encode]:
        """The view, cell by cell, then the direction."""
        cells = int(np.prod(self._first.observation_space["image"].shape[:2]))
        directions = np.eye(4)
        if self.encoding_of_cells == "scaled":
            largest = np.array(KINDS, np.float64) - 1.0

            def scaled(observation: Mapping[str, Any]) -> NDArray[np.float64]:
                view = (observation["image"] / largest).ravel()
                return np.concatenate([view, directions[observation["direction"]]])

            return cells * len(KINDS) + 4, scaled
        first = np.cumsum((0, *KINDS[:-1]))
        place = np.arange(cells)[:, None] * sum(KINDS) + first  # (cells, 3) where each cell's blocks begin

        def one_hot(observation: Mapping[str, Any]) -> NDArray[np.float64]:
            seen = np.zeros(cells * sum(KINDS) + 4)
            seen[(place + observation["image"].reshape(cells, len(KINDS))).ravel()] = 1.0
            seen[cells * sum(KINDS) + int(observation["direction"])] = 1.0
            return seen

        return cells * sum(KINDS) + 4, one_hot
