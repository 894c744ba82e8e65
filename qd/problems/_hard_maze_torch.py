"""The hard maze's world in torch: the arithmetic of ``_fastsim_kernel``, a tensor a slot instead of lanes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qd.problems._fastsim_kernel import PER_UNIT, PI, ROOT_HALF, TAU, all_hits
from qd.problems._fastsim_map import RANGE, REACH, SIDE, SPAN, STEPS, UNIT
from qd.problems._hard_maze_map import WIDTH, tables
from qd.problems._torch_arithmetic import root, sincos_turns
from qd.problems.hard_maze import AREAS, START, HardMaze
from qd.problems.world import Outcome, World

if TYPE_CHECKING:
    import torch


@cache
def _hits() -> NDArray[np.uint8]:
    """The memo of the maze's tables with every ray from every free pixel; a process makes it once."""
    tab = tables()
    memo = tab.memo.copy()
    all_hits(tab.clear, tab.touching, tab.touched, tab.steps, memo)
    return memo


class Robots(NamedTuple):
    """(n,) each: the pose [units, rad], the bumpers, the place one step before, collisions so far.

    Sine and cosine are those of the heading; the pixel is the place's, in whole numbers of the world's dtype.
    """

    x: torch.Tensor
    y: torch.Tensor
    heading: torch.Tensor
    sine: torch.Tensor
    cosine: torch.Tensor
    pixel_x: torch.Tensor
    pixel_y: torch.Tensor
    left: torch.Tensor
    right: torch.Tensor
    before_x: torch.Tensor
    before_y: torch.Tensor
    collisions: torch.Tensor


class HardMazeWorld(World):
    """Robots in the hard maze. Every ray from every free pixel is known beforehand: 20 MB on the device."""

    def __init__(self, problem: HardMaze, device: str, dtype: torch.dtype) -> None:
        import torch

        self.steps, self.policy = problem.steps, problem.policy
        self.faithful_reward = problem.faithful_reward
        self.dtype = dtype
        tab = tables()
        self.rays = len(tab.steps)

        def there(array: Any, kind: torch.dtype) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device=device, dtype=kind)

        self.memo = there(_hits(), torch.uint8)
        self.ray = there(tab.ray, torch.int64)
        self.ends = there(tab.ends.reshape(-1, 2), dtype)
        self.touching = there(tab.touching.astype(np.int32), torch.int32)
        self.bearings = there(tab.bearings, dtype)
        self.sees = there(np.stack([tab.left, tab.right], axis=1).astype(np.int32), torch.int32)  # (32, 2)

    def first(self, seeds: torch.Tensor) -> Robots:
        import torch

        zero = torch.zeros(len(seeds), dtype=self.dtype, device=seeds.device)
        x, y, heading = zero + START[0], zero + START[1], zero + START[2]
        sine, cosine = sincos_turns(heading * (1.0 / TAU))
        pixel_x, pixel_y = torch.floor(x * PER_UNIT + 0.5), torch.floor(y * PER_UNIT + 0.5)
        return Robots(x, y, heading, sine, cosine, pixel_x, pixel_y, zero, zero, x, y, zero)

    def observe(self, state: Robots) -> torch.Tensor:  # type: ignore[override]
        import torch

        sine, cosine = (state.sine * RANGE)[:, None], (state.cosine * RANGE)[:, None]
        x, y, px, py = state.x[:, None], state.y[:, None], state.pixel_x[:, None], state.pixel_y[:, None]  # (n, 1)
        plus, minus = (cosine + sine) * ROOT_HALF, (cosine - sine) * ROOT_HALF
        ahead = torch.cat([minus, cosine, plus], dim=1)  # (n, 3)
        aside = torch.cat([plus, sine, -minus], dim=1)
        ex = torch.floor((x + ahead) * PER_UNIT + 0.5) - px
        ey = torch.floor((y + aside) * PER_UNIT + 0.5) - py
        which = self.ray[((ey + REACH) * SPAN + (ex + REACH)).long()]
        hit = self.memo[(py * SIDE + px).long() * self.rays + which].long()
        ends = self.ends[which * (STEPS + 1) + hit]  # (n, 3, 2)
        dx = (px + ends[:, :, 0]) * UNIT - x
        dy = (py + ends[:, :, 1]) * UNIT - y
        distance = root(dx * dx + dy * dy)
        distance = torch.where(distance < 2.0 * RANGE, distance, RANGE)
        return torch.cat([distance, state.left[:, None], state.right[:, None]], dim=1)

    def step(self, state: Robots, actions: torch.Tensor) -> Robots:  # type: ignore[override]
        import torch

        wheel_left, wheel_right = actions[:, 0], actions[:, 1]
        turn = (wheel_right - wheel_left) * 0.05
        forward = 0.5 * (wheel_left + wheel_right)
        t = turn * turn
        sinc = 1.0 - t * (1.0 / 6.0 - t * (1.0 / 120.0 - t * (1.0 / 5040.0 - t * (1.0 / 362880.0))))
        cosc = turn * (t * (1.0 / 24.0 - t * (1.0 / 720.0 - t * (1.0 / 40320.0))) - 0.5)
        sine, cosine = state.sine, state.cosine
        x = state.x + forward * (sine * cosc + cosine * sinc)
        y = state.y + forward * (sine * sinc - cosine * cosc)
        heading = state.heading + turn
        heading = torch.where(heading > PI, heading - TAU, heading)
        heading = torch.where(heading <= -PI, heading + TAU, heading)
        px, py = torch.floor(x * PER_UNIT + 0.5), torch.floor(y * PER_UNIT + 0.5)
        seen = self.touching[(py * SIDE + px).long()]
        blocked = seen != 0
        below = (self.bearings <= heading[:, None]).sum(dim=1)
        sector = (below + 15) % 16
        sector = 2 * sector + (self.bearings[sector] != heading)
        bumps = ((seen[:, None] & self.sees[sector]) != 0).to(self.dtype)  # (n, 2)
        return Robots(
            torch.where(blocked, state.x, x),
            torch.where(blocked, state.y, y),
            heading,
            *sincos_turns(heading * (1.0 / TAU)),
            torch.where(blocked, state.pixel_x, px),
            torch.where(blocked, state.pixel_y, py),
            bumps[:, 0],
            bumps[:, 1],
            state.x,
            state.y,
            state.collisions + blocked,
        )

    def frame(self, state: Robots) -> torch.Tensor:  # type: ignore[override]
        import torch

        return torch.stack([state.x, state.y], dim=1) / WIDTH

    def outcome(self, state: Robots) -> Outcome:  # type: ignore[override]
        import torch

        x, y = (state.before_x, state.before_y) if self.faithful_reward else (state.x, state.y)
        paid, area = torch.zeros_like(x), torch.full_like(x, -1.0)
        for index, (at_x, at_y, radius) in enumerate(AREAS):
            here = (radius - torch.hypot(x - at_x, y - at_y)) / radius
            area = torch.where(here > paid, float(index), area)
            paid = torch.maximum(paid, here)
        area = area.long()
        measures = torch.stack([state.x, state.y], dim=1) / WIDTH
        cost = {"steps": torch.full_like(paid, float(self.steps))}
        return Outcome(paid, measures, cost, {"reward_area": area}, {"reward_area": area})
