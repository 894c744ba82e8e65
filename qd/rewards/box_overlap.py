"""Intersection over union of two boxes: how well a detection or an answer about a picture fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values

CORNERS = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class BoxOverlap(Term):
    """Area shared by two boxes over the area that they cover together, 0 .. 1; 0 where neither has an area.

    A box b is four variables: b_x0, b_y0, b_x1, b_y1, two opposite corners in any order.

    Args:
        box, reference: the names before the corners'.
        weight: the gene of its weight.
        label: what it is called where the box's name is not enough.
    """

    box: str
    reference: str
    weight: Gene | None = WEIGHT
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or f"{self.box}_overlap"

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(f"{box}_{corner}" for box in (self.box, self.reference) for corner in CORNERS)

    def values(self, genes: Genes, steps: Steps) -> Values:
        columns = [steps.column(name) for name in self.needs]
        return Values(overlap(np.stack(columns[:4]), np.stack(columns[4:]))[None])


def overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) intersection over union of boxes (4, m) and (4, m), rows x0, y0, x1, y1.

    >>> overlap(np.array([[0.0], [0.0], [2.0], [2.0]]), np.array([[1.0], [1.0], [3.0], [3.0]])).round(4).tolist()
    [0.1429]
    """
    low = [np.minimum(box[:2], box[2:]) for box in (a, b)]  # (2, m) each
    high = [np.maximum(box[:2], box[2:]) for box in (a, b)]
    shared = np.maximum(np.minimum(*high) - np.maximum(*low), 0.0).prod(axis=0)
    together = (high[0] - low[0]).prod(axis=0) + (high[1] - low[1]).prod(axis=0) - shared
    return np.asarray(np.where(together == 0, 0.0, shared / np.where(together == 0, 1.0, together)))
