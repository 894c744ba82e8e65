"""Deceptive maze: a robot with range finders, in the hard maze of Lehman and Stanley, paid for nearness to the goal.

Novelty search's own task (Lehman and Stanley 2011, https://doi.org/10.1162/EVCO_a_00025), with the walls and the
motion of the hard maze of Such et al. 2017 (https://arxiv.org/abs/1712.06567): 13 walls, 400 steps, and the reward is
minus the straight-line distance to the goal at the end. The reward leads into a pocket behind a wall, 39 px from the
goal as the crow flies and further from it on foot than the start is; the way round takes 483 px.

Provenance and differences: the rules were rebuilt from a description of the released simulator, without its code.
The published network sees pictures of 84 x 84 and has four million weights; this one sees the eleven numbers that the
simulator offers, so that an episode takes a fraction of a millisecond. Numbers are float64, and tanh is a
rational function within 1e-4 of the exact one (``qd.policies``). The simulation uses no randomness: seeds are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Policy, Problem, Request
from qd.errors import QDError
from qd.policies import MLP, acting
from qd.problems._weights import blank_broken, frame_steps
from qd.replay import Motion
from qd.space import Box, Measures, Space

START = (36.0, 184.0, 0.0)  # x, y [px], y down, heading [degrees]
GOAL = (31.0, 20.0)  # x, y [px]
REACHED = 10.0  # nearer than this, the goal counts as reached [px]
# Walls: x and y of both ends [px].
WALLS = (
    (41.0, 5.0, 3.0, 8.0),
    (3.0, 8.0, 4.0, 49.0),
    (4.0, 49.0, 57.0, 53.0),
    (4.0, 49.0, 7.0, 202.0),
    (7.0, 202.0, 195.0, 198.0),
    (195.0, 198.0, 186.0, 8.0),
    (186.0, 8.0, 39.0, 5.0),
    (56.0, 54.0, 56.0, 157.0),
    (57.0, 106.0, 158.0, 162.0),
    (77.0, 201.0, 108.0, 164.0),
    (6.0, 80.0, 33.0, 121.0),
    (192.0, 146.0, 87.0, 91.0),
    (56.0, 55.0, 133.0, 30.0),
)
LOW, HIGH = (3.0, 5.0), (195.0, 202.0)  # the walls' bounding box [px]


@dataclass(frozen=True)
class DeceptiveMaze(Problem):
    """The deceptive maze. Solutions are network weights, the measures the robot's final position.

    Network: 11 inputs (1; the distance to a wall in directions -90, -45, 0, 45, 90 and -180 degrees from the heading,
    in ranges of 100 px, 1 for none; four bits that say in which quarter the goal lies: ahead, +90, behind, -90),
    hidden layers of tanh, 2 outputs (the angular velocity and the speed to steer for: -0.5 to 0.5 asks for -3 to 3
    degrees or px a step, more is cut). 226 weights by default.

    Objective: minus the distance to the goal after the last step [px]; above -10 the goal is reached.

    >>> DeceptiveMaze().solution_space.length
    226
    """

    steps: int = 400
    """Steps an episode."""

    hidden: tuple[int, ...] = (16,)
    """Units of the hidden layers, at most four layers."""

    frames: int = 50
    """Positions kept in the column ``trajectory``, evenly spread over the episode, the last one at its end."""

    columns = MappingProxyType({
        "trajectory": "(n, frames, 2) x and y along the episode [px]",
        "reached": "(n,) whether the robot ends within 10 px of the goal",
    })  # fmt: skip
    world_columns = ("trajectory", "reached")
    deterministic = True
    chunk_size = 64  # 64 rows of 400 steps are about 4 ms
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(int(units) for units in self.hidden))
        if len(self.hidden) > 4 or min(self.hidden, default=1) < 1:
            raise QDError(f"DeceptiveMaze.hidden: got {self.hidden}, wanted at most four layers of at least 1 unit")
        for name in ("steps", "frames"):
            if getattr(self, name) < 1:
                raise QDError(f"DeceptiveMaze.{name}: got {getattr(self, name)}, wanted at least 1")

    @cached_property
    def policy(self) -> MLP:
        """The network whose weights are evolved."""
        return MLP((11, *self.hidden, 2), activation="tanh")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what the robot senses to what it does."""
        return acting(self.policy, solution)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Weights in [-5, 5], sampled from a standard normal."""
        return Box(-5.0, 5.0, self.policy.length, init_sigma=1.0)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The final position, y down, on 50 x 50 cells."""
        return Measures(("x [px]", "y [px]"), LOW, HIGH, dims=(50, 50))

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs its steps."""
        return {"steps": float(self.steps)}

    def prepare(self) -> None:
        """Load or compile the kernel for this network's shape."""
        self.episodes(np.zeros((1, self.policy.length)), np.zeros(0, np.int64))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        return evaluated(self, request, np.asarray(request.solutions, np.float64))

    def world(self, device: str, dtype: Any) -> Any:
        """The maze in torch, for ``OnDevice``."""
        from qd.problems._deceptive_maze_torch import DeceptiveMazeWorld

        return DeceptiveMazeWorld(self, device, dtype)

    def episodes(
        self,
        weights: NDArray[np.float64],
        frames: NDArray[np.int64],
        start: tuple[float, float, float] = START,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Run episodes from any free pose.

        Args:
            weights: (n, d).
            frames: (f,) rising step numbers, counted from 0, after which the position is kept.
            start: x, y [px], heading [degrees].

        Returns:
            ``final`` (n, 4): x, y, heading, steps in which a wall was in the way; ``trace`` (n, f, 2): x and y.
        """
        from qd.problems._deceptive_maze_kernel import episodes, free, segments

        walls = segments(WALLS)
        if not free(start[0], start[1], walls):
            raise QDError(f"start: a robot at {start[:2]} touches a wall; choose a free position")
        final, trace = np.empty((len(weights), 4)), np.empty((len(weights), len(frames), 2))
        episodes(self.hidden)(
            np.ascontiguousarray(weights, np.float64), walls, np.array(start), np.array(GOAL), self.steps,
            np.asarray(frames, np.int64), final, trace,
        )  # fmt: skip
        return final, trace

    def scene(self) -> dict[str, Any]:
        """The walls, the goal and the start."""
        return scene()

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The robot's way through the maze."""
        _, trace = self.episodes(np.asarray(solution, np.float64)[None], np.arange(self.steps))
        path = np.concatenate([[START[:2]], trace[0]])  # (steps + 1, 2)
        return Motion({"robot": path[:, None]}, self.scene(), ("robot",), np.array(LOW), np.array(HIGH), 0.05)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of the maze with the robot's path, coloured by time."""
        from qd.problems._deceptive_maze_figure import figure

        final, trace = self.episodes(np.asarray(solution, np.float64)[None], np.arange(self.steps))
        return figure(np.concatenate([[START[:2]], trace[0]]), WALLS, GOAL, REACHED, int(final[0, 3]))


def scene() -> dict[str, Any]:
    """The walls, the goal and the start, as a viewer draws them."""
    return {
        "lines": [np.array(wall).reshape(2, 2) for wall in WALLS],
        "circles": [(*GOAL, REACHED, "goal")],
        "points": [(START[0], START[1], "start")],
        "invert_y": True,
    }


class Maze(Protocol):
    """What the maze with sensors and the one from pictures share."""

    @property
    def steps(self) -> int:
        """Steps an episode."""

    @property
    def frames(self) -> int:
        """Positions of the trajectory."""

    def episodes(
        self, weights: NDArray[Any], frames: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """``final`` (n, 4) and ``trace`` (n, f, 2) of whole episodes."""


def evaluated(maze: Maze, request: Request, weights: NDArray[Any]) -> Evaluation:
    """The results of a request's weights (n, d) in a maze."""
    frames = frame_steps(maze.steps, maze.frames) if "trajectory" in request.columns else np.zeros(0, np.int64)
    final, trace = maze.episodes(weights, frames)
    measures = final[:, 0:2].copy()
    objective = -np.hypot(measures[:, 0] - GOAL[0], measures[:, 1] - GOAL[1])
    columns: dict[str, NDArray[Any]] = {}
    if "trajectory" in request.columns:
        columns["trajectory"] = trace
    if "reached" in request.columns:
        columns["reached"] = objective > -REACHED
    status, reasons = blank_broken(weights, objective, measures)
    cost = {"steps": np.full(len(weights), float(maze.steps))}
    return Evaluation(objective, measures, status, columns, cost, reasons=reasons)
