"""Potential-based shaping, Ng, Harada and Russell 1999: a bonus that leaves the optimal policies as they are.

F(s, s') = discount Phi(s') - Phi(s) with Phi = offset + theta_1 phi_1(s) + ... + theta_k phi_k(s), and Phi = 0 where an
episode ends, or the invariance is lost. ``discount`` must be the learner's.

The optimal policies do not change, but how soon they are learned does: to a learner of tables a potential is the same
as tables that begin with it (Wiewiora 2003). Where Phi is below zero, staying earns (discount - 1) Phi > 0 in every
step, and the first thing tried is repeated; where it is above, staying costs, and all is tried. Hence the offset. What
teaches fastest is a Phi near the optimal values, so thetas want the size of those: a few hundredths of the success
reward for a cell of distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Term, Values

OFFSET = Gene("offset", spread=0.5)


@dataclass(frozen=True)
class Potential(Term):
    """Shaping by a potential that is linear in state variables, a gene theta for each.

    Args:
        variables: state variables phi_i, which have a value before a step and after it; or genes named after them, to
            say how far theta is searched.
        discount: the learner's.
        label: what it is called.
    """

    variables: tuple[str | Gene, ...]
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
        return tuple(variable if isinstance(variable, str) else variable.name for variable in self.variables)

    @property
    def genes(self) -> tuple[Gene, ...]:
        """The offset, and theta, one a variable."""
        return (OFFSET, *(Gene(variable) if isinstance(variable, str) else variable for variable in self.variables))

    def values(self, genes: Genes, steps: Steps) -> Values:
        after = np.repeat(genes[:, :1], len(steps), axis=1)  # (n, m)
        before = after.copy()
        for theta, variable in zip(genes.T[1:], self.needs, strict=True):
            earlier = steps.earlier(variable)
            if earlier is None:
                raise QDError(f"Potential.variables: {variable!r} has no value before a step; take a state variable")
            after += theta[:, None] * steps.column(variable)
            before += theta[:, None] * earlier
        return Values(self.discount * np.where(steps.ends, 0.0, after) - before)

    def formula(self, genes: NDArray[np.float64]) -> str:
        parts = [f"{theta:.3g} {name}" for theta, name in zip(genes[1:], self.needs, strict=True)]
        return f"shaping[{' + '.join([f'{genes[0]:.3g}', *parts])}]".replace("+ -", "- ")
