"""CMA-MAE, Fontaine and Nikolaidis 2023, https://arxiv.org/abs/2205.10752.

CMA-ME whose archive forgets slowly: a cell's threshold starts low and moves by a learning rate toward what is let in,
so that a solution pays by how far it is above the threshold, and an evolution strategy stays where objectives are good
before it leaves for new cells. With learning rate 1 it is nearly CMA-ME, with 0 it maximises the objective alone. Good
where CMA-ME covers the archive with poor solutions: flat objectives, and measures that are easy to move.

Two archives: the emitters', with the thresholds, and the result, which keeps the best of each cell and is the one
reported. What is said of pyribs in ``qd.algorithms.cma_me`` holds here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qd.algorithms.cma_me import CMAME
from qd.interop.ribs_emitters import check_thresholds


@dataclass(frozen=True)
class CMAMAE(CMAME):
    """Evolution strategies on an archive with thresholds that learn.

    >>> CMAMAE(emitters=5, learning_rate=0.1).ranker
    ('imp',)
    """

    ranker: tuple[str, ...] = ("imp",)
    """What emitters rank by, dealt out in turn: imp is the objective's distance above the cell's threshold."""
    selection_rule: Literal["filter", "mu"] = "mu"
    """Parents of the next distribution: the better half, or what entered the archive."""
    restart_rule: Literal["no_improvement", "basic"] | int = "basic"
    """Start again when the strategy has converged; no_improvement: when nothing entered the archive; or every so many
    generations."""
    learning_rate: float = 0.01
    """How far a threshold moves toward an objective that passed it (alpha)."""
    threshold_min: float = 0.0
    """Where thresholds start (min_f): at most the least objective that is worth keeping."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_thresholds(self)

    def thresholds(self) -> tuple[float, float | None]:
        return self.learning_rate, self.threshold_min
