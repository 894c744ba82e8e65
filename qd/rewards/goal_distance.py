"""How near a state is to a goal, in some of its variables; the goal may evolve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values


@dataclass(frozen=True)
class GoalDistance(Term):
    """Minus the Euclidean distance to a goal, after the step and before it, so that ``| Delta()`` pays progress.

    Args:
        variables: state variables, in units alike.
        goal: a number, or a gene, for each.
        weight: the gene of its weight.
        label: what it is called.
    """

    variables: tuple[str, ...]
    goal: tuple[float | Gene, ...]
    weight: Gene | None = WEIGHT
    label: str = "nearness"

    def __post_init__(self) -> None:
        if not self.variables or len(self.variables) != len(self.goal):
            raise QDError(f"GoalDistance.goal: got {len(self.goal)} for {len(self.variables)} variables, one each")

    @property
    def name(self) -> str:
        return self.label

    @property
    def needs(self) -> tuple[str, ...]:
        return self.variables

    @property
    def genes(self) -> tuple[Gene, ...]:
        return tuple(goal for goal in self.goal if isinstance(goal, Gene))

    def values(self, genes: Genes, steps: Steps) -> Values:
        evolving = iter(genes.T)
        after, before = np.zeros((1, len(steps))), np.zeros((1, len(steps)))
        known = True
        for variable, goal in zip(self.variables, self.goal, strict=True):
            at = next(evolving)[:, None] if isinstance(goal, Gene) else goal
            earlier = steps.earlier(variable)
            after = after + (steps.column(variable) - at) ** 2
            known = known and earlier is not None
            before = before if earlier is None else before + (earlier - at) ** 2
        return Values(-np.sqrt(after), -np.sqrt(before) if known else None)

    def formula(self, genes: NDArray[np.float64]) -> str:
        evolving = iter(genes)
        goal = [float(next(evolving)) if isinstance(at, Gene) else at for at in self.goal]
        return f"{self.name}[{', '.join(f'{v}: {at:.3g}' for v, at in zip(self.variables, goal, strict=True))}]"
