"""The weighted sum of terms."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Combiner, Genes, Term


@dataclass(frozen=True)
class WeightedSum(Combiner):
    """scale (w_1 f_1 + ... + w_k f_k), a weight w_i a term; a term without a weight counts once and is not scaled.

    Args:
        scale: what the weighted terms are multiplied with, so that weights of about 1 stay below the success reward.
    """

    scale: float = 1.0

    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        return tuple(
            replace(gene, name=f"{term.name}.{gene.name}") for term in terms if (gene := term.weight) is not None
        )

    def shares(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...]
    ) -> list[NDArray[np.float64]]:
        """k arrays (n, m): each term times its weight."""
        weights = iter(genes.T)
        return [
            value if term.weight is None else self.scale * next(weights)[:, None] * value
            for term, value in zip(terms, values, strict=True)
        ]

    def combine(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...], steps: Steps
    ) -> NDArray[np.float64]:
        total = np.zeros((len(genes), len(steps)))
        for share in self.shares(genes, values, terms):  # in the terms' order, so that the bits are the same
            total += share
        return total

    def formula(self, genes: NDArray[np.float64], texts: list[str], terms: tuple[Term, ...]) -> str:
        weights = iter(genes)
        written = ""
        for text, term in zip(texts, terms, strict=True):
            weight = 1.0 if term.weight is None else self.scale * float(next(weights))
            if weight == 0:
                continue
            size = "" if abs(weight) == 1 else f"{abs(weight):.3g} "
            sign = (" - " if weight < 0 else " + ") if written else ("-" if weight < 0 else "")
            written += f"{sign}{size}{text}"
        return written or "0"
