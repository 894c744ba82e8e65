"""The contract of a behaviour space: an encoder's settings, and what it has learned as plain arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rng import generator

Observations = NDArray[Any]
Learned = dict[str, Any]


@dataclass(frozen=True)
class Fit:
    """What became of one training.

    Args:
        epochs: passes over the training rows.
        error: mean error on the rows that validate, of what was kept; NaN where the encoder has none.
        rows: observations trained on.
        rolled_back: the training came to numbers that are not finite, and what was learned before is back.
        spread: mean standard deviation of the measures over rows trained on; near 0 where all came to one point, NaN
            where the encoder does not say.
    """

    epochs: int = 0
    error: float = float("nan")
    rows: int = 0
    rolled_back: bool = False
    spread: float = float("nan")


class Encoder(ABC):
    """Turns observations into measures. A frozen dataclass of settings.

    What it has learned is a plain tree (dicts, lists, scalars, arrays) that is handed to every call, so that it goes
    into a checkpoint as it is: weights, the optimiser's moments, scales. A row's measures never depend on the rows
    beside it, to the bit: arithmetic whose result depends on the shape of a batch works on padded blocks of one size.

    Attributes:
        learns: ``fit`` changes what ``encode`` gives.
        surprises: ``surprise`` means something: the encoder can say how badly it knows an observation.
    """

    learns: ClassVar[bool] = True
    surprises: ClassVar[bool] = True

    @abstractmethod
    def size(self, shape: tuple[int, ...]) -> int:
        """How many measures (m) an observation of this shape gets.

        Raises QDError where observations of this shape cannot be encoded.
        """

    def check(self) -> None:
        """Refuse what cannot work here, such as a device that is not there, before work is spent. Raises QDError."""

    def init(self, shape: tuple[int, ...], rng: np.random.Generator) -> Learned:
        """What is known before any training.

        Args:
            shape: of one observation, without the batch axis.
            rng: draws the first weights.
        """
        self.size(shape)
        return {}

    def fit(self, learned: Learned, observations: Observations, rng: np.random.Generator) -> Fit:
        """Learn from observations (n, *shape), going on from what is known; changes ``learned`` in place.

        A training that comes to numbers that are not finite leaves ``learned`` as it was and says so.
        """
        return Fit()

    @abstractmethod
    def encode(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        """(n, m) measures of observations (n, *shape)."""

    def surprise(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        """(n,) how badly each observation is known, 0 or more: the error of its reconstruction."""
        raise QDError(f"{type(self).__name__} has no surprise: take an encoder that reconstructs, such as Autoencoder")

    def reconstruct(self, learned: Learned, observations: Observations) -> NDArray[np.float64] | None:
        """(n, ...) what the encoder makes of observations when it gives them back, in the observations' axes.

        Pictures come with colours from 0 to 1, perhaps smaller than they were. None where it gives nothing back.
        """
        return None

    def describe(self, learned: Learned, observations: Observations) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, m) measures and (n,) surprise, 0 where there is none, in one pass where that is cheaper."""
        measures = self.encode(learned, observations)
        surprise = self.surprise(learned, observations) if self.surprises else np.zeros(len(measures))
        return measures, surprise


class BehaviorSpace:
    """An encoder with what it has learned: fit, encode, surprise. For use without a search.

    >>> import numpy as np, qd
    >>> points = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> space = qd.behavior.BehaviorSpace(qd.behavior.PCA(latent=1), points.shape[1:])
    >>> space.fit(points).rows
    3
    >>> abs(space.encode(points)[:, 0]).round(3).tolist()
    [1.414, 0.0, 1.414]
    """

    def __init__(self, encoder: Encoder, shape: tuple[int, ...], seed: int = 0) -> None:
        """``shape``: of one observation. ``seed``: the space is the same for the same seed and trainings."""
        self.encoder, self.shape, self.seed, self.fits = encoder, tuple(shape), seed, 0
        self.learned = encoder.init(self.shape, generator(seed, "encoder"))

    @property
    def size(self) -> int:
        """How many measures (m) there are."""
        return self.encoder.size(self.shape)

    def fit(self, observations: Observations) -> Fit:
        """Learn from observations (n, *shape), going on from what is known."""
        rng = generator(self.seed, "encoder training", self.fits)
        self.fits += 1
        return self.encoder.fit(self.learned, self._checked(observations), rng)

    def encode(self, observations: Observations) -> NDArray[np.float64]:
        """(n, m) measures of observations (n, *shape)."""
        return self.encoder.encode(self.learned, self._checked(observations))

    def surprise(self, observations: Observations) -> NDArray[np.float64]:
        """(n,) how badly each observation is known."""
        return self.encoder.surprise(self.learned, self._checked(observations))

    def _checked(self, observations: Observations) -> Observations:
        given = np.asarray(observations)
        if given.shape[1:] != self.shape or given.ndim < 1:
            raise QDError(f"observations: got shape {given.shape}, wanted (n, {', '.join(map(str, self.shape))})")
        return given
