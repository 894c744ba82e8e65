"""Scale by difficulty: what is hard, or clear, counts more.

``"power"``: difficulty^exponent up to a cap. ``"saturating"``: 1 + cap (1 - exp(-rate difficulty)), as MM-RLHF weighs
pairs by their margin (Zhang et al. 2025, https://arxiv.org/abs/2502.10391).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Operator, Values

EXPONENT = Gene("exponent", default=1.0, spread=0.5, low=0.0, high=4.0)
RATE = Gene("rate", default=0.5, spread=1.0, low=1e-2, high=1e2, scale="log")
CAP = Gene("cap", default=2.0, spread=0.5, low=0.1, high=100.0, scale="log")


@dataclass(frozen=True)
class DifficultyScale(Operator):
    """r times a weight that grows with the difficulty of its item.

    Args:
        variables: their product is the difficulty, each taken as 0 where it is below: data hardness and margin, say.
        form: ``"power"`` or ``"saturating"``.
        exponent: the gene of the power.
        rate: the gene of how soon it saturates.
        cap: the gene of the largest weight, or of how much is added at most.
    """

    variables: tuple[str, ...] = ("difficulty",)
    form: Literal["power", "saturating"] = "power"
    exponent: Gene = EXPONENT
    rate: Gene = RATE
    cap: Gene = CAP

    def __post_init__(self) -> None:
        if self.form not in ("power", "saturating"):
            raise QDError(f"DifficultyScale.form: got {self.form!r}, {nearest(self.form, ['power', 'saturating'])}")
        if not self.variables or isinstance(self.variables, str):
            raise QDError(f"DifficultyScale.variables: got {self.variables!r}, wanted a tuple of names")

    @property
    def needs(self) -> tuple[str, ...]:
        return self.variables

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.exponent if self.form == "power" else self.rate, self.cap)

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        difficulty = np.ones(len(steps))
        for name in self.variables:
            difficulty = difficulty * np.maximum(steps.column(name), 0.0)
        shape, cap = genes[:, 0:1], genes[:, 1:2]
        if self.form == "power":
            weight = np.minimum(difficulty**shape, cap)  # (n, m)
        else:
            weight = 1 - cap * np.expm1(-shape * difficulty)
        return values.each(lambda value: np.asarray(weight * value))

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        difficulty = " ".join(self.variables)
        if self.form == "power":
            return f"min(({difficulty})^{genes[0]:.3g}, {genes[1]:.3g}) {inner}"
        return f"(1 + {genes[1]:.3g} (1 - exp(-{genes[0]:.3g} {difficulty}))) {inner}"
