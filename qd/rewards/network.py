"""A reward that is a small network: any smooth function of a few variables, bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Term, Values


@dataclass(frozen=True)
class Network(Term):
    """most tanh(v . tanh(W x + b) + c), x the standardised variables: (k + 2) hidden + 1 genes.

    A weight's spread is 1 / sqrt(its layer's inputs), so a network drawn from the prior is not saturated. With its
    dozens of genes it wants an evolution strategy.

    Args:
        variables: what it reads.
        hidden: tanh units.
        most: the largest size of what it pays.
        mean, std: of each variable, by which it is standardised; measured on a random rollout, say.
        label: what it is called.
    """

    variables: tuple[str, ...]
    hidden: int = 8
    most: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    label: str = "network"

    weight = None

    def __post_init__(self) -> None:
        if not self.variables or self.hidden < 1 or not 0 < self.most < np.inf:
            raise QDError(f"Network: wanted variables, hidden of at least 1 and most above 0, got {self.variables}, "
                          f"{self.hidden} and {self.most}")  # fmt: skip
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) not in (0, len(self.variables)):
                raise QDError(f"Network.{name}: got {len(numbers)} numbers for {len(self.variables)} variables")
        if not all(std > 0 for std in self.std):
            raise QDError(f"Network.std: got {self.std}, wanted numbers above 0")

    @property
    def name(self) -> str:
        return self.label

    @property
    def needs(self) -> tuple[str, ...]:
        return self.variables

    @property
    def genes(self) -> tuple[Gene, ...]:
        """W, unit by unit, then b, v and c."""
        into, out = len(self.variables) ** -0.5, self.hidden**-0.5
        weights = [Gene(f"{name}_to_{unit}", spread=into) for unit in range(self.hidden) for name in self.variables]
        biases = [Gene(f"bias_{unit}", spread=0.5) for unit in range(self.hidden)]
        return (*weights, *biases, *(Gene(f"out_{unit}", spread=out) for unit in range(self.hidden)), Gene("bias"))

    def values(self, genes: Genes, steps: Steps) -> Values:
        k, h = len(self.variables), self.hidden
        mean, std = self.mean or (0.0,) * k, self.std or (1.0,) * k
        inputs = [(steps.column(name) - mean[i]) / std[i] for i, name in enumerate(self.variables)]
        total = np.repeat(genes[:, -1:], len(steps), axis=1)  # (n, m)
        for unit in range(h):  # by sums in a fixed order: a product of matrices depends on the rows beside
            inner = np.repeat(genes[:, k * h + unit, None], len(steps), axis=1)
            for i, column in enumerate(inputs):
                inner += genes[:, unit * k + i, None] * column
            total += genes[:, k * h + h + unit, None] * np.tanh(inner)
        return Values(self.most * np.tanh(total))

    def formula(self, genes: NDArray[np.float64]) -> str:
        return f"{self.name}({', '.join(self.variables)}; {self.hidden} units)"
