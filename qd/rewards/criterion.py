"""A criterion of a rubric: full marks from a threshold on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Term, Values

CRITERION_WEIGHT = Gene("weight", default=0.0, spread=1.0, low=0.0, high=5.0)
THRESHOLD = Gene("threshold", default=0.9, spread=0.2, low=0.1, high=1.0)


@dataclass(frozen=True)
class Criterion(Term):
    """min(x / threshold, 1) of a variable x in 0 .. 1 that was read off a text or an episode.

    Its weight is 0 or more, and 0 for half of the rubrics drawn at random: a criterion with weight 0 is not in the
    rubric. Raising the threshold tightens it.

    Args:
        variable: what it reads.
        threshold: the gene of where full marks begin.
        weight: the gene of its weight.
        meaning: a sentence, for people and for a judge that reads.
    """

    variable: str
    threshold: Gene = THRESHOLD
    weight: Gene = CRITERION_WEIGHT
    meaning: str = ""

    kind = "episode"

    @property
    def name(self) -> str:
        return self.variable

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable,)

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.threshold,)

    def values(self, genes: Genes, steps: Steps) -> Values:
        return Values(np.minimum(steps.column(self.variable)[None] / genes[:, :1], 1.0))  # (n, m)

    def formula(self, genes: np.ndarray) -> str:
        return f"min({self.variable} / {genes[0]:.2f}, 1)"
