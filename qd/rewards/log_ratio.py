"""The log-ratio of two models: what a strong one finds likelier than a weak one is better.

Density ratios (Xu et al. 2024, https://arxiv.org/abs/2411.02481), implicit process rewards (Cui et al. 2025,
https://arxiv.org/abs/2502.01456) and token rewards (Zhong et al. 2024, https://arxiv.org/abs/2404.18922) have this
form; they differ in the two models and in whether whole answers or steps are scored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Term, Values

BETA = Gene("beta", default=0.1, spread=1.0, low=1e-4, high=10.0, scale="log")


@dataclass(frozen=True)
class LogRatio(Term):
    """beta (log p_strong - log p_weak) of every step: a token, a step of an answer, an action, or a whole text.

    Args:
        strong, weak: the variables that hold the two log-probabilities; ``NGramModel`` computes them of texts.
        beta: the gene of its size.
        label: what it is called.
    """

    strong: str
    weak: str
    beta: Gene = BETA
    label: str = "log_ratio"

    weight = None

    @property
    def name(self) -> str:
        return self.label

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.strong, self.weak)

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.beta,)

    def values(self, genes: Genes, steps: Steps) -> Values:
        return Values(genes[:, :1] * (steps.column(self.strong) - steps.column(self.weak)))

    def formula(self, genes: NDArray[np.float64]) -> str:
        return f"{genes[0]:.3g} {self.name}[{self.strong} - {self.weak}]"
