"""Exact match: a text or number equals its reference, as verifiable rewards check answers (Lambert et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values


@dataclass(frozen=True)
class ExactMatch(Term):
    """1 where the variable equals what is wanted, else 0. Texts are compared without case and outer or double spaces.
    NaN, as of an answer that holds no number, equals nothing.

    Args:
        variable: what is checked.
        reference: the variable that holds what is wanted.
        number: compare numbers, not texts.
        tolerance: how far numbers may lie apart.
        weight: the gene of its weight.
        label: what it is called where the variable's name is not enough.
    """

    variable: str
    reference: str
    number: bool = False
    tolerance: float = 0.0
    weight: Gene | None = WEIGHT
    label: str = ""

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise QDError(f"ExactMatch.tolerance: got {self.tolerance}, wanted 0 or more")

    @property
    def name(self) -> str:
        return self.label or f"{self.variable}_match"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable, self.reference)

    def values(self, genes: Genes, steps: Steps) -> Values:
        if self.number:
            near = np.abs(steps.column(self.variable) - steps.column(self.reference)) <= self.tolerance
            return Values(near[None].astype(np.float64))
        pairs = zip(steps.texts(self.variable), steps.texts(self.reference), strict=True)
        return Values(np.array([[float(plain(given) == plain(wanted)) for given, wanted in pairs]]))


def plain(text: str) -> str:
    """The text without case, with single spaces.

    >>> plain("  The  Answer ")
    'the answer'
    """
    return " ".join(text.casefold().split())
