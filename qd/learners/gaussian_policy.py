"""A Gaussian policy over d numbers, trained by policy gradient: the smallest learner that over-optimises.

REINFORCE (Williams 1992, https://doi.org/10.1007/BF00992696) with the batch's mean as baseline. The policy is
N(mean, I) and begins at N(0, I); what it is paid is a reward and, times ``anchor``, minus the log-ratio to where it
began, so its divergence KL = |mean|^2 / 2 is the distance that optimising has come. Where the reward's combiner is
``Lagrange``, the learner moves the multipliers with its own means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import gene_values
from qd.rewards.lagrange import Lagrange
from qd.rewards.reward import Reward
from qd.rewards.steps import Steps
from qd.rng import row_generator

Array = NDArray[np.float64]
BLOCK = 50  # updates whose noise is drawn at once


class Trained(NamedTuple):
    """What became of n learners.

    Args:
        means: (n, points, d) the policy's mean at equal distances in training, the last one at the end.
        weights: (n, points, k) the multipliers there; (n, points, 0) without.
    """

    means: Array
    weights: Array


@dataclass(frozen=True)
class GaussianPolicy:
    """How a policy is trained.

    >>> GaussianPolicy(batch=8).anchor
    0.5
    """

    batch: int = 32
    """Samples an update."""
    rate: float = 0.1
    """Step of the mean along its gradient."""
    anchor: float = 0.5
    """Weight of the divergence from where it began."""

    def __post_init__(self) -> None:
        if self.batch < 2:
            raise QDError(f"GaussianPolicy.batch: got {self.batch}, wanted at least 2: the mean is the baseline")
        for name in ("rate", "anchor"):
            if not 0 <= getattr(self, name) < np.inf:
                raise QDError(f"GaussianPolicy.{name}: got {getattr(self, name)}, wanted a number of at least 0")

    def train(
        self, reward: Reward, solutions: Array, proxies: Array, seeds: NDArray[np.uint64], steps: int, points: int
    ) -> Trained:
        """Train n learners, each by itself.

        Args:
            reward: reads the variables ``proxy_0`` .. ``proxy_(k-1)``.
            solutions: (n, genes) a reward a learner.
            proxies: (k, d) what the variables are: products with the choice.
            seeds: (n,) the only randomness.
            steps: updates; a multiple of ``points``.
            points: how often the course is noted.
        """
        n, d = len(solutions), proxies.shape[1]
        rngs = [row_generator(seed) for seed in seeds]
        mean = np.zeros((n, d))
        combiner = reward.combiner if isinstance(reward.combiner, Lagrange) else None
        thresholds = gene_values(reward.genes, solutions)[:, -len(reward.terms) :]  # Lagrange has no others
        multipliers = combiner.start(n, len(reward.terms)) if combiner else None
        course, weights = [], []
        for step in range(steps):
            if step % BLOCK == 0:
                block = min(BLOCK, steps - step)
                noise = np.stack([rng.standard_normal((block, self.batch, d)) for rng in rngs], axis=1)
            drawn = noise[step % BLOCK]  # (n, b, d)
            chosen = mean[:, None] + drawn
            anchor = -self.anchor * ((chosen * mean[:, None]).sum(axis=2) - 0.5 * (mean * mean).sum(axis=1)[:, None])
            if combiner and multipliers:
                values = _terms(reward, solutions, chosen, proxies)  # (n, k, b)
                paid = combiner.mixed(multipliers, values, anchor)
                multipliers = combiner.update(multipliers, values.mean(axis=2), thresholds)
            else:
                paid = anchor + _paid(reward, solutions, chosen, proxies)
            advantage = paid - paid.mean(axis=1, keepdims=True)
            mean = mean + self.rate * (advantage[:, :, None] * drawn).mean(axis=1)
            if (step + 1) % (steps // points) == 0:
                course.append(mean)
                weights.append(combiner.weights(multipliers) if combiner and multipliers else np.zeros((n, 0)))
        return Trained(np.stack(course, axis=1), np.stack(weights, axis=1))


def _steps(chosen: Array, proxies: Array) -> Steps:
    """The n b choices of n learners as steps with a variable a proxy."""
    flat = chosen.reshape(-1, chosen.shape[2])
    return Steps({f"proxy_{i}": (flat * proxy).sum(axis=1) for i, proxy in enumerate(proxies)})


def _own(values: Array, n: int) -> Array:
    """(n, n b) or (1, n b) values of all learners' choices to (n, b) of each learner's own."""
    blocks = values.reshape(len(values), n, -1)
    rows = np.arange(n)
    return np.asarray(blocks[rows if len(values) == n else 0, rows])


def _paid(reward: Reward, solutions: Array, chosen: Array, proxies: Array) -> Array:
    """(n, b) what each learner's own reward pays for its choices."""
    return _own(np.asarray(reward.values(solutions, _steps(chosen, proxies))), len(solutions))


def _terms(reward: Reward, solutions: Array, chosen: Array, proxies: Array) -> Array:
    """(n, k, b) the terms of each learner's own reward for its choices."""
    genes, steps, at, found = gene_values(reward.genes, solutions), _steps(chosen, proxies), 0, []
    for term in reward.terms:
        values = term.values(genes[:, at : at + len(term.genes)], steps).after
        found.append(_own(values, len(solutions)))
        at += len(term.genes)
    return np.stack(found, axis=1)
