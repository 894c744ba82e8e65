"""A threshold: what a term is worth counts as reached or not, sharply or softly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Operator, Values

AT = Gene("at", default=0.5, spread=0.5)
STEEPNESS = Gene("steepness", default=10.0, spread=1.0, low=0.1, high=1000.0, scale="log")


@dataclass(frozen=True)
class Threshold(Operator):
    """1 where r >= at, else 0; or softly, 1 / (1 + exp(-steepness (r - at))).

    Args:
        at: the gene of where it lies.
        soft: a sigmoid, which is paid for coming nearer too.
        steepness: the gene of the sigmoid's.
    """

    at: Gene = AT
    soft: bool = False
    steepness: Gene = STEEPNESS

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.at, self.steepness) if self.soft else (self.at,)

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        at = genes[:, 0:1]
        if not self.soft:
            return values.each(lambda value: np.heaviside(value - at, 1.0))
        half = genes[:, 1:2] / 2
        return values.each(lambda value: np.asarray(0.5 + 0.5 * np.tanh(half * (value - at))))  # does not overflow

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        if self.soft:
            return f"sigmoid({genes[1]:.3g} ({inner} - {genes[0]:.3g}))"
        return f"({inner} >= {genes[0]:.3g})"
