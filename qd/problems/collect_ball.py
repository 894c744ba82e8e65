"""Collect ball: a two-wheeled robot with a gripper brings balls home, after Doncieux and Mouret (2010).

Behavioral diversity measures for Evolutionary Robotics, CEC 2010, https://doi.org/10.1109/CEC.2010.5586100; in the
form with one start, six balls and 2000 steps of Paolo's gym_collectball (2020). A small network drives the robot of
the hard maze (``HardMaze``: same wheels, lasers, bumpers and rounding to pixels) through an arena of two rooms. It is
a task of several stages, where much happens on the way, so it suits descriptors of whole trajectories.

Provenance: balls, home, start, pick-up distance, doubled wheel speed, the ten inputs and the meaning of the third
output are those of gym_collectball as released, without its code. The light sensors (-45 to 5 and -5 to 45 degrees,
any distance, not through walls) and the map are those of the release that it grew from (Fersula's CoEvolution), whose
map is that of Doncieux and Mouret; its walls are rectangles and are given here by their corners. Which configuration
the published figures used is not known.

Where we differ: the start's heading is 45 degrees, which is what the released code says, though it hands the number to
a simulator that counts in radians. The gripper acts where the robot stands after the step, one step behind there. A
light exactly at the robot's own position is not seen. Numbers are float64, and tanh is a rational function within
1e-4 of the exact one (``qd.policies``). The simulation uses no randomness: seeds are ignored.
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
from qd.policies import MLP, acting
from qd.problems._collect_ball_map import BALLS, FRAME, HOME, WALLS, bitmap, lit, tables
from qd.problems._fastsim_map import SIDE, UNIT, WIDTH, pixel
from qd.problems._weights import blank_broken, check_counts, check_layers, frame_steps, frames_asked
from qd.replay import Motion
from qd.space import Box, Measures, Space

START = (*HOME, np.pi / 4)  # x, y [units], heading [rad], y down
NEAR = 10.0  # how near to a ball or to home the gripper works [units]


@dataclass(frozen=True)
class CollectBall(Problem):
    """Balls brought home by a robot. Solutions are network weights, the measures the robot's final position.

    Network: 10 inputs (lasers at +45, 0 and -45 degrees [0..100 units], left and right bumper, a ball seen to the
    left, to the right, home seen to the left, to the right, a ball carried [0 or 1 each]), hidden layers, 3 outputs
    (left and right wheel, in units of 2 a step, and the gripper); every layer, the last too, puts out
    2 sigmoid(x) - 1 and has one bias for all its units. 93 weights by default.

    The gripper picks up the first ball within 10 units while its output is above 0, one at a time, and lets go
    otherwise: within 10 units of home the ball counts and is gone, elsewhere it lies where the robot stands.

    Objective: balls brought home, 0 to 6.

    >>> CollectBall().solution_space.length
    93
    """

    steps: int = 2000
    """Steps an episode."""

    hidden: tuple[int, ...] = (5, 5)
    """Units of the hidden layers, one to four layers."""

    frames: int = 50
    """Positions kept in the column ``trajectory``, evenly spread over the episode, the last one at its end."""

    images: int = 5
    """Pictures kept in the column ``images``, spread over the episode like ``frames``, the last one at its end."""

    image_size: int = 64
    """Pixels along a side of these pictures."""

    reward_areas = ("home",)
    columns = MappingProxyType({
        "trajectory": "(n, frames, 2) x and y along the episode, in arena widths",
        "images": "(n, images, image_size, image_size, 3) uint8 RGB pictures of arena, home, robot and balls, y down",
        "balls": "(n, 6, 2) where the balls are at the end, in arena widths; those brought home are there",
        "reward_area": "(n,) 0 where a ball was brought home, else -1",
    })  # fmt: skip
    deterministic = True
    chunk_size = 64
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        check_layers(self)
        check_counts(self)

    @cached_property
    def policy(self) -> MLP:
        """The network whose weights are evolved."""
        return MLP((10, *self.hidden, 3), activation="tanh_half", bias="scalar")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what the robot senses to what it does."""
        return acting(self.policy, solution)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Weights in [-5, 5], sampled from a standard normal."""
        return Box(-5.0, 5.0, self.policy.length, init_sigma=1.0)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The robot's final position in arena widths, y down, on 50 x 50 cells."""
        return Measures(("x [arena widths]", "y [arena widths]"), (0.0, 0.0), (1.0, 1.0), dims=(50, 50))

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs its steps."""
        return {"steps": float(self.steps)}

    def prepare(self) -> None:
        """Load or compile the kernel for this network's shape."""
        self.episodes(np.zeros((1, self.policy.length)), np.zeros(0, np.int64))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        weights = np.asarray(request.solutions, np.float64)  # (n, d)
        n = len(weights)
        steps, moments, shots = frames_asked(self, request)
        final, trace, balls = self.episodes(weights, steps)
        objective, measures = final[:, 3].copy(), final[:, 0:2] / WIDTH
        area = np.where(objective > 0, 0, -1).astype(np.int64)
        columns: dict[str, NDArray[Any]] = {}
        if "trajectory" in request.columns:
            columns["trajectory"] = trace[:, moments, 0:2] / WIDTH
        if "images" in request.columns:
            from qd.problems._collect_ball_pictures import pictures

            columns["images"] = pictures(trace[:, shots], self.image_size)
        if "balls" in request.columns:
            columns["balls"] = balls / WIDTH
        if "reward_area" in request.columns:
            columns["reward_area"] = area
        status, reasons = blank_broken(weights, objective, measures)
        cost = {"steps": np.full(n, float(self.steps))}
        return Evaluation(objective, measures, status, columns, cost, {"reward_area": area}, reasons)

    def frame_steps(self) -> NDArray[np.int64]:
        """(frames,) the steps, counted from 0, after which a frame of the trajectory is taken."""
        return frame_steps(self.steps, self.frames)

    def episodes(
        self,
        weights: NDArray[np.float64],
        frames: NDArray[np.int64],
        start: tuple[float, float, float] = START,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Run episodes from any free pose.

        Args:
            weights: (n, d).
            frames: (f,) rising step numbers after which the pose is kept.
            start: x, y [units], heading [rad].

        Returns:
            ``final`` (n, 6): x, y, heading, balls brought home, the ball carried or -1, steps that ended in a
            collision; ``trace`` (n, f, 15): x, y, heading, then x and y of each ball at the frames, NaN once it is
            home; ``balls`` (n, 6, 2) [units] at the end.
        """
        from qd.problems._collect_ball_kernel import episodes

        tab = tables()
        column, row = pixel(np.array(start[:2]))
        if tab.touching.reshape(bitmap().shape)[np.clip(row, 0, SIDE - 1), np.clip(column, 0, SIDE - 1)]:
            raise QDError(f"start: a robot at {start[:2]} touches a wall or is outside; choose a free position")
        final = np.empty((len(weights), 6))
        trace = np.empty((len(weights), len(frames), 3 + 2 * len(BALLS)))
        balls = np.empty((len(weights), len(BALLS), 2))
        episodes(self.hidden)(
            np.ascontiguousarray(weights, np.float64), np.array(start), self.steps, frames, tab.clear, tab.touching,
            tab.bearings, tab.right, tab.left, tab.ray, tab.touched, tab.ends, tab.steps, tab.memo, lit(),
            final, trace, balls,
        )  # fmt: skip
        return final, trace, balls

    def scene(self) -> dict[str, Any]:
        """Wall outlines, balls, home and the start, in arena widths."""
        boxes = [(FRAME, FRAME, SIDE - FRAME, SIDE - FRAME), *WALLS]
        lines = [
            (np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]) * UNIT - UNIT / 2) / WIDTH
            for x0, y0, x1, y1 in boxes  # a pixel holds the positions that round to it, half a pixel back
        ]
        circles = [(x / WIDTH, y / WIDTH, NEAR / WIDTH, f"ball {i + 1}") for i, (x, y) in enumerate(BALLS)]
        circles.append((HOME[0] / WIDTH, HOME[1] / WIDTH, NEAR / WIDTH, "home"))
        points = [(START[0] / WIDTH, START[1] / WIDTH, "start")]
        return {"lines": lines, "circles": circles, "points": points, "invert_y": True}

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The robot's way, and the balls: one that is home stays there."""
        _, trace, _ = self.episodes(np.asarray(solution, np.float64)[None], np.arange(self.steps))
        robot = np.concatenate([[START[:2]], trace[0, :, :2]]) / WIDTH  # (steps + 1, 2)
        bodies = {"robot": robot[:, None]}
        for i, ball in enumerate(BALLS):
            places = np.concatenate([[ball], trace[0, :, 3 + 2 * i : 5 + 2 * i]])
            bodies[f"ball {i + 1}"] = np.where(np.isnan(places), HOME, places)[:, None] / WIDTH
        return Motion(bodies, self.scene(), ("robot",), np.zeros(2), np.ones(2), 0.02)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of the arena with the robot's path, coloured by time, and where the balls were."""
        from qd.problems._fastsim_figure import figure

        final, trace, _ = self.episodes(np.asarray(solution, np.float64)[None], np.arange(self.steps))
        path = np.concatenate([[START[:2]], trace[0, :, :2]])  # (steps + 1, 2)
        circles = [(x, y, NEAR, f"{i + 1}") for i, (x, y) in enumerate(BALLS)] + [(*HOME, NEAR, "home")]
        title = f"{final[0, 3]:.0f} balls home, {final[0, 5]:.0f} of {self.steps} steps in collision"
        return figure(bitmap(), path, circles, title)
