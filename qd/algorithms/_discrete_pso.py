"""Particle swarm over token sequences, Zang et al. 2020, https://arxiv.org/abs/1910.12196.

A velocity at each place says how readily a particle takes over the token that its own best or the swarm's best has
there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LIMIT = 3.0  # V_max: velocities start evenly in -LIMIT .. LIMIT, and agreement pulls by as much
_START, _END = 0.8, 0.2  # of the inertia and of the chance to turn to one's own best; the swarm's goes the other way


def start(n: int, length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Velocities (n, length) of a new swarm."""
    return rng.uniform(-LIMIT, LIMIT, (n, length))


def faster(
    positions: NDArray[np.int32],
    velocity: NDArray[np.float64],
    own: NDArray[np.int32],
    best: NDArray[np.int32],
    progress: float,
) -> NDArray[np.float64]:
    """Velocities (n, k): inertia, and a pull where the own best (n, k) and the swarm's (k,) have another token.

    Agreement pushes back by as much. ``progress`` is 0 at the beginning of the search and 1 at its end.
    """
    inertia = _START + (_END - _START) * progress
    pull = np.where(own == positions, -LIMIT, LIMIT) + np.where(best == positions, -LIMIT, LIMIT)
    moved: NDArray[np.float64] = inertia * velocity + (1 - inertia) * pull
    return moved


def moved(
    positions: NDArray[np.int32],
    velocity: NDArray[np.float64],
    own: NDArray[np.int32],
    best: NDArray[np.int32],
    progress: float,
    rng: np.random.Generator,
    alphabet: int,
    replace_probability: float,
) -> NDArray[np.int32]:
    """Positions (n, k) after a turn to the own best, one to the swarm's best, and a random token at one place."""
    n, k = positions.shape
    to_own, to_best = _START + (_END - _START) * progress, _END + (_START - _END) * progress
    taking = 1 / (1 + np.exp(-velocity))  # (n, k)
    after = positions
    for target, chance in ((own, to_own), (best, to_best)):
        turning = rng.random((n, 1)) < chance
        after = np.where(turning & (rng.random((n, k)) < taking), target, after)
    replaced = np.flatnonzero(rng.random(n) < replace_probability)
    if alphabet > 1:
        place = rng.integers(0, k, len(replaced))
        after[replaced, place] = (after[replaced, place] + rng.integers(1, alphabet, len(replaced))) % alphabet
    return np.asarray(after, np.int32)
