"""The space of lineages: vectors of weights that are stored as the seeds they grew from.

Such et al. 2017 (https://arxiv.org/abs/1712.06567) store a network as a first seed and one seed a mutation. Here a row
is uint32 words: the two halves of the first seed (lower first), then two words a mutation, oldest first: its draw,
and its sigma as the bits of a float32. A mutation's noise is that of ``operators.seed_noise`` at a key hashed from the
first seed and the draw. Draws are a keyed permutation of evaluation numbers, so no two children of a run share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qd.errors import QDError
from qd.ragged import Ragged, Solutions
from qd.rng import row_seeds
from qd.space import Space

WORDS = 2  # uint32 of the first seed, and of each mutation
LARGEST = 32.0  # standard deviation of first weights or of one mutation; 4.33 of them stay within a third of the range


@dataclass(frozen=True, eq=False, repr=False)
class Lineage(Space):
    """Vectors of ``weights`` float32 numbers, each a multiple of 2^-24 between -128 and 128, stored as seeds.

    Args:
        weights: how long the vector is.
        init_sigma: standard deviation of the first weights: a number, or one a weight (0 for biases).

    >>> space = Lineage(1000, init_sigma=0.1)
    >>> space.sample(3, np.random.default_rng(0)).lengths.tolist()
    [2, 2, 2]
    """

    weights: int
    init_sigma: ArrayLike = 1.0

    length = -1

    def __post_init__(self) -> None:
        if isinstance(self.weights, bool) or self.weights < 1:
            raise QDError(f"Lineage.weights: got {self.weights!r}, wanted a whole number of at least 1")
        sigma = np.array(self.init_sigma, np.float32).reshape(-1)
        if len(sigma) not in (1, self.weights):
            raise QDError(f"Lineage.init_sigma: got {len(sigma)} numbers, wanted 1 or weights = {self.weights}")
        if not ((sigma >= 0) & (sigma <= LARGEST)).all():
            raise QDError(f"Lineage.init_sigma: wanted numbers from 0 to {LARGEST:g}: weights lie between -128 and 128")
        sigma.setflags(write=False)
        object.__setattr__(self, "init_sigma", sigma)
        object.__setattr__(self, "dtype", np.dtype(np.uint32))

    def __repr__(self) -> str:
        return f"Lineage({self.weights})"

    def sample(self, n: int, rng: np.random.Generator) -> Solutions:
        return Ragged(rng.integers(0, 2**32, WORDS * n, np.uint32), np.arange(0, WORDS * n + 1, WORDS))

    def check(self, solutions: Any) -> Solutions:
        if not isinstance(solutions, Ragged):
            raise QDError(f"solutions: got {type(solutions).__name__}, {self!r} wants a ragged batch of uint32 words; "
                          "qd.lineages says how they are made")  # fmt: skip
        if solutions.dtype != np.uint32:
            raise QDError(f"solutions: got dtype {solutions.dtype}, {self!r} wants uint32 words")
        return solutions

    def valid(self, solutions: Solutions) -> NDArray[np.bool_] | None:
        assert isinstance(solutions, Ragged)  # check() came before
        inside: NDArray[np.bool_] = (solutions.lengths >= WORDS) & (solutions.lengths % WORDS == 0)
        for row in np.flatnonzero(inside):
            sigmas = solutions.row(int(row))[WORDS + 1 :: WORDS].view(np.float32)
            inside[row] = bool(((sigmas > 0) & (sigmas <= LARGEST)).all())
        return None if inside.all() else inside


def draws(seed: int, numbers: ArrayLike) -> NDArray[np.uint32]:
    """The draws of a run's mutations: evaluation numbers (n,), put through a permutation that the run's seed chooses.

    No two are equal within 2^32 evaluations, and those of different runs have nothing to do with each other. The
    rounds are those of MurmurHash3's finaliser with keys in between.
    """
    keys = row_seeds(seed, np.arange(2, dtype=np.uint64)).view(np.uint32)  # (4,)
    x = np.asarray(numbers, np.int64).astype(np.uint32)
    for key in keys:
        x = x ^ key
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        x = x ^ (x >> np.uint32(16))
    return x


def check_sigma(sigma: float) -> None:
    """Refuse a mutation's standard deviation that weights have no room for."""
    if not 0 < sigma <= LARGEST:
        raise QDError(f"sigma: got {sigma}, wanted a number above 0 and at most {LARGEST:g}")


def children(parents: Ragged, rows: NDArray[Any], draws: NDArray[np.uint32], sigma: float) -> Ragged:
    """One more mutation on the chosen parents; the parents stay as they are.

    Args:
        parents: lineages.
        rows: (n,) which parent each child has.
        draws: (n,) of the children, from ``draws``.
        sigma: standard deviation of the mutation, above 0.
    """
    check_sigma(sigma)
    bits = np.float32(sigma).view(np.uint32)
    words = [np.append(parents.row(int(row)), [draw, bits]) for row, draw in zip(rows, draws, strict=True)]
    return Ragged.from_rows(words, np.uint32)
