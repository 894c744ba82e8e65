"""Tighten: a threshold that rises in stages as training goes on, as in Vision-R1 (Zhan et al. 2025).

https://arxiv.org/abs/2503.18013
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Kind, Operator, Values

FROM = Gene("from", default=0.5, spread=0.25, low=0.0, high=1.0)
TO = Gene("to", default=0.75, spread=0.25, low=0.0, high=1.0)


@dataclass(frozen=True)
class Tighten(Operator):
    """r where it reaches the threshold, else 0; the threshold goes from ``first`` to ``last`` with the training.

    Args:
        stages: of equal length, each with its threshold; 1 is the first alone, 0 rises all the time.
        first, last: the genes of the first and the last threshold; it falls where the last is lower.
        progress: the variable that tells the share of the training that is done, 0 .. 1.
    """

    stages: int = 2
    first: Gene = FROM
    last: Gene = TO
    progress: str = "progress_of_training"

    kind: Kind = "history"

    def __post_init__(self) -> None:
        if self.stages < 0:
            raise QDError(f"Tighten.stages: got {self.stages}, wanted 0 or more")

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.progress,)

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.first, self.last)

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        share = np.clip(steps.column(self.progress), 0.0, 1.0)  # (m,)
        if self.stages:
            share = np.minimum(np.floor(share * self.stages), self.stages - 1) / max(self.stages - 1, 1)
        at = genes[:, 0:1] + (genes[:, 1:2] - genes[:, 0:1]) * share  # (n, m)
        return values.each(lambda value: np.where(value < at, 0.0, value))  # a NaN stays one

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        return f"({inner} if >= {genes[0]:.3g} .. {genes[1]:.3g} else 0)"
