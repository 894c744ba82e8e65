"""Labelled pairs that a rubric is held against: which of two is better, as somebody has said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qd.errors import QDError


@dataclass(frozen=True, eq=False)
class Anchors:
    """p pairs among a texts, each with the label of the better one.

    Args:
        first, second: (p,) numbers of the texts that were compared.
        label: (p,) 1 where the first is better, 0 where the second is.

    Raises:
        QDError: for fewer than 4 pairs, a text compared with itself, other labels, or the same label everywhere:
            rank correlation has no value then, and a judge that always prefers the first would look perfect.

    >>> anchors = Anchors([0, 2, 1, 3], [1, 3, 2, 0], [1, 1, 0, 0])
    >>> anchors.agreement([[4.0, 1.0, 3.0, 2.0]]).tolist()
    [1.0]
    """

    first: ArrayLike
    second: ArrayLike
    label: ArrayLike

    def __post_init__(self) -> None:
        first, second = np.asarray(self.first, np.int64), np.asarray(self.second, np.int64)
        label = np.asarray(self.label)
        if not first.ndim == second.ndim == label.ndim == 1 or not len(first) == len(second) == len(label):
            raise QDError(f"Anchors: got {first.shape} first, {second.shape} second and {label.shape} labels, wanted "
                          "one of each a pair")  # fmt: skip
        if len(label) < 4:
            raise QDError(f"Anchors: got {len(label)} pairs, wanted at least 4 to rank by; 20 to 50 are usual")
        if not np.isin(label, (0, 1)).all():
            raise QDError(f"Anchors.label: got {np.unique(label)[:5]}, wanted 1 (the first is better) or 0")
        if len(np.unique(label)) == 1:
            better = "first" if label[0] else "second"
            raise QDError(f"Anchors.label: the {better} is better in all {len(label)} pairs, and with one label only "
                          "agreement has no value; shuffle the order within the pairs")  # fmt: skip
        if (first == second).any():
            raise QDError(f"Anchors: pair {int(np.argmax(first == second))} compares a text with itself")
        if min(first.min(), second.min()) < 0:
            raise QDError("Anchors: texts are numbered from 0")
        for name, value in (("first", first), ("second", second), ("label", label.astype(np.int64))):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(np.asarray(self.label))

    @property
    def worse(self) -> NDArray[np.int64]:
        """(p,) the number of the worse text of each pair."""
        return np.where(np.asarray(self.label) == 1, self.second, self.first)

    def agreement(self, scores: ArrayLike) -> NDArray[np.float64]:
        """(n,) Kendall's tau-c of n judges between the labels and the differences of their scores.

        1: every pair whose first is better has a larger difference than every other pair; 0 for a judge that sees no
        difference at all. Stuart's tau-c and not tau-b, since with two labels tau-b stays below 1 even without an
        error (Stuart 1953).

        Args:
            scores: (n, a) scores of the texts.
        """
        from scipy.stats import kendalltau

        scores = np.atleast_2d(np.asarray(scores, np.float64))
        label = np.asarray(self.label)
        agreed = np.zeros(len(scores))
        for row, differences in enumerate(scores[:, np.asarray(self.first)] - scores[:, np.asarray(self.second)]):
            if np.isfinite(differences).all() and differences.min() < differences.max():
                agreed[row] = kendalltau(label, differences, variant="c").statistic
        return agreed
