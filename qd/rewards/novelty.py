"""Novelty of a state: how far it lies from what was seen, Lehman and Stanley 2011, as a reward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values


@dataclass(frozen=True)
class Novelty(Term):
    """The mean distance to the nearest of the states seen. What was seen is fixed: make a new term when it has grown.

    Args:
        variables: state variables, in units alike.
        seen: states, a number for each variable.
        neighbours: how many of the nearest are averaged over; all where fewer were seen.
        weight: the gene of its weight.
        label: what it is called.
    """

    variables: tuple[str, ...]
    seen: tuple[tuple[float, ...], ...]
    neighbours: int = 5
    weight: Gene | None = WEIGHT
    label: str = "novelty"

    def __post_init__(self) -> None:
        if not self.variables or not self.seen or {len(state) for state in self.seen} != {len(self.variables)}:
            raise QDError(f"Novelty.seen: wanted states of {len(self.variables)} numbers each, at least one")
        if self.neighbours < 1:
            raise QDError(f"Novelty.neighbours: got {self.neighbours}, wanted at least 1")

    @property
    def name(self) -> str:
        return self.label

    @property
    def needs(self) -> tuple[str, ...]:
        return self.variables

    def values(self, genes: Genes, steps: Steps) -> Values:
        squared = np.zeros((len(steps), len(self.seen)))  # (m, r)
        for i, variable in enumerate(self.variables):
            squared += (steps.column(variable)[:, None] - np.array([state[i] for state in self.seen])) ** 2
        nearest = np.sort(np.sqrt(squared), axis=1)[:, : self.neighbours]
        return Values(nearest.mean(axis=1)[None])
