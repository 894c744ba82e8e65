"""Squash: a term within bounds, by tanh or a sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Operator, Values

SCALE = Gene("squash", default=1.0, spread=1.0, low=1e-3, high=1e3, scale="log")


@dataclass(frozen=True)
class Squash(Operator):
    """tanh(r / scale), -1 .. 1, or 1 / (1 + exp(-r / scale)), 0 .. 1.

    Args:
        form: ``"tanh"`` or ``"sigmoid"``.
        scale: the gene of the size at which it bends.
    """

    form: Literal["tanh", "sigmoid"] = "tanh"
    scale: Gene = SCALE

    def __post_init__(self) -> None:
        if self.form not in ("tanh", "sigmoid"):
            raise QDError(f"Squash.form: got {self.form!r}, {nearest(self.form, ['tanh', 'sigmoid'])}")

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.scale,)

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        scale = genes[:, 0:1]
        if self.form == "tanh":
            return values.each(lambda value: np.tanh(value / scale))
        return values.each(lambda value: np.asarray(0.5 + 0.5 * np.tanh(value / scale / 2)))

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        return f"{self.form}({inner} / {genes[0]:.3g})"
