"""A variable as a term: what was counted, measured or checked by a rule."""

from __future__ import annotations

from dataclasses import dataclass

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values


@dataclass(frozen=True)
class Feature(Term):
    """The value of one variable: a rule that was checked (0 or 1), a distance gained, a process score.

    Args:
        variable: its name among the task's.
        weight: the gene of its weight in a weighted sum, None: it counts once.
        label: what it is called where the variable's name is not enough.
    """

    variable: str
    weight: Gene | None = WEIGHT
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.variable

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable,)

    def values(self, genes: Genes, steps: Steps) -> Values:
        earlier = steps.earlier(self.variable)
        return Values(steps.column(self.variable)[None], None if earlier is None else earlier[None])  # (1, m)
