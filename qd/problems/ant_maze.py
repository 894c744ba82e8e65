"""Ant maze: a four-legged robot in a walled square with two reward areas, as in SERENE (Paolo et al. 2021).

https://arxiv.org/abs/2102.03140; arena and ant go back to Frans et al.'s meta-learning of hierarchies (2017,
https://arxiv.org/abs/1710.09767). A network drives eight motors from positions and speeds. Reward is sparse: it is
paid only where the ant ends inside one of two discs, each a long walk around walls.

Provenance and differences: physics is MuJoCo's; the ant is the one that gymnasium installs, changed at run time to the
released model's numbers (head, time step, walls, and a mass of 41.4 kg: see ``_ant_maze_model``), so no file is copied.
From the same posture and motor commands it moves as the released model does in the same MuJoCo; the release ran on
MuJoCo 1.5 or 2, other versions move a little differently. Two plates that float 2.7 m above the areas are left out.

The episode is ``steps`` long and pays after its last step, whatever its length: SERENE runs 3000, while STAX's
configuration runs 1000 in an environment that pays at 3000, so never. The released evaluator gives every episode the
same noise; here it comes from each row's seed, equal where a request's draws are. Networks' tanh is a rational function
within 1e-4 of the exact one (``qd.policies``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Policy, Problem, Request, Status
from qd.errors import QDError
from qd.policies import MLP, acting
from qd.problems._ant_maze_model import CENTER, HALF, START, SUBSTEPS, WALLS, build, simulator
from qd.problems._weights import blank_broken, check_counts, frame_steps, frames_asked
from qd.replay import Motion
from qd.rng import row_generator
from qd.space import Box, Measures, Space

AREAS = ((35.0, -25.0, 3.0), (-25.0, 35.0, 3.0))  # x, y, radius R of the reward areas
SIDE_BY_SIDE = 16  # ants that take their steps in turn, so that one call drives them all
BAD = ("BADQPOS", "BADQVEL", "BADQACC")  # MuJoCo's warnings that a simulation has come apart


@dataclass(frozen=True)
class AntMaze(Problem):
    """The ant in its maze. Solutions are network weights, the measures the ant's final position.

    Network: 29 inputs (x and y as (position - 5) / 70, height, orientation as a quaternion, eight joint angles [rad],
    then the fourteen speeds), hidden layers, 8 outputs (the motors, -1..1); every layer, the last too, puts out
    2 sigmoid(x) - 1 and has one bias for all its units. 574 weights by default.

    Objective: (R - d) / R at distance d < R from the centre of a reward area of radius R at the end, else 0. A row
    whose simulation comes apart has failed.

    Needs the extra ``gym``: QDError says so where mujoco or gymnasium is missing.

    >>> AntMaze().solution_space.length
    574
    """

    steps: int = 3000
    """Steps an episode, of 25 ms each; the reward is paid after the last one."""

    hidden: tuple[int, ...] = (10, 10, 10)
    """Units of the hidden layers."""

    noise: float = 0.1
    """Spread of the first posture: uniform within this of each coordinate, normal by this for each speed."""

    frames: int = 50
    """Positions kept in the column ``trajectory``, evenly spread over the episode, the last one at its end."""

    images: int = 5
    """Pictures kept in the column ``images``, spread over the episode like ``frames``, the last one at its end."""

    image_size: int = 64
    """Pixels along a side of these pictures."""

    ant_radius: float = 1.0
    """Radius of the disc that stands for the ant in pictures; its legs reach as far."""

    reward_areas = ("area 1", "area 2")
    columns = MappingProxyType({
        "trajectory": "(n, frames, 2) x and y along the episode, in maze widths about the centre",
        "images": "(n, images, image_size, image_size, 3) uint8 RGB pictures of the maze with the ant from above, y up",
        "reward_area": "(n,) the reward area that paid, 0 or 1; -1 for none",
    })  # fmt: skip
    chunk_size = 1  # a row of 3000 steps takes over a second
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(int(units) for units in self.hidden))
        if not self.hidden or min(self.hidden) < 1:
            raise QDError(f"AntMaze.hidden: got {self.hidden}, wanted at least one layer, each of at least 1 unit")
        check_counts(self)
        if not 0.0 < self.ant_radius <= HALF:
            raise QDError(f"AntMaze.ant_radius: got {self.ant_radius}, wanted more than 0 and at most {HALF:g}")
        if not 0.0 <= self.noise < np.inf:
            raise QDError(f"AntMaze.noise: got {self.noise}, wanted a number of 0 or more")
        simulator()

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # the model stays in its process

    @property
    def deterministic(self) -> bool:  # type: ignore[override]
        """Without noise there is no randomness."""
        return self.noise == 0.0

    @cached_property
    def policy(self) -> MLP:
        """The network whose weights are evolved."""
        return MLP((29, *self.hidden, 8), activation="tanh_half", bias="scalar")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what the robot senses to what it does."""
        return acting(self.policy, solution)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Weights in [-5, 5], sampled from a standard normal."""
        return Box(-5.0, 5.0, self.policy.length, init_sigma=1.0)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The final position in maze widths about the centre, on 50 x 50 cells."""
        return Measures(("x [maze widths]", "y [maze widths]"), (-0.5, -0.5), (0.5, 0.5), dims=(50, 50))

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs its steps."""
        return {"steps": float(self.steps)}

    @cached_property
    def model(self) -> Any:
        """The ``mujoco.MjModel``, shared by all simulations of the process."""
        return build()

    def prepare(self) -> None:
        """Build the model, and compile or load the network's kernel."""
        _ = self.model
        self.policy.forward(np.zeros((1, self.policy.length)), np.zeros((1, 29)), "numba")

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        weights = np.asarray(request.solutions, np.float64)  # (n, d)
        n = len(weights)
        steps, moments, shots = frames_asked(self, request)
        final, trace, broken = self.episodes(weights, seeds, steps)
        objective, area = reward(final[:, 0:2])
        measures = np.clip((final[:, 0:2] - CENTER) / (2 * HALF), -0.5, 0.5)
        columns: dict[str, NDArray[Any]] = {}
        if "trajectory" in request.columns:
            columns["trajectory"] = (trace[:, moments] - CENTER) / (2 * HALF)
        if "images" in request.columns:
            from qd.problems._ant_maze_pictures import pictures

            columns["images"] = pictures(trace[:, shots], self.image_size, self.ant_radius)
        if "reward_area" in request.columns:
            columns["reward_area"] = area
        status, reasons = blank_broken(weights, objective, measures)
        for row, reason in broken.items():
            if row not in reasons:
                status[row], reasons[row] = Status.FAILED, reason
                objective[row], measures[row], area[row] = np.nan, np.nan, -1
        cost = {"steps": np.full(n, float(self.steps))}
        return Evaluation(objective, measures, status, columns, cost, {"reward_area": area}, reasons)

    def frame_steps(self) -> NDArray[np.int64]:
        """(frames,) the steps, counted from 0, after which a frame of the trajectory is taken."""
        return frame_steps(self.steps, self.frames)

    def episodes(
        self, weights: NDArray[np.float64], seeds: NDArray[np.uint64], frames: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[int, str]]:
        """Run episodes.

        Args:
            weights: (n, d).
            seeds: (n,) of the first postures.
            frames: (f,) rising step numbers after which the position is kept.

        Returns:
            ``final`` (n, 29): positions and speeds at the end; ``trace`` (n, f, 2): x, y at the frames; row -> why its
            simulation came apart.
        """
        n = len(weights)
        final, trace, broken = np.empty((n, 29)), np.empty((n, len(frames), 2)), dict[int, str]()
        for first in range(0, n, SIDE_BY_SIDE):
            some = slice(first, min(first + SIDE_BY_SIDE, n))
            reasons = self._side_by_side(weights[some], seeds[some], frames, final[some], trace[some])
            broken |= {first + row: reason for row, reason in reasons.items()}
        return final, trace, broken

    def _side_by_side(
        self,
        weights: NDArray[np.float64],
        seeds: NDArray[np.uint64],
        frames: NDArray[np.int64],
        final: NDArray[np.float64],
        trace: NDArray[np.float64],
    ) -> dict[int, str]:
        """Some episodes in step, into ``final`` and ``trace``; row -> why it came apart."""
        mujoco = simulator()
        model, n = self.model, len(weights)
        ants = [self._ready(mujoco, int(seed)) for seed in seeds]
        views = [(ant, ant.qpos, ant.qvel, ant.ctrl) for ant in ants]  # MuJoCo's own memory
        weights, inputs = np.ascontiguousarray(weights), np.empty((n, 29))
        frame, forward, step = 0, self.policy.forward, mujoco.mj_step
        for t in range(self.steps):
            for row, (_, positions, speeds, _) in enumerate(views):
                inputs[row, :15], inputs[row, 15:] = positions, speeds
            inputs[:, :2] = (inputs[:, :2] - CENTER) / (2 * HALF)
            outputs = forward(weights, inputs, "numba")  # (n, 8)
            for row, (ant, _, _, motors) in enumerate(views):
                motors[:] = outputs[row]
                step(model, ant, SUBSTEPS)
            while frame < len(frames) and frames[frame] == t:
                for row, (_, positions, _, _) in enumerate(views):
                    trace[row, frame] = positions[:2]
                frame += 1
        reasons = dict[int, str]()
        for row, (ant, positions, speeds, _) in enumerate(views):
            final[row, :15], final[row, 15:] = positions, speeds
            warned = [name for name in BAD if ant.warning[getattr(mujoco.mjtWarning, f"mjWARN_{name}")].number]
            if warned or not np.isfinite(final[row]).all():
                what = ", ".join(warned) or "numbers that are not finite"
                reasons[row] = f"the simulation came apart: MuJoCo reports {what} within {self.steps} steps"
        return reasons

    def _ready(self, mujoco: Any, seed: int) -> Any:
        """A simulation at its start: noise on every coordinate, the quaternion's too, as in gymnasium's ant."""
        ant = mujoco.MjData(self.model)
        if self.noise > 0:
            random = row_generator(seed)
            ant.qpos[:] += random.uniform(-self.noise, self.noise, len(ant.qpos))
            ant.qvel[:] = self.noise * random.standard_normal(len(ant.qvel))
        mujoco.mj_forward(self.model, ant)
        return ant

    def scene(self) -> dict[str, Any]:
        """Walls, reward areas and the start, in maze widths about the centre."""
        scale = 1.0 / (2 * HALF)
        lines = []
        for x, y, half_x, half_y in WALLS:
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * (half_x, half_y) + (x, y)
            lines.append((corners - CENTER) * scale)
        circles = [
            ((x - CENTER) * scale, (y - CENTER) * scale, r * scale, f"reward {i + 1}")
            for i, (x, y, r) in enumerate(AREAS)
        ]
        points = [((START[0] - CENTER) * scale, (START[1] - CENTER) * scale, "start")]
        return {"lines": lines, "circles": circles, "points": points}

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The ant's way, in maze widths about the centre."""
        weights, seeds = np.asarray(solution, np.float64)[None], np.array([seed], np.uint64)
        _, trace, broken = self.episodes(weights, seeds, np.arange(self.steps))
        if broken:
            raise QDError(f"{self.name} has no replay of a solution that fails: {broken[0]}")
        path = (np.concatenate([[START[:2]], trace[0]]) - CENTER) / (2 * HALF)  # (steps + 1, 2)
        return Motion({"ant": path[:, None]}, self.scene(), ("ant",), np.full(2, -0.5), np.full(2, 0.5), 0.02)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of the maze with the ant's path, coloured by time."""
        from qd.problems._ant_maze_figure import figure

        seeds = np.array([seed], np.uint64)
        final, trace, _ = self.episodes(np.asarray(solution, np.float64)[None], seeds, np.arange(self.steps))
        path = np.concatenate([[START[:2]], trace[0]])  # (steps + 1, 2)
        return figure(path, AREAS, float(reward(final[:, 0:2])[0][0]))


def reward(positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What a position earns: (n, 2) to (n,) reward, and (n,) the area that pays it, -1 for none."""
    paid = np.zeros(len(positions))
    area = np.full(len(positions), -1, np.int64)
    for index, (x, y, radius) in enumerate(AREAS):
        here = (radius - np.hypot(positions[:, 0] - x, positions[:, 1] - y)) / radius
        better = here > paid
        paid[better], area[better] = here[better], index
    return paid, area
