"""Delta, Gao et al. 2024 (https://arxiv.org/abs/2410.15115): pay for the change of a score, so that a sum is bounded.

The paper pays the steps of an answer r_k - r_(k+1): its process scores are high where the rest is likely to succeed,
and a sum telescopes to the first score. In control a score is progress, and what pays is its gain, r_(k+1) - r_k: a
potential with discount 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Operator, Term, Values

USED = Gene("delta", default=1.0, scale="switch")


@dataclass(frozen=True)
class Delta(Operator):
    """The gain (after - before) or the drop (before - after; before alone where the episode ends) of a score.

    Args:
        form: ``"gain"`` for progress in control, ``"drop"`` for the paper's process scores.
        used: whether it is used, which evolves.
    """

    form: Literal["gain", "drop"] = "gain"
    used: Gene = USED

    def __post_init__(self) -> None:
        if self.form not in ("gain", "drop"):
            raise QDError(f"Delta.form: got {self.form!r}, {nearest(self.form, ['gain', 'drop'])}")

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.used,)

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        if values.before is None:
            raise QDError("Delta: its term has no value before a step; put it on a state variable or a process score")
        used = genes[:, 0:1] > 0
        if self.form == "gain":
            return Values(np.where(used, values.after - values.before, values.after))
        change = values.before - np.where(steps.ends, 0.0, values.after)
        return Values(np.where(used, change, values.after))

    def check(self, term: Term) -> None:
        if term.kind == "episode":
            raise QDError(f"Delta: {term.name!r} is worth something at an episode's end alone, so it has no change")

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        return f"delta({inner})" if genes[0] > 0 else inner
