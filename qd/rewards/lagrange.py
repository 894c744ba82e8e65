"""Thresholds with Lagrange multipliers: Moskovitz, Singh, Strouse, Sandholm, Salakhutdinov, Dragan and McAleer 2023.

https://arxiv.org/abs/2310.04373. Proxies are good up to a point: a learner that is paid for more of one leaves what was
meant. So each of k terms gets a threshold tau_i that its mean J_i shall reach and not exceed, and a multiplier lambda_i
that moves while the learner learns:

    reward = (k - sum of lambda_i) anchor + sum of lambda_i r_i
    lambda_i = tanh(u_i), or sigmoid(u_i);  u_i falls along the gradient of sum of lambda_i (J_i - tau_i)

The anchor is what holds the learner where it began, minus the divergence from its first policy. With tanh a multiplier
may fall below zero, so that a term that overshot is pulled back (J_i = tau_i); with sigmoid it only stops paying
(J_i >= tau_i). Evolving are the thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Combiner, Genes, Term

Array = NDArray[np.float64]
THRESHOLD = Gene("threshold", default=1.0, spread=1.0, low=-10.0, high=10.0)


class Multipliers(NamedTuple):
    """What a learner carries from update to update: u (n, k), and its velocity (n, k)."""

    u: Array
    velocity: Array


@dataclass(frozen=True)
class Lagrange(Combiner):
    """Terms weighted by multipliers that hold each mean at its threshold.

    A learner that knows of it calls ``start``, and each update ``mixed`` and ``update``. To one that does not it is the
    sum of the terms at the first multipliers.

    Args:
        form: ``"equal"``: J_i = tau_i, by tanh; ``"at_least"``: J_i >= tau_i, by sigmoid.
        rate, momentum: of the descent of u.
        first: the multipliers at the start; below 1, and above -1 (equal) or 0 (at_least).
        threshold: the gene that each term gets.
    """

    form: Literal["equal", "at_least"] = "equal"
    rate: float = 0.1
    momentum: float = 0.1
    first: float = 0.5
    threshold: Gene = THRESHOLD

    def __post_init__(self) -> None:
        if self.form not in ("equal", "at_least"):
            raise QDError(f"Lagrange.form: got {self.form!r}, wanted 'equal' or 'at_least'")
        least = -1.0 if self.form == "equal" else 0.0
        if not least < self.first < 1:
            raise QDError(f"Lagrange.first: got {self.first}, wanted a number between {least:g} and 1, exclusive")
        if not 0 < self.rate < np.inf:
            raise QDError(f"Lagrange.rate: got {self.rate}, wanted a number above 0")
        if not 0 <= self.momentum < 1:
            raise QDError(f"Lagrange.momentum: got {self.momentum}, wanted a number of at least 0, below 1")

    def start(self, n: int, k: int) -> Multipliers:
        """Those of n learners with k terms before the first update."""
        u = np.arctanh(self.first) if self.form == "equal" else np.log(self.first / (1 - self.first))
        return Multipliers(np.full((n, k), u), np.zeros((n, k)))

    def weights(self, multipliers: Multipliers) -> Array:
        """(n, k) lambda."""
        tanh = np.tanh(multipliers.u if self.form == "equal" else 0.5 * multipliers.u)
        return np.asarray(tanh if self.form == "equal" else 0.5 * (1.0 + tanh))

    def update(self, multipliers: Multipliers, means: Array, thresholds: Array) -> Multipliers:
        """One step of gradient descent with momentum.

        Args:
            multipliers: of n learners.
            means: (n, k) what each term is worth on average now, J.
            thresholds: (n, k) tau.
        """
        weights = self.weights(multipliers)
        slope = 1 - weights**2 if self.form == "equal" else weights * (1 - weights)  # of lambda in u
        velocity = self.momentum * multipliers.velocity + slope * (means - thresholds)
        return Multipliers(multipliers.u - self.rate * velocity, velocity)

    def mixed(self, multipliers: Multipliers, values: Array, anchor: Array) -> Array:
        """(n, b) what b samples of each of n learners are paid.

        Args:
            multipliers: of n learners.
            values: (n, k, b) the terms.
            anchor: (n, b) what holds the learner where it began.
        """
        weights = self.weights(multipliers)
        total = (weights.shape[1] - weights.sum(axis=1))[:, None] * anchor
        for i in range(weights.shape[1]):  # in the terms' order, so that the bits are the same
            total = total + weights[:, i : i + 1] * values[:, i]
        return np.asarray(total)

    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        return tuple(replace(self.threshold, name=f"{term.name}.{self.threshold.name}") for term in terms)

    def combine(self, genes: Genes, values: list[Array], terms: tuple[Term, ...], steps: Steps) -> Array:
        total = np.zeros((len(genes), len(steps)))
        for value in values:
            total += self.first * value
        return total

    def formula(self, genes: Array, texts: list[str], terms: tuple[Term, ...]) -> str:
        sign = "->" if self.form == "equal" else ">="
        return ", ".join(f"{text} {sign} {threshold:.3g}" for text, threshold in zip(texts, genes, strict=True))
