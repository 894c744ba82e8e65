"""Curling: an arm of two links pushes a ball on a walled table, as in SERENE (Paolo and others 2021) and STAX (2022).

https://arxiv.org/abs/2102.03140, https://arxiv.org/abs/2111.01919. A small network turns the joints for 500 steps of
1/60 s by where the ball is and how the arm stands. Reward is sparse: it is paid only where the ball lies inside one of
two discs at the end. Lengths are in units of which the table has 3 from wall to wall; its middle is (0, 0), y goes up.

Rules: the ball is a disc that slides, spins and is slowed down; it bounces off walls and links where they meet faster
than 1 unit/s, else they stay together; friction is Coulomb's, and turns the ball. Links are boxes, met at their corners
too. The motors are so strong (100 N m against a ball of 0.07 kg) that the arm does what it is told, up to its joints'
limits. Where it cannot, since a wall is in the way or a ball that is caught at a wall, one joint gives way: that with
the longer lever about the touching place, the first that the opposing force overcomes. A ball between link and wall is
caught where the line through both touching places lies within the friction of both, so that it can only roll; on a
steeper link it slides out. Between the two links the elbow gives way. What then still does not fit stays where it was
in that step, so the ball is never pushed into a wall.

Provenance and differences: geometry, constants and rules were rebuilt from the facts of the released environment, a
scene in Box2D, without its code. Box2D settles contacts by rounds of impulses. With 300 rounds
half of the balls that random networks move end within a cell of where they do here, the median 0.03 away; with 10, a
usual number (that of the original is not known), its arm gives in to the ball like rubber and balls end elsewhere:
``benchmarks/curling_vs_box2d.py`` shows both. It keeps bodies up to 0.01 apart or lets them overlap; here positions
are exact. The arm slides along walls without friction. tanh is a rational function within 1e-4 of the exact one
(``qd.policies``). The simulation uses no randomness: seeds are ignored.
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
from qd.problems._weights import blank_broken, check_counts, check_layers, frames_asked
from qd.replay import Motion
from qd.space import Box, Measures, Space

DT = 1.0 / 60.0  # [s], a step
WALL = 1.45  # the walls' inner faces, from the middle of the table, like every place here
THICKNESS = 0.1  # of the walls
BALL_RADIUS = 0.15
START = (-0.5, 0.2)  # of the ball
DAMPING, SPIN_DAMPING = 1.1, 2.0  # of the ball [1/s]: v becomes v / (1 + 1.1 dt) in a step
RESTITUTION = 0.9  # of the ball with anything, above BOUNCING_SPEED; below, what meets stays together
BOUNCING_SPEED = 1.0  # [1/s] of approach
FRICTION_ARM, FRICTION_WALL = 0.9, float(np.sqrt(0.9 * 0.2))  # geometric means of the bodies' coefficients
BASE_Y = -1.5  # the base joint lies at (0, -1.5), upright is angle 0, angles count to the left
ELBOW = 1.0  # from the base joint to the elbow
HALF_LENGTH, HALF_WIDTH = 0.5, 0.05  # of either link
TAIL = 0.1  # of the outer link reaches beyond the elbow
LIMITS = (0.4 * np.pi, 0.9 * np.pi)  # of base and elbow, to either side [rad]
BORNE = 1e-6  # overlap that the simulation bears
AREAS = ((0.8, 0.8, 0.4), (0.8, -0.8, 0.2))  # x, y, radius R of the reward areas


@dataclass(frozen=True)
class Curling(Problem):
    """The curling table. Solutions are network weights, the measures the ball's final position.

    Network: 6 inputs (ball x and y, angles of base and elbow [rad], their speeds [rad/s]), hidden layers, 2 outputs
    (speeds that base and elbow are to have [rad/s, -1..1]); every layer, the last too, puts out 2 sigmoid(x) - 1 and
    has one bias for all its units. 94 weights by default.

    Objective: (R - d) / R at distance d < R from the centre of a reward area of radius R, else 0.

    >>> Curling().solution_space.length
    94
    """

    steps: int = 500
    """Steps an episode."""

    hidden: tuple[int, ...] = (5, 5, 5)
    """Units of the hidden layers, one to four layers."""

    frames: int = 50
    """Positions kept in the column ``trajectory``, evenly spread over the episode, the last one at its end."""

    images: int = 5
    """Pictures kept in the column ``images``, spread over the episode like ``frames``, the last one at its end."""

    image_size: int = 64
    """Pixels along a side of these pictures."""

    reward_areas = ("area 1", "area 2")
    columns = MappingProxyType({
        "trajectory": "(n, frames, 2) x and y of the ball along the episode",
        "images": "(n, images, image_size, image_size, 3) uint8 RGB pictures of the table, y up",
        "reward_area": "(n,) the reward area that paid, 0 or 1; -1 for none",
        "posture": "(n, 2) angles of base and elbow at the end [rad]",
    })  # fmt: skip
    deterministic = True
    chunk_size = 64  # 64 rows of 500 steps are about 10 ms
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        check_layers(self)
        check_counts(self)

    @cached_property
    def policy(self) -> MLP:
        """The network whose weights are evolved."""
        return MLP((6, *self.hidden, 2), activation="tanh_half", bias="scalar")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what the robot senses to what it does."""
        return acting(self.policy, solution)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Weights in [-5, 5], sampled from a standard normal."""
        return Box(-5.0, 5.0, self.policy.length, init_sigma=1.0)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The ball's final position on 50 x 50 cells."""
        return Measures(("x [units]", "y [units]"), (-1.35, -1.35), (1.35, 1.35), dims=(50, 50))

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs its steps."""
        return {"steps": float(self.steps)}

    def prepare(self) -> None:
        """Load or compile the kernel for this network's shape."""
        self.episodes(np.zeros((1, self.policy.length)), np.zeros(0, np.int64))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        weights = np.asarray(request.solutions, np.float64)  # (n, d)
        steps, moments, shots = frames_asked(self, request)
        final, trace = self.episodes(weights, steps)
        measures = final[:, :2].copy()
        objective, area = reward(measures)
        columns: dict[str, NDArray[Any]] = {}
        if "trajectory" in request.columns:
            columns["trajectory"] = trace[:, moments, :2]
        if "images" in request.columns:
            from qd.problems._curling_pictures import pictures

            columns["images"] = pictures(trace[:, shots], self.image_size)
        if "reward_area" in request.columns:
            columns["reward_area"] = area
        if "posture" in request.columns:
            columns["posture"] = final[:, 2:4].copy()
        status, reasons = blank_broken(weights, objective, measures)
        cost = {"steps": np.full(len(weights), float(self.steps))}
        return Evaluation(objective, measures, status, columns, cost, {"reward_area": area}, reasons)

    def episodes(
        self, weights: NDArray[np.float64], frames: NDArray[np.int64], start: tuple[float, ...] = (*START, 0.0, 0.0)
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Run episodes from any state in which nothing overlaps.

        Args:
            weights: (n, d).
            frames: (f,) rising step numbers after which the table is kept.
            start: ball x, y [units], angles of base and elbow [rad]; up to five numbers more: their speeds [rad/s],
                the ball's velocity in x and y [units/s] and its spin [rad/s], otherwise 0.

        Returns:
            ``final`` (n, 9) the nine numbers of ``start`` at the end; ``trace`` (n, f, 4) its first four at the frames.
        """
        from qd.problems._curling_kernel import episodes

        if not 4 <= len(start) <= 9 or not np.isfinite(start).all():
            raise QDError(f"start: got {start}, wanted 4 to 9 finite numbers: ball x, y, joint angles, ...")
        wrong = misplaced(*start[:4])
        if wrong:
            raise QDError(f"start: {wrong}; choose another place of the ball or other angles")
        state = np.zeros(9)
        state[: len(start)] = start
        final = np.empty((len(weights), 9))
        trace = np.empty((len(weights), len(frames), 4))
        episodes(self.hidden)(np.ascontiguousarray(weights, np.float64), state, self.steps, frames, final, trace)
        return final, trace

    def scene(self) -> dict[str, Any]:
        """Walls, reward areas and the start of the ball."""
        border = WALL * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]], float)
        circles = [(x, y, radius, f"reward {index + 1}") for index, (x, y, radius) in enumerate(AREAS)]
        return {"lines": [border], "circles": circles, "points": [(*START, "start"), (0.0, -WALL, "base")]}

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The ball's way, and the arm that pushes it."""
        _, trace = self.episodes(np.asarray(solution, np.float64)[None], np.arange(self.steps))
        table = np.concatenate([[(*START, 0.0, 0.0)], trace[0]])  # (steps + 1, 4)
        arm = np.stack([np.concatenate(outlines(*angles)) for angles in table[:, 2:4]])  # (steps + 1, 10, 2)
        border = np.full(2, WALL)
        return Motion({"ball": table[:, None, :2], "arm": arm}, self.scene(), ("ball",), -border, border)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of the ball's path, coloured by time, and of the arm at first and last."""
        from qd.problems._path_figure import figure

        weights = np.asarray(solution, np.float64)[None]
        final, trace = self.episodes(weights, np.arange(self.steps))
        path = np.concatenate([[START], trace[0, :, :2]])  # (steps + 1, 2)
        first, last = (np.concatenate(outlines(*angles)) for angles in ((0.0, 0.0), final[0, 2:4]))
        title = f"reward {reward(final[:, :2])[0][0]:.3f}, {self.steps} steps"
        names = self.measure_space.names
        shapes = [(first, "0.8", "arm at first"), (last, "#30638e", "arm at last")]
        return figure(self.scene(), path, (names[0], names[1]), title, shapes)


def outlines(base: float, elbow: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(5, 2) each, the closed outlines of the inner and the outer link at joint angles [rad]."""
    found = []
    x, y = 0.0, BASE_Y
    for angle, back in ((base, 0.0), (base + elbow, TAIL)):
        along = np.array([-np.sin(angle), np.cos(angle)])
        across = HALF_WIDTH * np.array([along[1], -along[0]])
        near, far = (x, y) - back * along, (x, y) + (2 * HALF_LENGTH - back) * along
        found.append(np.array([near - across, near + across, far + across, far - across, near - across]))
        x, y = x + ELBOW * along[0], y + ELBOW * along[1]
    return found[0], found[1]


def misplaced(x: float, y: float, base: float, elbow: float) -> str:
    """What is wrong with a ball at (x, y) beside an arm of these angles, in words; empty if nothing."""
    if max(abs(x), abs(y)) > WALL - BALL_RADIUS + 2 * BORNE:
        return "the ball is in a wall"
    if abs(base) > LIMITS[0] or abs(elbow) > LIMITS[1]:
        return "a joint is beyond its limit"
    inner, outer = outlines(base, elbow)
    if max(np.abs(outer[:, 0]).max(), -outer[:, 1].min()) > WALL + 2 * BORNE:
        return "the arm is in a wall"
    for outline in (inner, outer):
        sides = outline[1:3] - outline[:2]  # (2, 2) the directions of two sides
        away = ((x, y) - outline[0]) @ sides.T / (sides**2).sum(axis=1)  # in sides from the first corner
        nearest = outline[0] + np.clip(away, 0.0, 1.0) @ sides
        if np.hypot(*(nearest - (x, y))) < BALL_RADIUS - 2 * BORNE:
            return "the ball is in the arm"
    return ""


def reward(positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What a position earns.

    Args:
        positions: (n, 2) [units].

    Returns:
        (n,) reward, and (n,) the area that pays it, -1 for none.
    """
    paid = np.zeros(len(positions))
    area = np.full(len(positions), -1, np.int64)
    for index, (x, y, radius) in enumerate(AREAS):
        distance = np.hypot(positions[:, 0] - x, positions[:, 1] - y)
        here = (radius - distance) / radius
        better = here > paid
        paid[better], area[better] = here[better], index
    return paid, area
