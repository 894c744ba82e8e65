"""Length against history, after HAPO (Huang et al. 2025, https://arxiv.org/abs/2505.11225): be shorter than before.

With h the length of the shortest correct answer to the same question so far, a correct answer of length l is paid
max(cos(min(pi/2 l/h, pi)), floor): 1 at length 0, 0 at h, falling smoothly, never below the floor. A wrong answer is
paid the same where that is below zero, and 0 where it is shorter than h: who tries something short is not punished.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Kind, Term, Values

FLOOR = Gene("floor", default=-0.7, spread=0.2, low=-1.0, high=0.0)


@dataclass(frozen=True)
class LengthHistory(Term):
    """Paid by length over the shortest correct length so far; 0 where none is known (NaN, infinite or below 1).

    Args:
        length: the variable that holds the length.
        correct: the variable that is 1 where the answer is correct.
        shortest: the variable that holds h, which whoever runs the reward keeps for every question.
        floor: the gene of the least that is paid.
        weight: the gene of its weight.
        label: what it is called.
    """

    length: str = "length"
    correct: str = "correct"
    shortest: str = "shortest_correct"
    floor: Gene = FLOOR
    weight: Gene | None = WEIGHT
    label: str = "length_history"

    kind: Kind = "history"

    @property
    def name(self) -> str:
        return self.label

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.length, self.correct, self.shortest)

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.floor,)

    def values(self, genes: Genes, steps: Steps) -> Values:
        length, correct, shortest = (steps.column(name) for name in self.needs)
        known = np.isfinite(shortest) & (shortest >= 1)
        angle = np.minimum(np.pi / 2 * length / np.where(known, shortest, 1.0), np.pi)
        paid = np.maximum(np.cos(angle), genes[:, :1])  # (n, m)
        return Values(np.where(known, np.where(correct > 0, paid, np.minimum(paid, 0.0)), 0.0))

    def formula(self, genes: NDArray[np.float64]) -> str:
        return f"{self.name}[{self.length} / {self.shortest}, floor {genes[0]:.3g}]"
