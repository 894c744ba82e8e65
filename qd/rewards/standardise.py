"""Standardise: a term in standard deviations from its mean, both measured once and then fixed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import gene_values
from qd.rewards.reward import Reward
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Operated, Operator, Term, Values


@dataclass(frozen=True)
class Standardise(Operator):
    """(r - mean) / std. As it is made it changes nothing: ``fitted`` gives it the numbers of a rollout.

    Args:
        mean, std: the numbers.
    """

    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.mean) or not 0 < self.std < np.inf:
            raise QDError(f"Standardise: got mean {self.mean}, std {self.std}; wanted numbers, std above 0")

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        return values.each(lambda value: (value - self.mean) / self.std)

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        return inner if (self.mean, self.std) == (0.0, 1.0) else f"({inner} - {self.mean:.3g}) / {self.std:.3g}"


def fitted(reward: Reward, steps: Steps) -> Reward:
    """The reward with every ``Standardise`` on its terms fixed to mean and std on these steps, of a random rollout say.

    Each is measured behind the operators before it, with the genes of ``reward.start()``. What is not finite is left
    out; a term that does not vary keeps its size, std 1. Terms inside of other terms are left as they are.
    """
    genes, at, terms = gene_values(reward.genes, reward.start()), 0, []
    for term in reward.terms:
        terms.append(_fitted(term, genes[:, at : at + len(term.genes)], steps))
        at += len(term.genes)
    return replace(reward, terms=tuple(terms))


def _fitted(term: Term, genes: Genes, steps: Steps) -> Term:
    if not isinstance(term, Operated):
        return term
    done: list[Operator] = []
    for operator in term.operators:
        if isinstance(operator, Standardise):
            so_far = Operated(term.term, tuple(done))
            with np.errstate(all="ignore"):
                value = so_far.values(genes[:, : len(so_far.genes)], steps).after
            value = value[np.isfinite(value)]
            std = float(value.std()) if value.size else 0.0
            operator = Standardise(float(value.mean()) if value.size else 0.0, std if std > 0 else 1.0)
        done.append(operator)
    return Operated(term.term, tuple(done))
