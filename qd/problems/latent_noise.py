"""A toy of latent noise search: a random generator, and random reward nets that agree with each other in part.

What comes out of the generator means nothing; the point is what a search does to rewards that it sees, to one that it
does not see, and to the length of the latents. One of the used rewards can be made an adversary: beyond what random
latents reach it pays for a direction that no reward was made to look at, as a reward model does that was never trained
there. A mean follows it, and honest rewards stay behind. ``qd.problems.DigitLatents`` is the same with a generator and
judges that were trained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.problems._latent_search import Array, _LatentSearch
from qd.rng import generator

IMAGE, HIDDEN = 48, 96  # numbers that the generator makes, and hidden units of every net
TAIL = 2.0  # standard deviations of random latents beyond which an adversary pays


@dataclass(frozen=True)
class LatentNoise(_LatentSearch):
    """z to be found, so that random reward nets like what a random generator makes of it.

    >>> LatentNoise(dimension=16).used_names
    ('reward_0', 'reward_1', 'reward_2', 'reward_3')
    """

    dimension: int = 64
    """Numbers a latent."""
    rewards: int = 5
    """Reward nets; the last is held out."""
    correlation: float = 0.8
    """Of the nets' weights with each other."""
    adversary: float = 0.0
    """What the last but one reward pays a standard deviation beyond the reach of random latents; 0: it is honest."""
    landscape: int = 0
    """Which generator and which rewards: a seed."""

    def __post_init__(self) -> None:
        if self.dimension < 2:
            raise QDError(f"LatentNoise.dimension: got {self.dimension}, wanted at least 2")
        if self.rewards < 2:
            raise QDError(f"LatentNoise.rewards: got {self.rewards}, wanted at least 2: one to use, one to hold out")
        if not 0 <= self.correlation <= 1:
            raise QDError(f"LatentNoise.correlation: got {self.correlation}, wanted a number from 0 to 1")
        if not 0 <= self.adversary < math.inf:
            raise QDError(f"LatentNoise.adversary: got {self.adversary}, wanted a number of at least 0")
        super().__post_init__()

    @property
    def latent_dimension(self) -> int:
        return self.dimension

    @property
    def reward_names(self) -> tuple[str, ...]:
        return tuple(f"reward_{k}" for k in range(self.rewards))

    @cached_property
    def _nets(self) -> tuple[Array, Array, Array, Array]:
        """The generator's two layers (d, h), (h, x), and the rewards' (k, x, h), (k, h)."""
        rng = generator(self.landscape, "latent noise", self.dimension)
        k, d, h, x = self.rewards, self.dimension, HIDDEN, IMAGE
        into, out = rng.standard_normal((d, h)) / math.sqrt(d), rng.standard_normal((h, x)) / math.sqrt(h)
        shared, own = math.sqrt(self.correlation), math.sqrt(1 - self.correlation)
        first = shared * rng.standard_normal((1, x, h)) + own * rng.standard_normal((k, x, h))
        last = shared * rng.standard_normal((1, h)) + own * rng.standard_normal((k, h))
        return into, out, first / math.sqrt(x), last / math.sqrt(h)

    @cached_property
    def _bait(self) -> tuple[Array, float]:
        """(x,) a direction in images that no net was made to look at, and its spread over random latents."""
        into, out, _, _ = self._nets
        rng = generator(self.landscape, "bait", self.dimension)
        direction = rng.standard_normal(IMAGE)
        direction /= np.sqrt((direction * direction).sum())
        images = np.tanh(rng.standard_normal((2048, self.dimension)) @ into) @ out  # (n, x)
        return direction, float((images @ direction).std())

    def raw_rewards(self, latents: NDArray[np.float64]) -> Array:
        into, out, first, last = self._nets
        images = np.tanh(latents @ into) @ out  # (n, x)
        found = np.stack([np.tanh(images @ a) @ b for a, b in zip(first, last, strict=True)], axis=1)  # (n, k)
        if self.adversary:
            direction, spread = self._bait
            found[:, -2] += self.adversary * np.maximum(images @ direction / spread - TAIL, 0.0)
        return found
