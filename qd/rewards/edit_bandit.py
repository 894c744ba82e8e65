"""Which kind of edit to try next: a bandit on how much each has gained.

Probability matching (Goldberg 1990; as operator choice in Thierens 2005): of K kinds, kind i is tried with probability
least + (1 - K least) q_i / sum(q), where q_i is a decaying mean of its gains, losses counted as 0. A floor below which
no kind falls lets one that begins to pay late be noticed, since what a reward lacks changes as rewards get better.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rng import generator


@dataclass
class BanditState:
    """What the bandit knows: arrays, which a search may keep in its own state.

    Args:
        seed: its randomness, with the generation.
        quality: (K,) decaying mean gains.
        tried: (K,) how often each kind was tried and told.
    """

    seed: int
    quality: NDArray[np.float64]
    tried: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True)
class EditBandit:
    """Chooses kinds of edits by their gains.

    >>> bandit = EditBandit(("drop", "bonus"))
    >>> state = bandit.told(bandit.init(0), np.array([1, 1, 0]), np.array([0.4, 0.2, -0.1]))
    >>> bandit.probabilities(state).round(2).tolist()
    [0.1, 0.9]
    """

    kinds: tuple[str, ...] = ("drop", "rescale", "bonus", "penalty")
    """What is chosen between; columns of all arrays."""
    least: float = 0.1
    """The probability below which no kind falls."""
    rate: float = 0.3
    """The share of a new gain in the mean."""

    def __post_init__(self) -> None:
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise QDError(f"EditBandit.kinds: got {self.kinds}, wanted some, each once")
        if not 0 <= self.least * len(self.kinds) <= 1:
            raise QDError(f"EditBandit.least: got {self.least}, wanted 0 .. 1 / {len(self.kinds)} kinds")
        if not 0 < self.rate <= 1:
            raise QDError(f"EditBandit.rate: got {self.rate}, wanted above 0, up to 1")

    def init(self, seed: int) -> BanditState:
        """Nothing is known, all kinds are alike."""
        return BanditState(seed, np.zeros(len(self.kinds)), np.zeros(len(self.kinds), np.int64))

    def probabilities(self, state: BanditState) -> NDArray[np.float64]:
        """(K,) how likely each kind is, where all are possible."""
        k, total = len(self.kinds), state.quality.sum()
        shares = state.quality / total if total > 0 else np.full(k, 1.0 / k)
        return np.asarray(self.least + (1 - k * self.least) * shares)

    def choose(self, state: BanditState, possible: NDArray[np.bool_], generation: int) -> NDArray[np.int64]:
        """(n,) a kind for each of n rewards, -1 where none is possible.

        Args:
            state: what is known.
            possible: (n, K) which kinds each reward has an edit of.
            generation: makes the choice one of its own; the same one chooses the same.
        """
        weights = np.where(possible, np.maximum(self.probabilities(state), 1e-12), 0.0)
        upto = np.cumsum(weights, axis=1)  # (n, K)
        drawn = generator(state.seed, "edit bandit", generation).random(len(weights)) * upto[:, -1]
        chosen = (upto <= drawn[:, None]).sum(axis=1)
        return np.where(np.any(possible, axis=1), np.minimum(chosen, len(self.kinds) - 1), -1)

    def told(self, state: BanditState, chosen: NDArray[np.int64], gains: NDArray[np.float64]) -> BanditState:
        """The state after what (n,) edits gained in the objective. Rows of kind -1 and gains of NaN are left out.

        Gains of one kind count by their mean, so that their order does not matter.
        """
        quality, tried = state.quality.copy(), state.tried.copy()
        for kind in range(len(self.kinds)):
            own = gains[(chosen == kind) & np.isfinite(gains)]
            if len(own):
                mean = float(np.maximum(own, 0.0).mean())
                quality[kind] = mean if tried[kind] == 0 else (1 - self.rate) * quality[kind] + self.rate * mean
                tried[kind] += len(own)
        return BanditState(state.seed, quality, tried)
