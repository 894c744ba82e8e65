"""The minimum of terms: paid for the worst alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Combiner, Genes, Term

SCALE = Gene("scale", default=1.0, spread=0.5, low=0.05, high=20.0, scale="log")


@dataclass(frozen=True)
class Minimum(Combiner):
    """min(s_1 f_1, ..., s_k f_k): the scales say when terms count as equally good.

    Args:
        scale: the gene of every term's scale.
    """

    scale: Gene = SCALE

    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        return tuple(replace(self.scale, name=f"{term.name}.{self.scale.name}") for term in terms)

    def shares(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...]
    ) -> list[NDArray[np.float64]]:
        """k arrays (n, m): each term times its scale."""
        return [scale[:, None] * value for scale, value in zip(genes.T, values, strict=True)]

    def combine(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...], steps: Steps
    ) -> NDArray[np.float64]:
        least = np.full((len(genes), len(steps)), np.inf)
        for value in self.shares(genes, values, terms):
            least = np.minimum(least, value)  # a NaN stays one
        return least

    def formula(self, genes: NDArray[np.float64], texts: list[str], terms: tuple[Term, ...]) -> str:
        return "min(" + ", ".join(f"{scale:.3g} {text}" for scale, text in zip(genes, texts, strict=True)) + ")"
