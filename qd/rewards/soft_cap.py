"""A soft cap: a term pays up to a threshold, and next to nothing beyond it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Operator, Values

CAP = Gene("cap", default=1.0, spread=1.0, low=-10.0, high=10.0)


@dataclass(frozen=True)
class SoftCap(Operator):
    """cap - softplus(cap - r): close to r far below the cap, never above the cap, and always rising in r.

    The stateless neighbour of ``Lagrange``: it takes the pay away where a proxy is high enough, step by step and
    without multipliers, but nothing pulls back what overshot.
    """

    cap: Gene = CAP

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.cap,)

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        cap = genes[:, 0:1]

        def capped(value: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(cap - np.logaddexp(0.0, cap - value))  # softplus that cannot overflow

        return Values(capped(values.after), None if values.before is None else capped(values.before))

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        return f"softcap({inner}, {genes[0]:.3g})"
