"""The weighted harmonic mean, as the lambda-harmonic reward has it for two terms (Miao et al. 2024).

https://arxiv.org/abs/2407.12164: 1 / (lambda / a + (1 - lambda) / b), and the same of k terms: near the least of them,
so all must be good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Combiner, Genes, Term

SHARE = Gene("share", default=1.0, spread=1.0, low=1e-3, high=1e3, scale="log")


@dataclass(frozen=True)
class HarmonicMean(Combiner):
    """1 / (l_1 / f_1 + ... + l_k / f_k), of terms above 0; l_i = share_i / (share_1 + ... + share_k).

    Args:
        share: the gene of every term's share.
        floor: what a term counts as where it is below; a harmonic mean means nothing at 0 and below.
    """

    share: Gene = SHARE
    floor: float = 1e-6

    def __post_init__(self) -> None:
        if not 0 < self.floor < np.inf or not self.share.least > 0:
            raise QDError(f"HarmonicMean: floor {self.floor} and the lower bound of share {self.share.least} must be "
                          f"above 0")  # fmt: skip

    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        return tuple(replace(self.share, name=f"{term.name}.{self.share.name}") for term in terms)

    def combine(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...], steps: Steps
    ) -> NDArray[np.float64]:
        inverse, whole = np.zeros((len(genes), len(steps))), np.zeros((len(genes), 1))
        for share, value in zip(genes.T, values, strict=True):
            inverse += share[:, None] / np.maximum(value, self.floor)
            whole += share[:, None]
        return np.asarray(whole / inverse)

    def formula(self, genes: NDArray[np.float64], texts: list[str], terms: tuple[Term, ...]) -> str:
        shares = genes / genes.sum()
        return "1 / (" + " + ".join(f"{part:.3g} / {text}" for part, text in zip(shares, texts, strict=True)) + ")"
