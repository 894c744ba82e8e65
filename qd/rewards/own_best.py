"""History-relative: paid for being better than one's own best so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Kind, Operator, Values

GAINS_ONLY = Gene("gains_only", default=1.0, scale="switch")


@dataclass(frozen=True)
class OwnBest(Operator):
    """r minus the best r so far of the same item; where only gains count, 0 where it is not better.

    Where nothing is known yet (the best is NaN or minus infinity) it pays 0: a first try is no gain.

    Args:
        best: the variable with the best so far, which whoever runs the reward keeps.
        gains_only: the gene of whether falling back costs nothing.
    """

    best: str = "own_best"
    gains_only: Gene = GAINS_ONLY

    kind: Kind = "history"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.best,)

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.gains_only,)

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        best, only = steps.column(self.best), genes[:, 0:1] > 0
        known = ~np.isnan(best) & (best > -np.inf)
        gain = np.where(known, values.after - np.where(known, best, 0.0), 0.0)
        return Values(np.where(only, np.maximum(gain, 0.0), gain))

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        return f"max({inner} - {self.best}, 0)" if genes[0] > 0 else f"({inner} - {self.best})"
