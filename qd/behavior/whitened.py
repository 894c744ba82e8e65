"""Whitening before distances: every direction of a behaviour space counts the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qd.behavior.contract import Encoder, Fit, Learned, Observations
from qd.behavior.pca import PCA
from qd.errors import QDError


@dataclass(frozen=True)
class Whitened(Encoder):
    """An encoder whose measures are turned and scaled to unit variance, uncorrelated, over what it was trained on.

    Without it the few directions of a latent space that vary most are all that nearest neighbours see.
    Directions that hardly vary are not blown up: ``floor`` bounds the scaling.
    """

    encoder: Encoder = field(default_factory=PCA)
    """The encoder whose measures are whitened."""

    floor: float = 0.01
    """Directions with less than this share of the largest standard deviation are scaled as if they had it."""

    def __post_init__(self) -> None:
        if not 0 < self.floor <= 1:
            raise QDError(f"Whitened.floor: got {self.floor}, wanted a share above 0 and at most 1")

    @property
    def surprises(self) -> bool:  # type: ignore[override]
        """As the encoder's."""
        return self.encoder.surprises

    def check(self) -> None:
        self.encoder.check()

    def size(self, shape: tuple[int, ...]) -> int:
        return self.encoder.size(shape)

    def init(self, shape: tuple[int, ...], rng: np.random.Generator) -> Learned:
        m = self.size(shape)
        return {"inner": self.encoder.init(shape, rng), "mean": np.zeros(m), "turn": np.eye(m)}

    def fit(self, learned: Learned, observations: Observations, rng: np.random.Generator) -> Fit:
        outcome = self.encoder.fit(learned["inner"], observations, rng)
        latent = self.encoder.encode(learned["inner"], observations)  # (n, m)
        if len(latent) < 2 or not np.isfinite(latent).all():
            return outcome
        mean = latent.mean(axis=0)
        values, vectors = np.linalg.eigh(np.einsum("ni,nj->ij", latent - mean, latent - mean) / (len(latent) - 1))
        deviation = np.sqrt(np.maximum(values, 0.0))
        if deviation.max() == 0.0:  # one point: nothing to scale
            learned.update(mean=mean, turn=np.eye(len(mean)))
            return outcome
        learned.update(mean=mean, turn=vectors / np.maximum(deviation, self.floor * deviation.max()))
        return outcome

    def encode(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        return self._turned(learned, self.encoder.encode(learned["inner"], observations))

    def surprise(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        return self.encoder.surprise(learned["inner"], observations)

    def reconstruct(self, learned: Learned, observations: Observations) -> NDArray[np.float64] | None:
        return self.encoder.reconstruct(learned["inner"], observations)

    def describe(self, learned: Learned, observations: Observations) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        measures, surprise = self.encoder.describe(learned["inner"], observations)
        return self._turned(learned, measures), surprise

    def _turned(self, learned: Learned, latent: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.einsum("ni,ij->nj", latent - learned["mean"], learned["turn"])
