"""Redundant arm: twenty joints in a walled square, as in STAX (Paolo, Coninx, Laflaquiere, Doncieux 2022).

https://arxiv.org/abs/2111.01919; also an environment of SERENE (https://arxiv.org/abs/2102.03140). A small network
accelerates the joints by what their angles are, for 100 steps of two substeps of 0.01 s. The arm starts as a spiral and
must unroll between four walls without touching them, the border or itself: a move that does ends the episode, in the
last legal pose. Reward is sparse: it is paid only where the end effector stops inside one of three small discs.

Legal, as in the released environment: (1) half the distance that the end effector moves in a substep plus the signed
speed of the last joint before it [rad/s] is at most 1; (2) base and joints lie in [0, 1); (3) none of them strictly
inside a wall, while links may cross walls; (4) no two of them have |dx| + |dy| < 0.0475.

Provenance and differences: the rules were rebuilt from the behaviour of the released environment, without its code.
There the reward is paid only where the episode ended by an illegal move; here it is paid at the end in either case,
unless ``faithful_reward``. The joints start at pi / 5 to pi / 20, evenly spaced, which puts the end effector at the
published (0.3065, 0.6917). tanh is a rational function within 1e-4 of the exact one (``qd.policies``). The
simulation uses no randomness: seeds are ignored.

The column ``images`` is what TAXONS and STAX learn their measures from: white ground, black walls, red areas, and the
arm on top of them as a black line 3 / 400 of the width thick, as on the released canvas of 400 pixels. Here pictures
are drawn at their size, every pixel by the exact share that the arm covers, and y goes up.
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

JOINTS = 20
LINK = 0.05  # length of a link, in widths of the square, like every length here
BASE = (0.5, 0.5)
DT, SUBSTEPS = 0.01, 2  # [s], a step
TOP_SPEED = 1.0  # of rule (1)
CLOSE = 0.0475  # of rule (4)
START = np.linspace(
    np.pi / 5, np.pi / 20, JOINTS
)  # joint angles [rad], each relative to the link before, the first to upright
WALLS = np.array([  # x0, x1, y0, y1
    [0.49, 0.51, 0.0, 0.2],
    [0.49, 0.51, 0.8, 1.0],
    [0.0, 0.2, 0.49, 0.51],
    [0.8, 1.0, 0.49, 0.51],
])  # fmt: skip
AREAS = ((0.25, 0.25, 0.05), (0.85, 0.85, 0.05), (0.25, 0.90, 0.05))  # x, y, radius R of the reward areas


@dataclass(frozen=True)
class RedundantArm(Problem):
    """The redundant arm. Solutions are network weights, the measures the end effector's final position.

    Network: 20 inputs (joint angles / pi), hidden layers, 20 outputs (accelerations of the joints [rad/s^2, -1..1]);
    every layer, the last too, puts out 2 sigmoid(x) - 1 and has one bias for all its units. 228 weights by default.

    Objective: (R - d) / R at distance d < R from the centre of a reward area of radius R, else 0.

    >>> RedundantArm().solution_space.length
    228
    """

    steps: int = 100
    """Steps an episode at most; an illegal move ends it earlier."""

    hidden: tuple[int, ...] = (5, 5)
    """Units of the hidden layers, one to four layers."""

    frames: int = 50
    """Positions kept in the column ``trajectory``, evenly spread over ``steps``; an arm that has stopped stays."""

    faithful_reward: bool = False
    """Pay only where an illegal move ended the episode, as the released code does."""

    images: int = 5
    """Pictures kept in the column ``images``, spread over ``steps`` like ``frames``; an arm that has stopped stays."""

    image_size: int = 64
    """Pixels along a side of these pictures."""

    reward_areas = ("area 1", "area 2", "area 3")
    columns = MappingProxyType({
        "trajectory": "(n, frames, 2) x and y of the end effector along the episode, in widths of the square",
        "images": "(n, images, image_size, image_size, 3) uint8 RGB pictures of the arm in the square, y up",
        "reward_area": "(n,) the reward area that paid, 0 to 2; -1 for none",
        "posture": "(n, 21, 2) x and y of the base and of every joint at the end, the end effector last",
    })  # fmt: skip
    world_columns = ("trajectory", "reward_area", "posture")
    deterministic = True
    chunk_size = 256  # 256 rows of up to 100 steps are a few ms
    batching = "rows"
    releases_gil = True

    def __post_init__(self) -> None:
        check_layers(self)
        check_counts(self)

    @cached_property
    def policy(self) -> MLP:
        """The network whose weights are evolved."""
        return MLP((JOINTS, *self.hidden, JOINTS), activation="tanh_half", bias="scalar")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what the robot senses to what it does."""
        return acting(self.policy, solution)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Weights in [-5, 5], sampled from a standard normal."""
        return Box(-5.0, 5.0, self.policy.length, init_sigma=1.0)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """The end effector's final position in widths of the square, on 50 x 50 cells."""
        return Measures(("x [widths]", "y [widths]"), (0.0, 0.0), (1.0, 1.0), dims=(50, 50))

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs the steps that it begins, ``steps`` at most."""
        return {"steps": float(self.steps)}

    def prepare(self) -> None:
        """Load or compile the kernel for this network's shape."""
        self.episodes(np.zeros((1, self.policy.length)), np.zeros(0, np.int64))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        weights = np.asarray(request.solutions, np.float64)  # (n, d)
        steps, moments, shots = frames_asked(self, request)
        final, trace = self.episodes(weights, steps, whole="images" in request.columns)
        posture = points(final[:, :JOINTS])  # (n, 21, 2)
        measures = posture[:, -1].copy()
        objective, area = reward(measures)
        if self.faithful_reward:
            alive = final[:, JOINTS + 1] == 0
            objective[alive], area[alive] = 0.0, -1
        columns: dict[str, NDArray[Any]] = {}
        if "trajectory" in request.columns:
            columns["trajectory"] = trace[:, moments, -1] if "images" in request.columns else trace[:, moments]
        if "images" in request.columns:
            from qd.problems._redundant_arm_pictures import pictures

            columns["images"] = pictures(trace[:, shots], self.image_size)
        if "reward_area" in request.columns:
            columns["reward_area"] = area
        if "posture" in request.columns:
            columns["posture"] = posture
        status, reasons = blank_broken(weights, objective, measures)
        cost = {"steps": final[:, JOINTS].copy()}
        return Evaluation(objective, measures, status, columns, cost, {"reward_area": area}, reasons)

    def world(self, device: str, dtype: Any) -> Any:
        """The arm in torch, for ``OnDevice``."""
        from qd.problems._redundant_arm_torch import RedundantArmWorld

        return RedundantArmWorld(self, device, dtype)

    def episodes(
        self,
        weights: NDArray[np.float64],
        frames: NDArray[np.int64],
        start: NDArray[np.float64] = START,
        speeds: NDArray[np.float64] | None = None,
        *,
        whole: bool = False,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Run episodes from any legal pose.

        Args:
            weights: (n, d).
            frames: (f,) rising step numbers after which the end effector's position is kept.
            start: (20,) joint angles [rad].
            speeds: (20,) joint speeds [rad/s]; standing still by default.
            whole: keep the base and all joints at the frames too.

        Returns:
            ``final`` (n, 23): joint angles, steps begun, what ended the episode (0 its length, 1 the rule of speed,
            2 a rule of places), how often the whole arm was looked at; ``trace`` (n, f, 2) the end effector, or
            (n, f, 21, 2) the ``whole`` arm, the end effector last.
        """
        from qd.problems._redundant_arm_kernel import episodes

        start = np.ascontiguousarray(start, np.float64)
        speeds = np.zeros(JOINTS) if speeds is None else np.ascontiguousarray(speeds, np.float64)
        for name, given in (("start", start), ("speeds", speeds)):
            if given.shape != (JOINTS,) or not np.isfinite(given).all():
                raise QDError(f"{name}: got shape {given.shape}, wanted ({JOINTS},) finite numbers, one a joint")
        broken = illegal(points(start[None])[0])
        if broken:
            raise QDError(f"start: {broken}; choose joint angles of a legal pose")
        final = np.empty((len(weights), JOINTS + 3))
        trace = np.empty((len(weights), len(frames), JOINTS + 1 if whole else 1, 2))
        weights = np.ascontiguousarray(weights, np.float64)
        episodes(self.hidden)(weights, start, speeds, self.steps, frames, WALLS, final, trace)
        return final, trace if whole else trace[:, :, 0]

    def scene(self) -> dict[str, Any]:
        """Walls, border, reward areas and the start, in widths of the square."""
        boxes = np.concatenate([[[0.0, 1.0, 0.0, 1.0]], WALLS])  # (5, 4)
        lines = [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]) for x0, x1, y0, y1 in boxes]
        circles = [(x, y, radius, f"reward {i + 1}") for i, (x, y, radius) in enumerate(AREAS)]
        x, y = points(START[None])[0, -1]
        return {"lines": lines, "circles": circles, "points": [(*BASE, "base"), (float(x), float(y), "start")]}

    def replay(self, solution: NDArray[Any], seed: int) -> Motion:
        """The arm's postures until it stops."""
        final, trace = self.episodes(np.asarray(solution, np.float64)[None], np.arange(self.steps), whole=True)
        steps = max(int(final[0, JOINTS]), 1)
        arm = np.concatenate([points(START[None]), trace[0, :steps]])  # (steps + 1, 21, 2)
        return Motion({"arm": arm}, self.scene(), ("arm",), np.zeros(2), np.ones(2))

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of the arm's first and last posture and of its end effector's path."""
        from qd.problems._redundant_arm_figure import figure

        weights = np.asarray(solution, np.float64)[None]
        final, trace = self.episodes(weights, np.arange(self.steps))
        postures = points(np.stack([START, final[0, :JOINTS]]))
        steps, rule = int(final[0, JOINTS]), int(final[0, JOINTS + 1])
        path = np.concatenate([postures[0, -1:], trace[0, :steps]])  # (steps + 1, 2)
        paid = self.evaluate(Request(weights), np.zeros(1, np.uint64)).objective[0]
        return figure(postures, path, WALLS, AREAS, float(paid), ("ran to its end", "too fast", "illegal move")[rule])


def points(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where joints are.

    Args:
        angles: (n, 20) joint angles [rad].

    Returns:
        (n, 21, 2) x and y of the base and of every joint, the end effector last.
    """
    absolute = np.pi / 2 + np.cumsum(angles, axis=1)
    links = LINK * np.stack([np.cos(absolute), np.sin(absolute)], axis=2)  # (n, 20, 2)
    base = np.broadcast_to(BASE, (len(angles), 1, 2))
    return np.cumsum(np.concatenate([base, links], axis=1), axis=1)


def illegal(posture: NDArray[np.float64]) -> str:
    """Which rule of places a posture (21, 2) breaks, in words; empty if none."""
    if not ((posture >= 0) & (posture < 1)).all():
        return "a joint is outside of the square"
    x, y = posture[:, :1], posture[:, 1:]  # (21, 1)
    if ((x > WALLS[:, 0]) & (x < WALLS[:, 1]) & (y > WALLS[:, 2]) & (y < WALLS[:, 3])).any():
        return "a joint is inside a wall"
    near = np.abs(posture[:, None] - posture[None]).sum(axis=2)  # (21, 21)
    if (near[np.triu_indices(len(posture), 1)] < CLOSE).any():
        return "two joints are too close"
    return ""


def reward(positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What a position earns.

    Args:
        positions: (n, 2) in widths of the square.

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
