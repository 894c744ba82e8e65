"""A count bonus, Strehl and Littman 2008; hashed, Tang et al. 2017 (https://arxiv.org/abs/1611.04717).

beta / sqrt(visits), where visits counts how often the learner came to the state. Who runs the learner counts: the
variable ``visits`` is the count after this step, from 1. Large states are counted by SimHash: the signs of a random
projection, as many as the gene ``bits`` says, so that a reward evolves how coarsely it counts.

A learner whose tables begin at 0 repeats what it tried first, since that alone was paid: on key-door grids of 7 x 7 it
comes to 0.38 of the places with any beta, and to 0.66 without. ``QLearning(optimism=...)`` of beta / (1 - discount) or
more mends that: then it comes to 0.72, as an optimist without a bonus does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Kind, Term, Values
from qd.rng import generator

BETA = Gene("beta", default=0.1, spread=1.0, low=1e-4, high=10.0, scale="log")
BITS = Gene("bits", default=8.0, spread=3.0, low=1.0, high=32.0)


@dataclass(frozen=True)
class CountBonus(Term):
    """beta / sqrt(visits); 0 where the steps have no variable ``visits``, for a learner that adds it as it counts.

    Args:
        hashed: the variables of a state that ``keys`` hashes; none: whoever counts knows the states.
        beta: the gene of its size.
        bits: the gene of the hash size.
        seed: of the projection.
        label: what it is called.
    """

    hashed: tuple[str, ...] = ()
    beta: Gene = BETA
    bits: Gene = BITS
    seed: int = 0
    label: str = "count_bonus"

    kind: Kind = "history"
    weight = None

    @property
    def name(self) -> str:
        return self.label

    @property
    def needs(self) -> tuple[str, ...]:
        return ("visits", *self.hashed)

    @property
    def genes(self) -> tuple[Gene, ...]:
        """beta, and bits where states are hashed."""
        return (self.beta, self.bits) if self.hashed else (self.beta,)

    @property
    def counts(self) -> bool:
        """A learner of tables can count it: by states, not by hashes."""
        return not self.hashed

    def keys(self, genes: Genes, steps: Steps) -> NDArray[np.int64]:
        """(n, m) the hash of the state after each step, by which visits are counted: equal for states alike."""
        if not self.hashed:
            raise QDError("CountBonus.hashed: no variables to hash; name those that describe a state")
        states = np.stack([steps.column(name) for name in self.hashed], axis=1)  # (m, k)
        projection = generator(self.seed, "simhash", 0).standard_normal((32, len(self.hashed)))
        # Summed in the order of the variables, so that a state's hash does not depend on its neighbours.
        projected = sum(states[:, i, None] * projection[None, :, i] for i in range(len(self.hashed)))
        signs = np.asarray(projected > 0, np.int64) << np.arange(32)  # (m, 32)
        used = np.arange(32) < np.rint(genes[:, 1:2])  # (n, 32)
        return np.asarray(used.astype(np.int64) @ signs.T)

    def values(self, genes: Genes, steps: Steps) -> Values:
        if "visits" not in steps.after:
            return Values(np.zeros((1, len(steps))))
        return Values(genes[:, :1] / np.sqrt(np.maximum(steps.column("visits"), 1.0)))

    def formula(self, genes: NDArray[np.float64]) -> str:
        by = f" of {genes[1]:.0f}-bit hashes" if self.hashed else ""
        return f"{self.name}[{genes[0]:.3g} / sqrt(visits{by})]"
