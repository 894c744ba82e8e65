"""A window: a number lies between two bounds, which evolve: a length, a count of citations, a speed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values

LOW = Gene("low", default=-1.0)
WIDTH = Gene("width", default=2.0, spread=1.0, low=1e-6, high=1e6, scale="log")


@dataclass(frozen=True)
class Within(Term):
    """1 where low <= variable <= low + width, else 0, NaN of NaN; of a state variable also before the step.

    Args:
        variable: the number.
        low: the gene of the lower bound.
        width: the gene of the distance to the upper bound, so that no genome holds an empty window.
        weight: the gene of its weight.
        label: what it is called where the variable's name is not enough.
    """

    variable: str
    low: Gene = LOW
    width: Gene = WIDTH
    weight: Gene | None = WEIGHT
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or f"{self.variable}_within"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable,)

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.low, self.width)

    def values(self, genes: Genes, steps: Steps) -> Values:
        low, width = genes[:, 0:1], genes[:, 1:2]
        earlier = steps.earlier(self.variable)
        return Values(steps.column(self.variable)[None], None if earlier is None else earlier[None]).each(
            lambda value: np.where(np.isnan(value), np.nan, (value >= low) & (value <= low + width))
        )

    def formula(self, genes: NDArray[np.float64]) -> str:
        return f"{self.name}[{genes[0]:.3g} .. {genes[0] + genes[1]:.3g}]"
