"""Image maze: the deceptive maze seen from above, by a network of up to four million weights.

The "Image Hard Maze" of Such et al. 2017 (https://arxiv.org/abs/1712.06567): walls, motion and reward of
``DeceptiveMaze``, but the network sees four pictures of 84 x 84, now and of the three steps before, and puts out the
angular velocity and the speed to steer for. There the genetic algorithm on novelty comes to the goal, and searches on
reward stay in the pocket.

Provenance and differences: no code of the picture version was released, so what the pictures show is our choice. The
maze is drawn at 168 x 168 and averaged to 84 x 84: floor 0, walls 0.5, the robot a disc of its true radius at 1 with a
mark of 0 before its centre that shows the heading. Before the start the robot stood where it starts. Positions are
float64, networks float32. The simulation uses no randomness: seeds are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Policy, Problem, Request
from qd.errors import QDError
from qd.policies import ConvNet, acting
from qd.problems.deceptive_maze import GOAL, HIGH, LOW, REACHED, START, WALLS, evaluated, scene
from qd.replay import Motion
from qd.space import Box, Measures, Space


@dataclass(frozen=True)
class ImageMaze(Problem):
    """The deceptive maze from pictures. Solutions are network weights, the measures the robot's final position.

    Objective: minus the distance to the goal after the last step [px]; above -10 the goal is reached.

    >>> ImageMaze().solution_space.length, ImageMaze(network="tiny").solution_space.length
    (4044450, 66170)
    """

    network: str = "large"
    """The convolutional network: the published ``"large"``, ``"small"`` (1,004,338 weights) or ``"tiny"`` (66,170)."""

    steps: int = 400
    """Steps an episode."""

    frames: int = 50
    """Positions kept in the column ``trajectory``, evenly spread over the episode, the last one at its end."""

    columns = MappingProxyType({
        "trajectory": "(n, frames, 2) x and y along the episode [px]",
        "reached": "(n,) whether the robot ends within 10 px of the goal",
    })  # fmt: skip
    world_columns = ("trajectory", "reached")
    deterministic = True
    chunk_size = 8  # a row of the tiny network is about 10 ms, of the large one 0.2 s
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        ConvNet.named(self.network, 2, "ImageMaze.network")
        for name in ("steps", "frames"):
            if getattr(self, name) < 1:
                raise QDError(f"ImageMaze.{name}: got {getattr(self, name)}, wanted at least 1")

    @cached_property
    def policy(self) -> ConvNet:
        """The network whose weights are evolved."""
        return ConvNet.named(self.network, 2)

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what the robot senses to what it does."""
        return acting(self.policy, solution)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Any float32 weights, sampled by layer as ``ConvNet.initial_sigma`` says."""
        return Box(-np.inf, np.inf, self.policy.length, init_sigma=self.policy.initial_sigma(), dtype="float32")

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The final position, y down, on 50 x 50 cells."""
        return Measures(("x [px]", "y [px]"), LOW, HIGH, dims=(50, 50))

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs its steps."""
        return {"steps": float(self.steps)}

    def prepare(self) -> None:
        """Load or compile the kernels."""
        self.episodes(np.zeros((1, self.policy.length), np.float32), np.zeros(0, np.int64))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        return evaluated(self, request, np.asarray(request.solutions, np.float32))

    def world(self, device: str, dtype: Any) -> Any:
        """The maze in torch, for ``OnDevice``."""
        from qd.problems._image_maze_torch import ImageMazeWorld

        return ImageMazeWorld(self, device, dtype)

    def episodes(
        self,
        weights: NDArray[np.float32],
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
        from qd.policies._conv_kernel import layout, memory
        from qd.problems._deceptive_maze_kernel import free, segments
        from qd.problems._image_maze_kernel import FRAMES, background_fine, coarse, episodes

        walls = segments(WALLS)
        if not free(start[0], start[1], walls):
            raise QDError(f"start: a robot at {start[:2]} touches a wall; choose a free position")
        fine = background_fine(WALLS)
        picture = np.repeat(coarse(fine), FRAMES)
        final, trace = np.empty((len(weights), 4)), np.empty((len(weights), len(frames), 2))
        episodes(
            np.ascontiguousarray(weights, np.float32), *layout(self.policy), picture, fine, walls, np.array(start),
            self.steps, np.asarray(frames, np.int64), *memory(self.policy), final, trace,
        )  # fmt: skip
        return final, trace

    def scene(self) -> dict[str, Any]:
        """The walls, the goal and the start."""
        return scene()

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The robot's way through the maze."""
        _, trace = self.episodes(np.asarray(solution, np.float32)[None], np.arange(self.steps))
        path = np.concatenate([[START[:2]], trace[0]])  # (steps + 1, 2)
        return Motion({"robot": path[:, None]}, self.scene(), ("robot",), np.array(LOW), np.array(HIGH), 0.05)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of the maze with the robot's path, coloured by time."""
        from qd.problems._deceptive_maze_figure import figure

        final, trace = self.episodes(np.asarray(solution, np.float32)[None], np.arange(self.steps))
        return figure(np.concatenate([[START[:2]], trace[0]]), WALLS, GOAL, REACHED, int(final[0, 3]))


def picture(pose: tuple[float, float, float]) -> NDArray[np.float32]:
    """(84, 84) what a robot at x, y [px] and heading [degrees] looks like from above, 0 to 1."""
    from qd.problems._image_maze_kernel import PIXELS, background_fine, coarse, draw
    from qd.problems._trig import sincos_turns

    fine = background_fine(WALLS)
    rows, columns, differences = np.zeros(PIXELS, np.int64), np.zeros(PIXELS, np.int64), np.zeros(PIXELS, np.float32)
    count = draw(pose[0], pose[1], *sincos_turns(pose[2] / 360.0), fine, rows, columns, differences)
    drawn = coarse(fine)
    drawn[rows[:count], columns[:count]] += differences[:count]
    return drawn
