"""The redundant arm's world in torch: every place is looked at in every substep, all arms at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qd.problems._redundant_arm_kernel import HALF_SQUARE, PER_PI, PER_TURN, RATE, UPRIGHT
from qd.problems._torch_arithmetic import sincos_turns
from qd.problems.redundant_arm import (
    AREAS,
    BASE,
    CLOSE,
    DT,
    JOINTS,
    LINK,
    START,
    SUBSTEPS,
    TOP_SPEED,
    WALLS,
    RedundantArm,
)
from qd.problems.world import Outcome, World

if TYPE_CHECKING:
    import torch


class Arms(NamedTuple):
    """Joint angles [rad] and speeds [rad/s] (n, 20), the hand (n, 2), steps begun and what ended the episode (n,)."""

    angles: torch.Tensor
    speeds: torch.Tensor
    hand: torch.Tensor
    begun: torch.Tensor
    ended: torch.Tensor  # 0 nothing yet, 1 the rule of speed, 2 a rule of places


class RedundantArmWorld(World):
    """Arms of twenty joints between four walls. An arm whose episode has ended stays as it is."""

    def __init__(self, problem: RedundantArm, device: str, dtype: torch.dtype) -> None:
        import torch

        self.steps, self.policy, self.dtype = problem.steps, problem.policy, dtype
        self.faithful_reward = problem.faithful_reward
        self.start = torch.from_numpy(START).to(device=device, dtype=dtype)
        self.base = torch.tensor(BASE, dtype=dtype, device=device)
        self.walls = torch.from_numpy(WALLS).to(device=device, dtype=dtype).T.contiguous()  # (4, k): x0, x1, y0, y1
        pairs = [(i, j) for i in range(JOINTS + 1) for j in range(i + 2, JOINTS + 1)]  # neighbours are LINK apart
        self.pairs = torch.tensor(pairs, device=device).T.contiguous()

    def first(self, seeds: torch.Tensor) -> Arms:
        import torch

        n = len(seeds)
        zero = torch.zeros(n, dtype=self.dtype, device=seeds.device)
        angles = self.start.expand(n, -1)
        return Arms(angles, torch.zeros_like(angles), self._joints(angles)[:, -1], zero, zero)

    def observe(self, state: Arms) -> torch.Tensor:  # type: ignore[override]
        return state.angles * PER_PI

    def step(self, state: Arms, actions: torch.Tensor) -> Arms:  # type: ignore[override]
        import torch

        angles, speeds, hand, begun, ended = state
        begun = begun + (ended == 0.0)
        for _ in range(SUBSTEPS):
            after = angles + (speeds * DT + actions * HALF_SQUARE)
            joints = self._joints(after)  # (n, 21, 2)
            there = joints[:, -1]
            moved = torch.hypot(there[:, 0] - hand[:, 0], there[:, 1] - hand[:, 1])
            fast = 0.5 * moved + speeds[:, -1] > TOP_SPEED
            rule = torch.where(fast, 1.0, torch.where(self._illegal(joints), 2.0, 0.0))
            ended = torch.where(ended == 0.0, rule.to(self.dtype), ended)
            stays = (ended != 0.0)[:, None]
            speeds = torch.where(stays, speeds, (after - angles) * RATE)
            angles = torch.where(stays, angles, after)
            hand = torch.where(stays, hand, there)
        return Arms(angles, speeds, hand, begun, ended)

    def _joints(self, angles: torch.Tensor) -> torch.Tensor:
        """(n, 21, 2) x and y of the base and of every joint."""
        import torch

        sine, cosine = sincos_turns((UPRIGHT + torch.cumsum(angles, dim=1)) * PER_TURN)
        links = torch.stack([LINK * cosine, LINK * sine], dim=2)  # (n, 20, 2)
        base = self.base.expand(len(angles), 1, 2)
        return torch.cumsum(torch.cat([base, links], dim=1), dim=1)

    def _illegal(self, joints: torch.Tensor) -> torch.Tensor:
        """(n,) which arms have a joint outside of the square or in a wall, or two of them too close."""
        x, y = joints[:, 1:, 0], joints[:, 1:, 1]  # (n, 20)
        outside = ((x < 0.0) | (y < 0.0) | (x >= 1.0) | (y >= 1.0)).any(dim=1)
        x0, x1, y0, y1 = self.walls
        x, y = x[:, :, None], y[:, :, None]
        inside = ((x > x0) & (x < x1) & (y > y0) & (y < y1)).flatten(1).any(dim=1)
        apart = (joints[:, self.pairs[1]] - joints[:, self.pairs[0]]).abs().sum(dim=2)  # (n, 190)
        return outside | inside | (apart.amin(dim=1) < CLOSE)

    def frame(self, state: Arms) -> torch.Tensor:  # type: ignore[override]
        return state.hand

    def outcome(self, state: Arms) -> Outcome:  # type: ignore[override]
        import torch

        x, y = state.hand[:, 0], state.hand[:, 1]
        paid, area = torch.zeros_like(x), torch.full_like(x, -1.0)
        for index, (at_x, at_y, radius) in enumerate(AREAS):
            here = (radius - torch.hypot(x - at_x, y - at_y)) / radius
            area = torch.where(here > paid, float(index), area)
            paid = torch.maximum(paid, here)
        if self.faithful_reward:
            alive = state.ended == 0.0
            paid, area = torch.where(alive, 0.0, paid), torch.where(alive, -1.0, area)
        area = area.long()
        columns = {"reward_area": area, "posture": self._joints(state.angles)}
        return Outcome(paid, state.hand, {"steps": state.begun}, {"reward_area": area}, columns)
