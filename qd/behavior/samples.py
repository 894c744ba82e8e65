"""Samples: measures are the path's own points at a few moments, one after the other, as in novelty search of old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qd.behavior.contract import Encoder, Learned, Observations
from qd.errors import QDError


@dataclass(frozen=True)
class Samples(Encoder):
    """Points of a path (T, d) at evenly spread moments, the last one its end: ``count`` x d measures.

    >>> import numpy as np
    >>> Samples(count=2).encode({}, np.arange(10.0).reshape(1, 5, 2)).tolist()
    [[4.0, 5.0, 8.0, 9.0]]
    """

    count: int = 5
    """Points taken; 1 for the last alone."""

    learns: ClassVar[bool] = False
    surprises: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise QDError(f"Samples.count: got {self.count}, wanted at least 1")

    def size(self, shape: tuple[int, ...]) -> int:
        """``count`` times the numbers of a point."""
        if len(shape) != 2 or min(shape) < 1:
            raise QDError(f"Samples: got observations of shape {shape}, wanted paths (T, d): T points of d numbers")
        if self.count > shape[0]:
            raise QDError(f"Samples.count: got {self.count}, but a path has {shape[0]} points")
        return self.count * shape[1]

    def encode(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        m = self.size(observations.shape[1:])
        moments = np.ceil(np.linspace(0, observations.shape[1] - 1, self.count + 1)[1:]).astype(np.int64)
        return observations[:, moments].astype(np.float64).reshape(len(observations), m)
