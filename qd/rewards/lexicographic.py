"""Lexicographic order as one number: a later term decides only where the earlier ones count as equal."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Combiner, Genes, Term

RESOLUTION = Gene("resolution", default=0.1, spread=1.0, low=1e-3, high=0.5, scale="log")
_MOST = 5  # (1 / 1e-3 + 1)^5 < 2^53: numbers of doubles are exact up to there


@dataclass(frozen=True)
class Lexicographic(Combiner):
    """Terms within 0 .. 1, the first the most important, each cut into steps of its resolution.

    The steps reached are the digits of one number, which is divided by the largest one: 0 .. 1. The order is exact, not
    that of a sum with steep weights, for up to five terms; a term outside of 0 .. 1 is taken as the nearer end.

    Args:
        resolution: the gene of how large a difference counts, of every term; its lower bound is 0.001 or more.
    """

    resolution: Gene = RESOLUTION

    def __post_init__(self) -> None:
        if self.resolution.least < 1e-3 or self.resolution.most > 1:
            raise QDError(f"Lexicographic.resolution: bounds {self.resolution.least} .. {self.resolution.most}, wanted "
                          f"within 0.001 .. 1")  # fmt: skip

    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        if len(terms) > _MOST:
            raise QDError(f"Lexicographic: got {len(terms)} terms, wanted at most {_MOST}: more do not fit in a double")
        return tuple(replace(self.resolution, name=f"{term.name}.{self.resolution.name}") for term in terms)

    def combine(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...], steps: Steps
    ) -> NDArray[np.float64]:
        number, largest = np.zeros((len(genes), len(steps))), np.zeros((len(genes), 1))
        for size, value in zip(genes.T, values, strict=True):
            digits = np.floor(1 / size[:, None] + 1e-9)  # (n, 1) the last step; 1e-9 as 0.3 / 0.1 is below 3
            digit = np.minimum(np.floor(np.clip(value, 0.0, 1.0) / size[:, None] + 1e-9), digits)
            number, largest = number * (digits + 1) + digit, largest * (digits + 1) + digits
        return np.asarray(number / largest)

    def formula(self, genes: NDArray[np.float64], texts: list[str], terms: tuple[Term, ...]) -> str:
        return "first(" + ", then ".join(f"{text} by {size:.3g}" for size, text in zip(genes, texts, strict=True)) + ")"
