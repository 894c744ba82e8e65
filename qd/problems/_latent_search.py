"""Latents of a generator judged by several reward models, after ReNO.

Eyring, Karthik, Roth, Dosovitskiy and Akata 2024, https://arxiv.org/abs/2406.04312. The generator stays as it is; what
is searched is the noise that it starts from, so that several reward models like what comes out. A model that no search
ever sees says whether the others were pleased or deceived.

Three ways to keep a latent z of d numbers where the generator was trained:

    none     nothing does; what is evaluated is z
    norm     norm_weight (log p(|z|) - its maximum) is added, where log p(n) = (d - 1) log n - n^2 / 2 + constant is
             the density of the norm of N(0, 1) noise (ReNO's regulariser)
    sphere   what is evaluated is sqrt(d) z / |z|; the length of z means nothing then

Where we differ from ReNO: no gradients are used; every reward is standardised on random latents, which stands in for
weights set by hand. As there, what is chosen in the end is chosen by the rewards alone, without the regulariser.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError, nearest
from qd.rewards.reward import RewardForm
from qd.rewards.steps import Steps
from qd.rng import generator
from qd.space import Box, Space

Array = NDArray[np.float64]
PRIORS = ("none", "norm", "sphere")


def norm_term(z: Array) -> Array:
    """(n,) log density of the norm of each of (n, d) latents under N(0, 1), less its maximum, at sqrt(d - 1)."""
    d = z.shape[1]
    squared = np.maximum((z * z).sum(axis=1), np.finfo(float).tiny)
    best = 0.5 * (d - 1) * (math.log(d - 1) - 1.0)
    return 0.5 * (d - 1) * np.log(squared) - 0.5 * squared - best


def onto_sphere(z: Array) -> Array:
    """(n, d) latents at length sqrt(d), where N(0, 1) noise has nearly all of its mass; 0 goes to the first axis."""
    length = np.sqrt((z * z).sum(axis=1, keepdims=True))
    pole = np.zeros(z.shape[1])
    pole[0] = 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        direction = np.where(length > 0, z / length, pole)
    return np.asarray(math.sqrt(z.shape[1]) * direction)


@dataclass(frozen=True)
class _LatentSearch(Problem):
    """What latent searches have in common.

    By purpose the objective is, of search and validate: the used rewards and the prior; of select: the used rewards
    alone; of test: the held-out reward.
    """

    prior: Literal["none", "norm", "sphere"] = "sphere"
    """What keeps latents where the generator was trained."""
    norm_weight: float = 0.05
    """Of the norm term, with ``prior="norm"``."""
    reward: RewardForm | None = None
    """How the used rewards become one: a reward of variables that bear their names; their mean by default."""
    climbed: int = 0
    """So many of the rewards are used, the first ones; 0: all but the held-out one."""

    columns = MappingProxyType(
        {
            "scores": "(n, k) every reward, standardised, the held-out one last and NaN unless the purpose is test",
            "norm": "(n,) the length of the latent that was evaluated",
        }
    )
    test_columns = ("scores", "norm")
    deterministic = True
    batching = "padded"  # products of matrices round by their shapes
    chunk_size = 20

    def __post_init__(self) -> None:
        if self.prior not in PRIORS:
            raise QDError(f"{self.name}.prior: got {self.prior!r}, {nearest(str(self.prior), PRIORS)}")
        if not 0 <= self.norm_weight < math.inf:
            raise QDError(f"{self.name}.norm_weight: got {self.norm_weight!r}, wanted a number of at least 0")
        count = len(self.reward_names)
        if not 0 <= self.climbed < count:
            raise QDError(f"{self.name}.climbed: got {self.climbed} of {count} rewards, one of which is held out; "
                          f"wanted 1 to {count - 1}, or 0 for all of these")  # fmt: skip
        if self.reward is None:
            return
        if not isinstance(self.reward, RewardForm):
            raise QDError(f"{self.name}.reward: got {type(self.reward).__name__}, wanted a qd.rewards.Reward")
        unknown = [name for name in self.reward.needs if name not in self.used_names]
        if unknown:
            held = " is held out" if unknown[0] in self.reward_names else ""
            raise QDError(f"{self.name}.reward: it reads {unknown[0]!r}, which{held or ' is not there'}; "
                          f"the used rewards are {', '.join(self.used_names)}")  # fmt: skip
        if self.reward.start() is None:
            raise QDError(f"{self.name}.reward: it has no values to start with; give a Reward")

    @property
    @abstractmethod
    def latent_dimension(self) -> int:
        """d."""

    @property
    @abstractmethod
    def reward_names(self) -> tuple[str, ...]:
        """Of all k rewards; the last is held out."""

    @property
    def used_names(self) -> tuple[str, ...]:
        """Of those that a search climbs."""
        return self.reward_names[: self.climbed or -1]

    @abstractmethod
    def raw_rewards(self, latents: Array) -> Array:
        """(n, k) rewards of what the generator makes of (n, d) latents, in units of their own."""

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """All latents; N(0, 1) is what the generator was made for."""
        return Box(-np.inf, np.inf, self.latent_dimension, init_sigma=1.0)

    @cached_property
    def _standard(self) -> tuple[Array, Array]:
        """(k,) mean and standard deviation of every reward over random latents."""
        rng = generator(0, "standard latents", self.latent_dimension)
        drawn = self.raw_rewards(rng.standard_normal((2048, self.latent_dimension)))
        spread = drawn.std(axis=0)
        flat = np.flatnonzero(~(spread > 0))  # NaN too
        if len(flat):
            raise QDError(f"{self.name}: reward {self.reward_names[flat[0]]!r} is the same, or no number, for random "
                          "latents, so it cannot be standardised")  # fmt: skip
        return drawn.mean(axis=0), spread

    def prepare(self) -> None:
        _ = self._standard

    def latents(self, solutions: Any) -> Array:
        """(n, d) the latents that are evaluated."""
        z = np.asarray(solutions, np.float64)
        return onto_sphere(z) if self.prior == "sphere" else z

    def scores(self, latents: Array) -> Array:
        """(n, k) every reward, in standard deviations from its mean over random latents."""
        mean, spread = self._standard
        return (self.raw_rewards(latents) - mean) / spread

    def used(self, scores: Array) -> Array:
        """(n,) the used rewards as one."""
        columns: Mapping[str, Array] = dict(zip(self.reward_names, scores.T, strict=True))
        if self.reward is None:
            total = np.zeros(len(scores))
            for name in self.used_names:
                total += columns[name]
            return total / len(self.used_names)
        start = self.reward.start()
        assert start is not None
        return np.asarray(self.reward.values(start, Steps({name: columns[name] for name in self.used_names}))[0])

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        z = self.latents(request.solutions)
        with np.errstate(over="ignore", invalid="ignore"):  # rows that are not finite are lost, not the run
            scores = self.scores(z)
            objective = scores[:, -1] if request.purpose == "test" else self.used(scores)
            if self.prior == "norm" and request.purpose in ("search", "validate"):
                objective = objective + self.norm_weight * norm_term(z)
            length = np.sqrt((z * z).sum(axis=1))
        shown = scores.copy()
        if request.purpose != "test":
            shown[:, -1] = np.nan
        truth = {"held_out": scores[:, -1]}
        return Evaluation(objective, columns={"scores": shown, "norm": length}, truth=truth)
