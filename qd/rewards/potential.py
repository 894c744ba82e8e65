"""Potential-based shaping, Ng, Harada and Russell 1999: a bonus that leaves the optimal policies as they are.

F(s, s') = discount Phi(s') - Phi(s) with Phi = theta_1 phi_1(s) + ... + theta_k phi_k(s), and Phi = 0 where an episode
ends, or the invariance is lost. ``discount`` must be the learner's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Term, Values


@dataclass(frozen=True)
class Potential(Term):
    """Shaping by a potential that is linear in state variables, a gene theta for each.

    Args:
        variables: state variables phi_i, which have a value before a step and after it.
        discount: the learner's.
        label: what it is called.
    """

    variables: tuple[str, ...]
    discount: float = 0.98
    label: str = "potential"

    weight = None

    def __post_init__(self) -> None:
        if not self.variables:
            raise QDError("Potential.variables: got none, wanted at least one state variable")
        if not 0 < self.discount <= 1:
            raise QDError(f"Potential.discount: got {self.discount}, wanted above 0, up to 1: the learner's")

    @property
    def name(self) -> str:
        return self.label

    @property
    def needs(self) -> tuple[str, ...]:
        return self.variables

    @property
    def genes(self) -> tuple[Gene, ...]:
        """theta, one a variable."""
        return tuple(Gene(variable) for variable in self.variables)

    def values(self, genes: Genes, steps: Steps) -> Values:
        after, before = np.zeros((len(genes), len(steps))), np.zeros((len(genes), len(steps)))
        for theta, variable in zip(genes.T, self.variables, strict=True):
            earlier = steps.earlier(variable)
            if earlier is None:
                raise QDError(f"Potential.variables: {variable!r} has no value before a step; take a state variable")
            after += theta[:, None] * steps.column(variable)
            before += theta[:, None] * earlier
        return Values(self.discount * np.where(steps.ends, 0.0, after) - before)

    def formula(self, genes: NDArray[np.float64]) -> str:
        inside = " + ".join(f"{theta:.3g} {name}" for theta, name in zip(genes, self.variables, strict=True))
        return f"shaping[{inside}]".replace("+ -", "- ")
