"""The weighted mean of criteria, which may hold on to the verdict before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Combiner, Genes, Term

CONSISTENCY = Gene("consistency", default=0.0, spread=0.25, low=0.0, high=0.9)
PREVIOUS = "previous_score"
"""The variable with what the rubrics before this one gave, where there were any."""


@dataclass(frozen=True)
class RubricMean(Combiner):
    """sum w_i f_i / sum w_i over the criteria in use, 0 without any; so a score lies in 0 .. 1 whatever the weights.

    With the gene ``consistency`` c the score becomes (1 - c) of its own plus c of ``previous_score``, if the steps
    have one: a judge that changes its mind slowly. Wang et al. 2024 (https://arxiv.org/abs/2410.12735) weigh
    comparisons by how well successive judges agree; here how much to hold on to is for evolution to say.

    Args:
        consistency: the gene, None: every rubric judges for itself.
    """

    consistency: Gene | None = CONSISTENCY

    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        weights = tuple(replace(t.weight, name=f"{t.name}.weight") for t in terms if t.weight is not None)
        return weights if self.consistency is None else (*weights, self.consistency)

    def shares(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...]
    ) -> list[NDArray[np.float64]]:
        """k arrays (n, m): what each criterion adds to the rubric's own score."""
        weights = self._weights(genes, terms)
        whole = weights.sum(axis=1)
        return [
            (weight / np.where(whole > 0, whole, 1.0))[:, None] * value
            for weight, value in zip(weights.T, values, strict=True)
        ]

    def combine(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...], steps: Steps
    ) -> NDArray[np.float64]:
        total = np.zeros((len(genes), len(steps)))
        for share in self.shares(genes, values, terms):  # in the terms' order, so that the bits are the same
            total += share
        if self.consistency is None or PREVIOUS not in steps.after:
            return total
        held = genes[:, -1:]
        return (1.0 - held) * total + held * steps.column(PREVIOUS)[None]

    def formula(self, genes: NDArray[np.float64], texts: list[str], terms: tuple[Term, ...]) -> str:
        weights = self._weights(genes[None], terms)[0]
        used = [(w, text) for w, text in zip(weights, texts, strict=True) if w > 0]
        whole = sum(w for w, _ in used)
        written = " + ".join(f"{w / whole:.2f} {text}" for w, text in used) or "0"
        if self.consistency is None or genes[-1] == 0:
            return written
        return f"{1 - genes[-1]:.2f} ({written}) + {genes[-1]:.2f} {PREVIOUS}"

    def _weights(self, genes: Genes, terms: tuple[Term, ...]) -> Genes:
        """(n, k) weights; terms without a weight count 1."""
        columns = iter(genes.T)
        return np.stack([np.ones(len(genes)) if t.weight is None else next(columns) for t in terms], axis=1)
