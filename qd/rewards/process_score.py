"""The score of each step of an answer or episode, as a process reward model gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values


@dataclass(frozen=True)
class ProcessScore(Term):
    """A variable with a value at every step; its value before a step is that after the one before.

    Where the steps hold no value before, it is taken from the step before in the same episode (``Steps.offsets``), and
    ``first`` for an episode's first step; so ``| Delta()`` pays changes along an answer.

    Args:
        variable: the score.
        first: the score before anything was done.
        weight: the gene of its weight.
        label: what it is called where the variable's name is not enough.
    """

    variable: str
    first: float = 0.0
    weight: Gene | None = WEIGHT
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.variable

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable,)

    def values(self, genes: Genes, steps: Steps) -> Values:
        after, before = steps.column(self.variable), steps.earlier(self.variable)
        if before is None and steps.offsets is not None:
            before = np.concatenate([[self.first], after[:-1]])[: len(after)]
            begins = np.asarray(steps.offsets[:-1])
            if len(after) and (begins.min(initial=0) < 0 or begins.max(initial=0) > len(after)):
                raise QDError(f"Steps.offsets: {begins} lie outside the {len(after)} steps")
            before[begins[begins < len(after)]] = self.first
        return Values(after[None], None if before is None else before[None])
