"""Experts and who of them is asked: a router by a class, and a mixture by the experts' own scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Combiner, Genes, Term

LOGIT = Gene("logit")
BIAS = Gene("bias")
TEMPERATURE = Gene("temperature", default=1.0, spread=1.0, low=1e-2, high=1e2, scale="log")


@dataclass(frozen=True)
class Router(Combiner):
    """The terms are experts; each class of task has shares in them, a softmax of its logits.

    Args:
        by: the variable that holds the class, 0 .. classes - 1; any other is worth NaN.
        classes: how many there are.
        logit: the gene of every class's logit of every term.
        preferred: added to the logit of term i for class i, so that a class begins with its own expert.
    """

    by: str
    classes: int
    logit: Gene = LOGIT
    preferred: float = 2.0

    def __post_init__(self) -> None:
        if self.classes < 1 or not np.isfinite(self.preferred):
            raise QDError(
                f"Router: got classes {self.classes}, preferred {self.preferred}; wanted at least 1, a number"
            )

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.by,)

    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        names = [f"{term.name}.{self.logit.name}_{group}" for group in range(self.classes) for term in terms]
        return tuple(replace(self.logit, name=name) for name in names)

    def combine(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...], steps: Steps
    ) -> NDArray[np.float64]:
        group = steps.column(self.by)  # (m,)
        known = np.isin(group, np.arange(self.classes))
        gates = self._gates(genes, len(terms))[:, np.where(known, group, 0).astype(np.int64)]  # (n, m, k)
        total = np.zeros((len(genes), len(steps)))
        for i, value in enumerate(values):
            total += gates[:, :, i] * value
        return np.where(known, total, np.nan)

    def formula(self, genes: NDArray[np.float64], texts: list[str], terms: tuple[Term, ...]) -> str:
        gates = self._gates(genes[None], len(terms))[0]
        mixes = [" + ".join(f"{g:.3g} {text}" for g, text in zip(row, texts, strict=True)) for row in gates]
        return f"{self.by}: " + "; ".join(f"{group}: {mix}" for group, mix in enumerate(mixes))

    def _gates(self, genes: Genes, k: int) -> NDArray[np.float64]:
        """(n, classes, k) shares that sum to 1."""
        return softmax(genes.reshape(len(genes), self.classes, k) + self.preferred * np.eye(self.classes, k))


@dataclass(frozen=True)
class Mixture(Combiner):
    """The experts' scores weighted by a softmax of scores / temperature: near the mean if hot, the best if cold.

    Args:
        temperature: the gene of it.
        bias: the gene added to every expert's score in the softmax alone.
    """

    temperature: Gene = TEMPERATURE
    bias: Gene = BIAS

    def genes(self, terms: tuple[Term, ...]) -> tuple[Gene, ...]:
        return (self.temperature, *(replace(self.bias, name=f"{term.name}.{self.bias.name}") for term in terms))

    def combine(
        self, genes: Genes, values: list[NDArray[np.float64]], terms: tuple[Term, ...], steps: Steps
    ) -> NDArray[np.float64]:
        scores = np.stack([np.broadcast_to(value, (len(genes), len(steps))) for value in values], axis=2)  # (n, m, k)
        return np.asarray((softmax((scores + genes[:, None, 1:]) / genes[:, :1, None]) * scores).sum(axis=2))

    def formula(self, genes: NDArray[np.float64], texts: list[str], terms: tuple[Term, ...]) -> str:
        scores = ", ".join(f"{text} + {bias:.3g}" for text, bias in zip(texts, genes[1:], strict=True))
        return f"mixture[{scores}; temperature {genes[0]:.3g}]".replace("+ -", "- ")


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
