"""PCA: measures are the observations' coordinates along the directions in which they vary most.

Cheap, deterministic, and the floor that an autoencoder should stand above: its reconstruction is the best that any
linear encoder of the same size can make.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.behavior.contract import Encoder, Fit, Learned, Observations
from qd.errors import QDError


@dataclass(frozen=True)
class PCA(Encoder):
    """Principal components of whole observations, flattened; pictures of bytes count from 0 to 1.

    Surprise is the mean squared error of the reconstruction. Before the first fit all is the origin.
    """

    latent: int = 10
    """Measures (m)."""

    max_rows: int = 2000
    """At most so many observations, drawn at random, are trained on."""

    def __post_init__(self) -> None:
        for name in ("latent", "max_rows"):
            if getattr(self, name) < 1:
                raise QDError(f"PCA.{name}: got {getattr(self, name)}, wanted at least 1")

    def size(self, shape: tuple[int, ...]) -> int:
        """``latent``; it may not exceed the numbers of an observation."""
        numbers = int(np.prod(shape))
        if self.latent > numbers:
            raise QDError(f"PCA.latent: got {self.latent}, but an observation of shape {shape} has {numbers} numbers")
        return self.latent

    def init(self, shape: tuple[int, ...], rng: np.random.Generator) -> Learned:
        numbers = int(np.prod(shape))
        return {"mean": np.zeros(numbers), "components": np.zeros((self.size(shape), numbers))}

    def fit(self, learned: Learned, observations: Observations, rng: np.random.Generator) -> Fit:
        if len(observations) > self.max_rows:
            observations = observations[np.sort(rng.permutation(len(observations))[: self.max_rows])]
        rows = flat(observations)
        if len(rows) == 0 or not np.isfinite(rows).all():
            return Fit(rows=len(rows), rolled_back=True)
        mean = rows.mean(axis=0)
        found = _directions(rows - mean, self.latent)
        components = np.zeros_like(learned["components"])
        largest = np.abs(found).argmax(axis=1)
        found *= np.sign(found[np.arange(len(found)), largest])[:, None]  # a direction's sign is free: fix it
        components[: len(found)] = found
        learned.update(mean=mean, components=components)
        return Fit(1, float(self.surprise(learned, observations).mean()), len(rows))

    def encode(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        # einsum sums a row in the same order whatever stands beside it; a product of matrices would not
        return np.einsum("nd,md->nm", flat(observations) - learned["mean"], learned["components"])

    def reconstruct(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        rows = learned["mean"] + self.encode(learned, observations) @ learned["components"]
        rows = np.clip(rows, 0.0, 1.0) if observations.dtype == np.uint8 else rows
        return rows.reshape(observations.shape)

    def surprise(self, learned: Learned, observations: Observations) -> NDArray[np.float64]:
        centred = flat(observations) - learned["mean"]
        left = (centred**2).sum(axis=1) - (np.einsum("nd,md->nm", centred, learned["components"]) ** 2).sum(axis=1)
        surprise: NDArray[np.float64] = np.maximum(left, 0.0) / centred.shape[1]  # the components are orthonormal
        return surprise


def _directions(centred: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(k, numbers) the directions of largest variance, orthonormal, largest first; k <= count where rows span fewer."""
    n, numbers = centred.shape
    if numbers <= n:
        return np.linalg.svd(centred, full_matrices=False)[2][:count]
    values, vectors = np.linalg.eigh(centred @ centred.T)  # (n, n): pictures have more numbers than there are rows
    spans = values > values[-1] * n * np.finfo(float).eps
    values, vectors = values[spans][::-1][:count], vectors[:, spans][:, ::-1][:, :count]
    directions: NDArray[np.float64] = (vectors / np.sqrt(values)).T @ centred
    return directions


def flat(observations: Observations) -> NDArray[np.float64]:
    """(n, numbers) observations as rows of numbers; bytes become 0 to 1."""
    rows = observations.reshape(len(observations), -1)
    return rows / 255.0 if rows.dtype == np.uint8 else rows.astype(np.float64)
