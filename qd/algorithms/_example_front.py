"""A Pareto front over examples: who is kept, who leads where, and how often each becomes a parent.

Agrawal et al. 2025, https://arxiv.org/abs/2507.19457: a solution is worth keeping as a parent if on some example none
does better. Of those, one whose every leading place is shared with others is left out, the worst on average first; the
rest are drawn by how many examples they lead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qd.ragged import Ragged
from qd.rng import generator


@dataclass
class ExampleFront:
    """All solutions that were judged on every example, in the order in which they came: plain data.

    Attributes:
        solutions: n rows.
        scores: (n, E) of each on every example.
        ids: (n,) evaluation numbers.
        ancestors: (n, 2) members that it was made of, -1 for none.
        turns: (n,) which component is rewritten next.
    """

    solutions: Ragged = field(default_factory=lambda: Ragged.from_rows([], np.uint8))
    scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ancestors: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    turns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def means(self) -> NDArray[np.float64]:
        """(n,) the mean score of each."""
        return self.scores.mean(axis=1) if len(self) else np.zeros(0)

    def add(
        self, solutions: Ragged, scores: NDArray[np.float64], ids: NDArray[np.int64], ancestors: NDArray[np.int64],
        turns: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Take in k solutions, with finite scores (k, E)."""
        if len(ids) == 0:
            return
        self.scores = np.concatenate([self.scores.reshape(-1, scores.shape[1]), scores])
        self.solutions = Ragged.from_rows([*self.solutions, *solutions], np.uint8)
        self.ids, self.turns = np.concatenate([self.ids, ids]), np.concatenate([self.turns, turns])
        self.ancestors = np.concatenate([self.ancestors, ancestors])

    def weights(self) -> NDArray[np.int64]:
        """(n,) the examples that each member of the front leads; 0 for those that are not in it."""
        return leading_counts(self.scores)

    def ancestry(self, member: int) -> set[int]:
        """All members that one descends from."""
        found: set[int] = set()
        waiting = [member]
        while waiting:
            for parent in self.ancestors[waiting.pop()].tolist():
                if parent >= 0 and parent not in found:
                    found.add(parent)
                    waiting.append(parent)
        return found


def leading_counts(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many examples each solution leads, after those that are not needed are left out.

    Args:
        scores: (n, E) finite, the higher the better.

    Returns:
        (n,) counts; 0 for a solution that leads nowhere, or only where others that stay lead too. Ties count for all
        that stay. Every example is led by one of them at least.

    >>> leading_counts(np.array([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]])).tolist()
    [0, 0, 3]
    """
    if scores.size == 0:
        return np.zeros(len(scores), np.int64)
    leads = scores == scores.max(axis=0)  # (n, E)
    kept = leads.any(axis=1)
    crowd = leads[kept].sum(axis=0)  # (E,) how many of those that stay lead an example
    order = np.lexsort((-np.arange(len(scores)), scores.mean(axis=1)))  # worst first; of equal ones the younger
    for row in order:
        if kept[row] and (crowd[leads[row]] > 1).all():
            kept[row] = False
            crowd = crowd - leads[row]
    counts: NDArray[np.int64] = (leads & kept[:, None]).sum(axis=1).astype(np.int64)
    return counts


def minibatch(seed: int, number: int, size: int, count: int) -> NDArray[np.int64]:
    """The (size,) examples of step ``number`` among ``count``: epochs, each in an order of its own.

    What is left of an epoch when no whole minibatch fits is passed over; the next epoch's order is another.
    """
    size = min(size, count)
    epoch, place = divmod(number, count // size)
    order = generator(seed, "examples", epoch).permutation(count)
    return np.sort(order[place * size : (place + 1) * size])
