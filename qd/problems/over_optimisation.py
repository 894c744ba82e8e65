"""Proxies that are good up to a point: what to pay a learner, so that it does not leave what was meant.

After Gao, Schulman and Hilton 2022 (https://arxiv.org/abs/2210.10760) and Moskovitz et al. 2023
(https://arxiv.org/abs/2310.04373), in the smallest form that shows it. A policy N(mean, I) chooses x in d dimensions.
Two proxies r_i = a_i . x, with |a_i| = 1 and a_1 . a_2 = correlation, are what a reward can pay. What was meant, gold,
rises with each proxy up to its peak p_i, and falls beyond:

    gold = E of the sum over i of t(r_i - p_i),  t(e) = e - 2 w softplus(e / w)

so the mean of proxy i is best at p_i, whatever the correlation; but a learner that is paid for both alike comes to the
peaks sooner the more they correlate, at KL = p^2 / (1 + correlation) for equal peaks. The objective is the mean of gold
over the last quarter of training, 0 for the policy at the start and 1 for the best that there is. No reward and no
learner sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request, Status
from qd.errors import QDError
from qd.learners.gaussian_policy import GaussianPolicy
from qd.rewards.feature import Feature
from qd.rewards.gene import Gene, gene_values
from qd.rewards.lagrange import Lagrange
from qd.rewards.reward import Reward
from qd.space import Space

Array = NDArray[np.float64]
POINTS = 20  # of a course of training
LAST = 5  # points of the course whose mean is the objective: multipliers may swing
FAR = 1e6  # a policy whose mean is farther out has diverged
NAMES = ("proxy_0", "proxy_1")


def thresholds(form: Any = "equal", **settings: Any) -> Reward:
    """A reward whose genes are the two thresholds, N(2, 2^2) at first; the learner moves the multipliers."""
    gene = Gene("threshold", default=2.0, spread=2.0, low=-10.0, high=10.0)
    return Reward(tuple(map(Feature, NAMES)), Lagrange(form, threshold=gene, **settings))


def weights() -> Reward:
    """A reward whose genes are two fixed weights, N(1, 1) at first.

    Without correlation, proxies then come to means of N(2, 2^2), as the thresholds do.
    """
    gene = Gene("weight", default=1.0, spread=1.0, low=-5.0, high=5.0)
    return Reward(tuple(Feature(name, weight=gene) for name in NAMES))


@dataclass(frozen=True)
class OverOptimisation(Problem):
    """Rewards of two proxies, judged by the gold score of the policy that they train.

    >>> OverOptimisation().reward.formula(OverOptimisation().reward.start()[0])
    'proxy_0 -> 2, proxy_1 -> 2'
    """

    reward: Reward = field(default_factory=thresholds)
    """What the policy is paid; its genes are the solution."""
    correlation: float = 0.5
    """Of the two proxies."""
    peaks: tuple[float, float] = (1.5, 2.0)
    """Where gold stops rising with each proxy."""
    width: float = 0.5
    """How round a peak is, w."""
    dimension: int = 4
    """Numbers that the policy chooses."""
    learner: GaussianPolicy = field(default_factory=GaussianPolicy)
    """How it is trained."""
    steps: int = 200
    """Updates of a learner that the search trains."""
    test_steps: int = 1000
    """Updates of the one that the test trains: what a reward is for."""

    columns = MappingProxyType(
        {
            "gold": f"(n, {POINTS}) gold over training",
            "kl": f"(n, {POINTS}) divergence from the policy at the start, in nats",
            "proxies": f"(n, {POINTS}, 2) mean of each proxy",
            "multipliers": f"(n, {POINTS}, 2) of thresholds; NaN without",
            "error": "(n,) mean over proxies of |mean - threshold| in the last quarter; NaN without thresholds",
        }
    )
    test_columns = ("gold", "kl", "proxies", "multipliers")
    test_metrics = ("error",)
    deterministic = False
    batching = "padded"
    chunk_size = 8

    def __post_init__(self) -> None:
        if not -1 <= self.correlation <= 1:
            raise QDError(f"OverOptimisation.correlation: got {self.correlation}, wanted a number from -1 to 1")
        if len(self.peaks) != 2 or not all(0 < peak < np.inf for peak in self.peaks):
            raise QDError(f"OverOptimisation.peaks: got {self.peaks}, wanted two numbers above 0")
        if not 0 < self.width < np.inf:
            raise QDError(f"OverOptimisation.width: got {self.width}, wanted a number above 0")
        if self.dimension < 2:
            raise QDError(f"OverOptimisation.dimension: got {self.dimension}, wanted at least 2, one a proxy")
        for name in ("steps", "test_steps"):
            value = getattr(self, name)
            if value < POINTS or value % POINTS:
                raise QDError(f"OverOptimisation.{name}: got {value}, wanted a multiple of {POINTS}")
        unknown = [name for name in self.reward.needs if name not in NAMES]
        if unknown:
            raise QDError(f"OverOptimisation.reward: it reads {unknown[0]!r}; there are {' and '.join(NAMES)}")
        if self.reward.kind != "step":
            raise QDError(f"OverOptimisation.reward: its kind is {self.reward.kind!r}; a choice is one step")

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """The reward's genes."""
        return self.reward.space

    @property
    def costs(self) -> dict[str, float]:  # type: ignore[override]
        """Updates of a learner."""
        return {"steps": float(max(self.steps, self.test_steps))}

    def cost_bounds(self, request: Request) -> dict[str, Array]:
        return {"steps": np.full(len(request), float(self._length(request) * request.repeats))}

    def _length(self, request: Request) -> int:
        return self.test_steps if request.purpose == "test" else self.steps

    @cached_property
    def directions(self) -> Array:
        """(2, d) what the proxies are products with."""
        rho = self.correlation
        made = np.zeros((2, self.dimension))
        made[0, 0], made[1, 0], made[1, 1] = 1.0, rho, np.sqrt(max(0.0, 1.0 - rho * rho))
        return made

    def gold(self, means: Array) -> Array:
        """(...) gold of policies by the means (..., 2) of their proxies: 0 at the start, 1 at the peaks."""
        nothing, best = self._gold(np.zeros((1, 2)))[0], self._gold(np.array([self.peaks]))[0]
        return np.asarray((self._gold(means) - nothing) / (best - nothing))

    def _gold(self, means: Array) -> Array:
        nodes, weight = np.polynomial.hermite_e.hermegauss(24)  # a proxy is N(its mean, 1)
        beyond = means[..., None] + nodes - np.array(self.peaks)[:, None]  # (..., 2, nodes)
        tent = beyond - 2 * self.width * np.logaddexp(0.0, beyond / self.width)
        return np.asarray(((tent * weight).sum(axis=-1) / weight.sum()).sum(axis=-1))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        z = np.asarray(request.solutions, np.float64)
        n, length = len(z), self._length(request)
        with np.errstate(over="ignore", invalid="ignore"):  # of learners that diverge, who are lost
            trained = self.learner.train(self.reward, z, self.directions, seeds, length, POINTS)
            proxies = (trained.means[:, :, None] * self.directions).sum(axis=-1)  # (n, points, 2)
            kl = 0.5 * (trained.means**2).sum(axis=-1)
            gold = self.gold(proxies)
            lost = ~(np.abs(trained.means) < FAR).all(axis=(1, 2))
        status = np.where(lost, Status.FAILED, Status.OK).astype(np.int8)
        error, multipliers = np.full(n, np.nan), np.full((n, POINTS, 2), np.nan)
        if isinstance(self.reward.combiner, Lagrange):
            wanted = gene_values(self.reward.genes, z)[:, -len(self.reward.terms) :]
            error = np.abs(proxies[:, -LAST:].mean(axis=1) - wanted).mean(axis=1)
            multipliers = trained.weights
        return Evaluation(
            np.where(lost, np.nan, gold[:, -LAST:].mean(axis=1)),
            status=status,
            columns={"gold": gold, "kl": kl, "proxies": proxies, "multipliers": multipliers, "error": error},
            cost={"steps": np.full(n, float(length))},
            reasons={int(row): "the learner diverged: its rewards are not finite, or its rate is too high"
                     for row in np.flatnonzero(lost)},
        )  # fmt: skip
