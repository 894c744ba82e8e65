"""Point2D: a point on a square, steered by a small network; the quick check of SERENE and STAX (Paolo and others).

https://arxiv.org/abs/2102.03140, https://arxiv.org/abs/2111.01919; their released code checks searches on such a point
before it runs them on robots. An episode costs microseconds, so whole runs take seconds, with pictures too.

Provenance and differences: from the released settings are the network (2 - 5 - 5 - 2, 48 weights), 50 steps, and the
square -1 to 1 in 50 x 50 cells. Ours are the rest: the network sees the position and puts out the velocity; 20 steps
at full speed reach the border, which stops what moves against it; and the optional ``areas`` that pay a sparse reward.
tanh is a rational function within 1e-4 of the exact one (``qd.policies``). No randomness: seeds are ignored.
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
from qd.problems._weights import blank_broken, check_counts, frames_asked
from qd.replay import Motion
from qd.space import Box, Measures, Space

SPEED = 0.05  # length of a step in x and y at full output
EDGE = 1.0  # positions lie in -EDGE..EDGE


@dataclass(frozen=True)
class Point2D(Problem):
    """A point that starts at (0, 0). Solutions are network weights, the measures its final position.

    Network: 2 inputs (x and y), hidden layers, 2 outputs (velocity in x and y, -1..1 of full speed); every layer, the
    last too, puts out 2 sigmoid(x) - 1 and has one bias for all its units. 48 weights by default.

    Objective: (R - d) / R at distance d < R from the centre of an area of radius R, the larger number where areas
    overlap, else 0; without ``areas`` it is 0 everywhere.

    >>> Point2D().solution_space.length
    48
    >>> Point2D(areas=((0.5, 0.5, 0.2), (-0.8, 0.0, 0.1))).reward_areas
    ('area 1', 'area 2')
    """

    steps: int = 50
    """Steps an episode."""

    hidden: tuple[int, ...] = (5, 5)
    """Units of the hidden layers; () for none."""

    areas: tuple[tuple[float, float, float], ...] = ()
    """Discs that pay a reward: x, y and radius of each."""

    frames: int = 25
    """Positions kept in the column ``trajectory``, evenly spread over the episode, the last one at its end."""

    images: int = 5
    """Pictures kept in the column ``images``, spread over the episode like ``frames``, the last one at its end."""

    image_size: int = 64
    """Pixels along a side of these pictures."""

    columns = MappingProxyType({
        "trajectory": "(n, frames, 2) x and y along the episode",
        "images": "(n, images, image_size, image_size, 3) uint8 RGB pictures, a blue disc on white, y up",
        "reward_area": "(n,) the reward area that paid, counted from 0; -1 for none",
    })  # fmt: skip
    deterministic = True
    chunk_size = 512  # 512 rows of 50 steps are a few ms
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(int(units) for units in self.hidden))
        if self.hidden and min(self.hidden) < 1:
            raise QDError(f"Point2D.hidden: got {self.hidden}, wanted layers of at least 1 unit")
        check_counts(self)
        for area in self.areas:
            if len(area) != 3 or not (max(abs(area[0]), abs(area[1])) <= EDGE and 0 < area[2] < np.inf):
                raise QDError(f"Point2D.areas: got {area}, wanted (x, y, radius) in -1..1 and of a radius above 0")
        object.__setattr__(self, "areas", tuple((float(x), float(y), float(radius)) for x, y, radius in self.areas))

    @cached_property
    def reward_areas(self) -> tuple[str, ...]:  # type: ignore[override]
        """A name for each of ``areas``."""
        return tuple(f"area {index + 1}" for index in range(len(self.areas)))

    @cached_property
    def policy(self) -> MLP:
        """The network whose weights are evolved."""
        return MLP((2, *self.hidden, 2), activation="tanh_half", bias="scalar")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what the robot senses to what it does."""
        return acting(self.policy, solution)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Weights in [-5, 5], sampled from a standard normal."""
        return Box(-5.0, 5.0, self.policy.length, init_sigma=1.0)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The final position on 50 x 50 cells."""
        return Measures(("x", "y"), (-EDGE, -EDGE), (EDGE, EDGE), dims=(50, 50))

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs its steps."""
        return {"steps": float(self.steps)}

    def prepare(self) -> None:
        """Load or compile the kernel."""
        self.episodes(np.zeros((1, self.policy.length)), np.zeros(0, np.int64))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        weights = np.asarray(request.solutions, np.float64)  # (n, d)
        steps, moments, shots = frames_asked(self, request)
        final, trace = self.episodes(weights, steps)
        objective, area = self.reward(final)
        columns: dict[str, NDArray[Any]] = {}
        if "trajectory" in request.columns:
            columns["trajectory"] = trace[:, moments]
        if "images" in request.columns:
            from qd.problems._point2d_kernel import pictures

            columns["images"] = pictures(trace[:, shots], self.areas, self.image_size)
        if "reward_area" in request.columns:
            columns["reward_area"] = area
        status, reasons = blank_broken(weights, objective, final)
        cost = {"steps": np.full(len(weights), float(self.steps))}
        return Evaluation(objective, final, status, columns, cost, {"reward_area": area}, reasons)

    def episodes(
        self, weights: NDArray[np.float64], frames: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Run episodes.

        Args:
            weights: (n, d).
            frames: (f,) rising step numbers after which the position is kept.

        Returns:
            ``final`` (n, 2) x, y; ``trace`` (n, f, 2) x, y at the frames.
        """
        from qd.policies._mlp_kernel import codes
        from qd.problems._point2d_kernel import episodes

        final = np.empty((len(weights), 2))
        trace = np.empty((len(weights), len(frames), 2))
        sizes, activations = np.array(self.policy.sizes, np.int64), codes(self.policy.activations)
        episodes(np.ascontiguousarray(weights, np.float64), sizes, activations, self.steps, frames, final, trace)
        return final, trace

    def reward(self, positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """What positions (n, 2) earn (n,), and the area that pays it (n,), -1 for none."""
        paid = np.zeros(len(positions))
        area = np.full(len(positions), -1, np.int64)
        for index, (x, y, radius) in enumerate(self.areas):
            here = (radius - np.hypot(positions[:, 0] - x, positions[:, 1] - y)) / radius
            better = here > paid
            paid[better], area[better] = here[better], index
        return paid, area

    def scene(self) -> dict[str, Any]:
        """Border, reward areas and the start."""
        border = EDGE * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]], float)
        circles = [(x, y, radius, f"reward {index + 1}") for index, (x, y, radius) in enumerate(self.areas)]
        return {"lines": [border], "circles": circles, "points": [(0.0, 0.0, "start")]}

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The point's way."""
        _, trace = self.episodes(np.asarray(solution, np.float64)[None], np.arange(self.steps))
        path = np.concatenate([np.zeros((1, 2)), trace[0]])  # (steps + 1, 2)
        return Motion({"point": path[:, None]}, self.scene(), ("point",), np.full(2, -EDGE), np.full(2, EDGE))

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of the point's path, coloured by time."""
        from qd.problems._path_figure import figure

        weights = np.asarray(solution, np.float64)[None]
        final, trace = self.episodes(weights, np.arange(self.steps))
        path = np.concatenate([np.zeros((1, 2)), trace[0]])  # (steps + 1, 2)
        title = f"reward {self.reward(final)[0][0]:.3f}, {self.steps} steps"
        return figure(self.scene(), path, ("x", "y"), title)
