"""A mask: a term counts at some steps alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Operator, Values


@dataclass(frozen=True)
class StepMask(Operator):
    """r where a variable is above 0, else 0: before the step and after it alike.

    Args:
        variable: of the step.
        inverted: where it is not above 0.
    """

    variable: str
    inverted: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable,)

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        counts = (steps.column(self.variable) > 0) != self.inverted
        return values.each(lambda value: np.where(counts, value, 0.0))

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        return f"[{'not ' if self.inverted else ''}{self.variable}] {inner}"
