"""A diffusion model that needs no training: denoising towards a mixture of Gaussians in the plane, in closed form.

The noised mixture is a mixture again, so its score is known exactly (Song et al. 2020, https://arxiv.org/abs/2011.13456),
and the T steps of ancestral sampling (Ho, Jain and Abbeel 2020, https://arxiv.org/abs/2006.11239) need no network. A
solution is the noise of all steps in the order of their use, so that any beginning of it is a point on the way, and a
search may keep it and try other ends. The reward lies beside a mode that noise seldom leads to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.space import Box, Space

Array = NDArray[np.float64]
MODES = 8  # on a circle of radius 2
SPREAD = 0.15  # of a mode
WIDTH = 0.5  # of the reward


@dataclass(frozen=True)
class MixtureDiffusion(Problem):
    """Noise for every denoising step, so that the point at the end is rewarded.

    >>> MixtureDiffusion(steps=10).solution_space.length
    20
    """

    steps: int = 10
    """Denoising steps; two numbers each."""
    rarity: float = 0.01
    """Weight of the mode that the reward is at; the others share the rest."""
    off: float = 0.3
    """How far beyond the mode the best point lies."""

    columns = MappingProxyType({"point": "(n, 2) where denoising ended"})
    deterministic = True
    batching = "rows"
    chunk_size = 64

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise QDError(f"MixtureDiffusion.steps: got {self.steps}, wanted at least 2")
        if not 0 < self.rarity < 1:
            raise QDError(f"MixtureDiffusion.rarity: got {self.rarity}, wanted a number between 0 and 1")
        if not 0 <= self.off < np.inf:
            raise QDError(f"MixtureDiffusion.off: got {self.off}, wanted a number of at least 0")

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """The noise of all steps, N(0, 1)."""
        return Box(-np.inf, np.inf, 2 * self.steps, init_sigma=1.0)

    @cached_property
    def modes(self) -> tuple[Array, Array]:
        """(k, 2) centres and (k,) weights; the first is the rare one."""
        angle = 2 * np.pi * np.arange(MODES) / MODES
        weights = np.full(MODES, (1 - self.rarity) / (MODES - 1))
        weights[0] = self.rarity
        return 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1), weights

    @cached_property
    def kept(self) -> Array:
        """(steps + 1,) share of the variance that is signal after so many noising steps: cosine of Nichol et al."""
        t = np.arange(self.steps + 1) / self.steps
        share = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
        return np.asarray(np.clip(share / share[0], 1e-3, 1.0))

    def denoised(self, x: Array, t: int) -> Array:
        """(n, 2) the expected end of points (n, 2) after t noising steps: Tweedie's formula on the exact score."""
        centers, weights = self.modes
        signal = np.sqrt(self.kept[t])
        variance = self.kept[t] * SPREAD**2 + 1 - self.kept[t]
        away = x[:, None] - signal * centers  # (n, k, 2)
        log_weight = np.log(weights) - 0.5 * (away * away).sum(axis=2) / variance
        share = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        score = -(share[:, :, None] * away).sum(axis=1) / variance
        return np.asarray((x + (1 - self.kept[t]) * score) / signal)

    def points(self, solutions: Any) -> Array:
        """(n, 2) where denoising ends."""
        noise = np.asarray(solutions, np.float64).reshape(len(solutions), self.steps, 2)
        x = noise[:, 0]
        for step, t in enumerate(range(self.steps, 0, -1), start=1):
            now, then = self.kept[t], self.kept[t - 1]
            end, beta = self.denoised(x, t), 1 - now / then
            x = np.sqrt(then) * beta / (1 - now) * end + np.sqrt(now / then) * (1 - then) / (1 - now) * x
            if step < self.steps:  # the last step adds no noise
                x = x + np.sqrt(beta * (1 - then) / (1 - now)) * noise[:, step]
        return x

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        point = self.points(request.solutions)
        best = self.modes[0][0] * (1 + self.off / 2)
        away = ((point - best) ** 2).sum(axis=1)
        return Evaluation(np.exp(-0.5 * away / WIDTH**2), columns={"point": point})
