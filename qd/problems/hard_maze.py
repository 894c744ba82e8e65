"""Hard maze: a two-wheeled robot in a deceptive maze, as in SERENE (Paolo, Coninx, Doncieux, Laflaquiere 2021).

https://arxiv.org/abs/2102.03140; the maze is that of Lehman and Stanley's novelty search (2011) as simulated by
libfastsim (Mouret). A small network drives the wheels from three lasers and two bumpers for 2000 steps. Reward
is sparse: it is paid only where the robot ends inside one of two discs behind walls, so a search must explore.

Provenance and differences: the rules were rebuilt from the behaviour of the released simulator, without its
code. The released bitmap is not redistributed; the walls are thick segments fitted to it (intersection over
union 0.90, same topology), so 2093 of the 2500 cells can be reached, where the bitmap has 2119. Numbers are
float64, float32 there, and tanh is a rational function within 1e-4 of the exact one (``qd.policies``). The
simulation uses no randomness: seeds are ignored.

The column ``images`` is what TAXONS and STAX learn their measures from: white floor, black walls, red areas, blue
robot. The released pictures are 200 x 200 with a robot of 2 pixels, which after shrinking to 64 x 64 is a blob of 1.3
pixels that a reconstruction error hardly feels (``robot_radius=6``). Here it has its true radius of 10 units by
default, and pictures are drawn at their size, every pixel by the exact share that the robot covers.
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
from qd.problems._hard_maze_map import FRAME, UNIT, WALLS, WIDTH, bitmap, pixel, tables
from qd.problems._weights import blank_broken, check_counts, check_layers, frame_steps, frames_asked
from qd.replay import Motion
from qd.space import Box, Measures, Space

START = (60.0, 450.0, np.pi / 4)  # x, y [units], heading [rad], y down
AREAS = ((60.0, 60.0, 50.0), (100.0, 200.0, 50.0))  # x, y, radius R [units] of the reward areas


@dataclass(frozen=True)
class HardMaze(Problem):
    """The hard maze. Solutions are network weights, the measures the robot's final position.

    Network: 5 inputs (lasers at +45, 0 and -45 degrees [0..100 units], left and right bumper [0 or 1]), hidden
    layers, 2 outputs (how far the left and the right wheel roll in this step [units, -1..1]); every layer,
    the last too, puts out 2 sigmoid(x) - 1 and has one bias for all its units. 63 weights by default.

    Objective: (R - d) / R at distance d < R from the centre of a reward area of radius R, else 0.

    >>> HardMaze().solution_space.length
    63
    """

    steps: int = 2000
    """Steps an episode."""

    hidden: tuple[int, ...] = (5, 5)
    """Units of the hidden layers, one to four layers."""

    frames: int = 50
    """Positions kept in the column ``trajectory``, evenly spread over the episode, the last one at its end."""

    faithful_reward: bool = False
    """Pay for the position one step before the end, as the released code does, instead of the final one."""

    images: int = 5
    """Pictures kept in the column ``images``, spread over the episode like ``frames``, the last one at its end."""

    image_size: int = 64
    """Pixels along a side of these pictures."""

    robot_radius: float = 10.0
    """Radius of the robot in pictures [units]; it drives as one of 10. 6 is the blob of the released pictures."""

    reward_areas = ("area 1", "area 2")
    columns = MappingProxyType({
        "trajectory": "(n, frames, 2) x and y along the episode, in maze widths",
        "images": "(n, images, image_size, image_size, 3) uint8 RGB pictures of the maze with the robot, y down",
        "reward_area": "(n,) the reward area that paid, 0 or 1; -1 for none",
    })  # fmt: skip
    world_columns = ("trajectory", "reward_area")
    deterministic = True
    chunk_size = 64  # 64 rows of 2000 steps are about 7 ms
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        check_layers(self)
        check_counts(self)
        if not 0.0 < self.robot_radius <= WIDTH:
            raise QDError(f"HardMaze.robot_radius: got {self.robot_radius}, wanted more than 0 and at most {WIDTH:g}")

    @cached_property
    def policy(self) -> MLP:
        """The network whose weights are evolved."""
        return MLP((5, *self.hidden, 2), activation="tanh_half", bias="scalar")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what the robot senses to what it does."""
        return acting(self.policy, solution)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Weights in [-5, 5], sampled from a standard normal."""
        return Box(-5.0, 5.0, self.policy.length, init_sigma=1.0)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The final position in maze widths, y down, on 50 x 50 cells."""
        return Measures(("x [maze widths]", "y [maze widths]"), (0.0, 0.0), (1.0, 1.0), dims=(50, 50))

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
        final, trace = self.episodes(weights, steps)
        objective, area = reward(final[:, 3:5] if self.faithful_reward else final[:, 0:2])
        measures = final[:, 0:2] / WIDTH
        columns: dict[str, NDArray[Any]] = {}
        if "trajectory" in request.columns:
            columns["trajectory"] = trace[:, moments, 0:2] / WIDTH
        if "images" in request.columns:
            from qd.problems._hard_maze_pictures import pictures

            columns["images"] = pictures(trace[:, shots, 0:2], self.image_size, self.robot_radius)
        if "reward_area" in request.columns:
            columns["reward_area"] = area
        status, reasons = blank_broken(weights, objective, measures)
        cost = {"steps": np.full(n, float(self.steps))}
        return Evaluation(objective, measures, status, columns, cost, {"reward_area": area}, reasons)

    def world(self, device: str, dtype: Any) -> Any:
        """The maze in torch, for ``OnDevice``."""
        from qd.problems._hard_maze_torch import HardMazeWorld

        return HardMazeWorld(self, device, dtype)

    def frame_steps(self) -> NDArray[np.int64]:
        """(frames,) the steps, counted from 0, after which a frame of the trajectory is taken."""
        return frame_steps(self.steps, self.frames)

    def episodes(
        self,
        weights: NDArray[np.float64],
        frames: NDArray[np.int64],
        start: tuple[float, float, float] = START,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Run episodes from any free pose.

        Args:
            weights: (n, d).
            frames: (f,) rising step numbers after which the pose is kept.
            start: x, y [units], heading [rad].

        Returns:
            ``final`` (n, 6): x, y, heading, x and y one step before the end, steps that ended in a collision;
            ``trace`` (n, f, 3): x, y, heading at the frames.
        """
        from qd.problems._hard_maze_kernel import episodes

        tab = tables()
        column, row = pixel(np.array(start[:2]))
        if tab.touching.reshape(bitmap().shape)[np.clip(row, 0, 199), np.clip(column, 0, 199)]:
            raise QDError(f"start: a robot at {start[:2]} touches a wall or is outside; choose a free position")
        final = np.empty((len(weights), 6))
        trace = np.empty((len(weights), len(frames), 3))
        episodes(self.hidden)(
            np.ascontiguousarray(weights, np.float64), np.array(start), self.steps, frames, tab.clear, tab.touching,
            tab.bearings, tab.right, tab.left, tab.ray, tab.touched, tab.ends, tab.steps, tab.memo, final, trace,
        )  # fmt: skip
        return final, trace

    def scene(self) -> dict[str, Any]:
        """Wall outlines, reward areas and the start, in maze widths."""
        f = FRAME * UNIT
        corners = np.array([[f, f], [WIDTH - f, f], [WIDTH - f, WIDTH - f], [f, WIDTH - f], [f, f]])
        lines = [(corners - UNIT / 2) / WIDTH]  # a pixel holds the positions that round to it, half a pixel back
        for x0, y0, x1, y1, thickness in WALLS:
            ends = np.array([[x0, y0], [x1, y1]])
            along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
            half = np.array([-along[1], along[0]]) * thickness / 2
            outline = np.array([ends[0] + half, ends[1] + half, ends[1] - half, ends[0] - half, ends[0] + half])
            lines.append((np.clip(outline, 0.0, WIDTH) - UNIT / 2) / WIDTH)
        circles = [(x / WIDTH, y / WIDTH, r / WIDTH, f"reward {i + 1}") for i, (x, y, r) in enumerate(AREAS)]
        points = [(START[0] / WIDTH, START[1] / WIDTH, "start")]
        return {"lines": lines, "circles": circles, "points": points, "invert_y": True}

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The robot's way through the maze, in maze widths."""
        _, trace = self.episodes(np.asarray(solution, np.float64)[None], np.arange(self.steps))
        path = np.concatenate([[START[:2]], trace[0, :, :2]]) / WIDTH  # (steps + 1, 2)
        return Motion({"robot": path[:, None]}, self.scene(), ("robot",), np.zeros(2), np.ones(2), 0.02)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of the maze with the robot's path, coloured by time."""
        from qd.problems._hard_maze_figure import figure

        weights = np.asarray(solution, np.float64)[None]
        final, trace = self.episodes(weights, np.arange(self.steps))
        path = np.concatenate([[START[:2]], trace[0, :, :2]])  # (steps + 1, 2)
        paid, _ = reward(final[:, 3:5] if self.faithful_reward else final[:, 0:2])
        return figure(path, AREAS, float(paid[0]), int(final[0, 5]))


def reward(positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What a position earns.

    Args:
        positions: (n, 2) [units].

    Returns:
        (n,) reward, the larger one where areas overlap, and (n,) the area that pays it, -1 for none.
    """
    paid = np.zeros(len(positions))
    area = np.full(len(positions), -1, np.int64)
    for index, (x, y, radius) in enumerate(AREAS):
        distance = np.hypot(positions[:, 0] - x, positions[:, 1] - y)
        here = (radius - distance) / radius
        better = here > paid
        paid[better], area[better] = here[better], index
    return paid, area
