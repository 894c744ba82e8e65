"""Clip, Gao et al. 2024 (https://arxiv.org/abs/2410.15115): what lies above a bound earns nothing more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Operator, Values

ETA = Gene("eta", default=0.5, spread=0.25, low=0.0, high=1.0)
USED = Gene("clip", default=1.0, scale="switch")


@dataclass(frozen=True)
class Clip(Operator):
    """min(r - eta, 0): never above zero, so that no step earns by itself. eta and whether it is used evolve."""

    eta: Gene = ETA
    used: Gene = USED

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.used, self.eta)

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        used, eta = genes[:, 0:1] > 0, genes[:, 1:2]

        def clipped(value: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
            return None if value is None else np.where(used, np.minimum(value - eta, 0.0), value)

        return Values(clipped(values.after), clipped(values.before))  # type: ignore[arg-type]

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        return f"min({inner} - {genes[1]:.3g}, 0)" if genes[0] > 0 else inner
