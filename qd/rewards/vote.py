"""An ensemble as one term: several opinions of the same thing, voted on.

The mean less some standard deviations pays less where opinions differ, which a learner cannot exploit as easily as the
error of one (Coste et al. 2023, https://arxiv.org/abs/2310.02743).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import KINDS, WEIGHT, Genes, Kind, Term, Values

CAUTION = Gene("caution", default=1.0, spread=0.5, low=0.0, high=5.0)
RULES = ("mean", "majority", "minimum", "mean_minus_std")


@dataclass(frozen=True)
class Vote(Term):
    """The mean of terms; 1 where more than half are above 1/2, else 0; the least; or mean - caution std.

    Args:
        terms: the opinions; their own weights are not used.
        rule: ``"mean"``, ``"majority"``, ``"minimum"`` or ``"mean_minus_std"``.
        caution: the gene of how many standard deviations (of the terms, not of a sample) are taken off.
        weight: the gene of its weight.
        label: what it is called.
    """

    terms: tuple[Term, ...]
    rule: str = "mean"
    caution: Gene = CAUTION
    weight: Gene | None = WEIGHT
    label: str = "vote"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise QDError(f"Vote.rule: got {self.rule!r}, {nearest(self.rule, RULES)}")
        names = [term.name for term in self.terms]
        if not names or len(set(names)) < len(names):
            raise QDError(f"Vote.terms: got {names}, wanted at least one, each with a name of its own")

    @property
    def kind(self) -> Kind:  # type: ignore[override]
        """The most that any opinion needs."""
        return max((term.kind for term in self.terms), key=KINDS.index)

    @property
    def name(self) -> str:
        return self.label

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for term in self.terms for name in term.needs))

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Those of the terms, named after them, then caution."""
        own = tuple(replace(gene, name=f"{term.name}.{gene.name}") for term in self.terms for gene in term.genes)
        return (*own, self.caution) if self.rule == "mean_minus_std" else own

    def values(self, genes: Genes, steps: Steps) -> Values:
        at, opinions = 0, []
        for term in self.terms:
            opinions.append(term.values(genes[:, at : at + len(term.genes)], steps))
            at += len(term.genes)
        earlier = [opinion.before for opinion in opinions if opinion.before is not None]
        vote = self._rule(genes)
        after = vote(_stacked([opinion.after for opinion in opinions]))
        return Values(after, vote(_stacked(earlier)) if len(earlier) == len(opinions) else None)

    def _rule(self, genes: Genes) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        if self.rule == "mean":
            return _mean
        if self.rule == "majority":
            return _majority
        if self.rule == "minimum":
            return lambda values: values.min(axis=0)
        return lambda values: _mean(values) - genes[:, -1:] * np.sqrt(_mean((values - _mean(values)) ** 2))

    def formula(self, genes: NDArray[np.float64]) -> str:
        at, texts = 0, []
        for term in self.terms:
            texts.append(term.formula(genes[at : at + len(term.genes)]))
            at += len(term.genes)
        rule = f"mean - {genes[-1]:.3g} std" if self.rule == "mean_minus_std" else self.rule
        return f"{self.name}[{rule} of {', '.join(texts)}]"


def _stacked(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(k, n, m) of k arrays (n, m) or (1, m)."""
    return np.stack(np.broadcast_arrays(*values))


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m), added in the terms' order: numpy adds in an order that depends on n and m, and so do its last bits."""
    total = np.zeros(values.shape[1:])
    for value in values:
        total += value
    return total / len(values)


def _majority(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) 1 where more than half are above 1/2, else 0; NaN where one is NaN."""
    return np.where(np.isnan(values).any(axis=0), np.nan, (values > 0.5).mean(axis=0) > 0.5)
