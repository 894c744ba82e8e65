"""The product of terms with a floor: nothing makes up for a term that is low. What is multiplied regularises."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Combiner, Genes, Term

FLOOR = Gene("floor", default=0.01, spread=1.0, low=1e-6, high=1.0, scale="log")
POWER = Gene("power", default=1.0, spread=0.5, low=0.0, high=4.0)


@dataclass(frozen=True)
class Product(Combiner):
    """max(f_1, floor)^p_1 ... max(f_k, floor)^p_k, for terms of about 0 .. 1.

    The floor keeps one term at 0 from hiding what the others say. Terms' weights are not used: a power is what a weight
    is to a sum.

    Args:
        floor: the gene of the least value that a factor has.
        power: the gene of every term's power.
    """

    floor: Gene = FLOOR
    power: Gene = POWER

    def __post_init__(self) -> None:
        if self.floor.least < 0:
            raise QDError(f"Product.floor: its lower bound is {self.floor.least}, wanted 0 or more")

    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        return (self.floor, *(replace(self.power, name=f"{term.name}.{self.power.name}") for term in terms))

    def shares(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...]
    ) -> list[NDArray[np.float64]]:
        """k arrays (n, m): the factors."""
        return [
            np.maximum(value, genes[:, :1]) ** power[:, None] for value, power in zip(values, genes.T[1:], strict=True)
        ]

    def combine(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...], steps: Steps
    ) -> NDArray[np.float64]:
        total = np.ones((len(genes), len(steps)))
        for factor in self.shares(genes, values, terms):
            total *= factor
        return total

    def formula(self, genes: NDArray[np.float64], texts: list[str], terms: tuple[Term, ...]) -> str:
        factors = [f"max({text}, {genes[0]:.3g})^{power:.3g}" for text, power in zip(texts, genes[1:], strict=True)]
        return " * ".join(factors)
