"""Best so far in an episode: paid for getting further than ever since it began, and for nothing twice.

The sum over an episode is how far it got: the best value less the one it began with, however often it came and went.
A change of the score (``Delta``) has a bounded sum too, but takes back what was paid on the way back.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.steps import Steps
from qd.rewards.term import Genes, Kind, Operator, Term, Values


@dataclass(frozen=True)
class BestSoFar(Operator):
    """max(r - best, 0), where best is the largest r since the episode began (``Steps.offsets``).

    An episode begins with the value before its first step; where its term has none, with ``first``; where that is None,
    with the value after its first step, which then pays 0.

    Args:
        first: what an episode begins with, where nothing is known before a step.
    """

    first: float | None = None

    kind: Kind = "episode"

    def __post_init__(self) -> None:
        if self.first is not None and not np.isfinite(self.first):
            raise QDError(f"BestSoFar.first: got {self.first}, wanted a number, or None for the first step's own value")

    def apply(self, genes: Genes, values: Values, steps: Steps) -> Values:
        gain = np.zeros_like(values.after)  # (n | 1, m)
        for begin, end in _episodes(steps):
            after = values.after[:, begin:end]
            if values.before is not None:
                start = values.before[:, begin : begin + 1]
            else:
                start = after[:, :1] if self.first is None else np.full_like(after[:, :1], self.first)
            best = np.maximum.accumulate(np.concatenate([start, after[:, :-1]], axis=1), axis=1)  # before each step
            gain[:, begin:end] = np.maximum(after - best, 0.0)  # a NaN stays one, and so do those after it
        return Values(gain)

    def check(self, term: Term) -> None:
        if term.kind == "episode":
            raise QDError(f"BestSoFar: {term.name!r} is worth something at an episode's end alone, so it has one value")

    def formula(self, inner: str, genes: NDArray[np.float64]) -> str:
        return f"best_so_far({inner})"


def _episodes(steps: Steps) -> list[tuple[int, int]]:
    """(begin, end) of each episode."""
    if steps.offsets is None:
        raise QDError("BestSoFar: nothing says where episodes begin; give Steps.offsets, (episodes + 1,)")
    offsets = np.asarray(steps.offsets)
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(steps) or (np.diff(offsets) < 0).any():
        raise QDError(f"Steps.offsets: got {offsets}, wanted numbers that rise from 0 to {len(steps)}, the steps")
    return [(int(a), int(b)) for a, b in pairwise(offsets)]
