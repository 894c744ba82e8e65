"""The planar arm's world in torch: one step, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qd.problems._torch_arithmetic import root, sincos_turns
from qd.problems.planar_arm import PlanarArm
from qd.problems.world import Outcome, State, World

if TYPE_CHECKING:
    import torch


class PlanarArmWorld(World):
    """Arms that take their joints' positions, the solutions, in one step. The state: the genes (n, d)."""

    steps = 1

    def __init__(self, problem: PlanarArm, device: str, dtype: torch.dtype) -> None:
        self.joints, self.dtype = problem.joints, dtype

    def first(self, seeds: torch.Tensor) -> State:
        import torch

        return (torch.full((len(seeds), self.joints), 0.5, dtype=self.dtype, device=seeds.device),)

    def step(self, state: State, actions: torch.Tensor) -> State:
        return (actions,)

    def outcome(self, state: State) -> Outcome:
        import torch

        (genes,) = state
        share = 1.0 / self.joints
        sine, cosine = sincos_turns(torch.cumsum(genes - 0.5, dim=1))
        hand = torch.stack([cosine.sum(dim=1), sine.sum(dim=1)], dim=1)
        off = genes - genes.sum(dim=1, keepdim=True) * share
        spread = root((off * off).sum(dim=1) / (self.joints - 1))
        return Outcome(1.0 - spread, 0.5 + hand * (0.5 * share))
