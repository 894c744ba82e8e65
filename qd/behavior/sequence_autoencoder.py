"""Autoencoder of state trajectories: convolutions along time.

For trajectories that no few directions describe. Smooth paths are known as well or better by ``PCA``, at no cost: on
correlated random walks of 50 points in the plane its mean squared error is the same with 2 latents and several times
lower with 10. Try that first. On these walks convolutions did better than a perceptron on the whole trajectory with 5
and 10 latents (one seed), and a pass of theirs takes about an eighth of a recurrent network's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.behavior._torch_encoder import TorchEncoder
from qd.behavior.contract import Learned, Observations
from qd.errors import QDError


@dataclass(frozen=True, kw_only=True)
class SequenceAutoencoder(TorchEncoder):
    """Convolutional autoencoder of trajectories (n, T, d) of T states of d finite numbers.

    The d numbers are standardised by their mean and deviation over the last training set. Surprise is the mean
    squared error of standardised numbers; where T is no multiple of 4 the last state counts up to four times.
    """

    epochs: int = 60
    """At most so many passes over the training rows."""

    channels: int = 16
    """Channels of the first convolution; the second has twice as many."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels < 1:
            raise QDError(f"SequenceAutoencoder.channels: got {self.channels}, wanted at least 1")

    def size(self, shape: tuple[int, ...]) -> int:
        """``latent``."""
        self._item_shape(shape)
        return self.latent

    def _item_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 2 or min(shape) < 1:
            raise QDError(
                f"SequenceAutoencoder: observations of shape {tuple(shape)} cannot be encoded, wanted (T, d), "
                "trajectories of T states of d numbers"
            )
        return tuple(shape)

    def _items(self, observations: Observations) -> NDArray[Any]:
        return np.asarray(observations, np.float64)

    def _networks(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        from torch import nn

        quarter, d, c = -(-shape[0] // 4), shape[1], self.channels
        encoder = nn.Sequential(
            nn.Conv1d(d, c, 4, 2, 1), nn.ELU(), nn.Conv1d(c, 2 * c, 4, 2, 1), nn.ELU(),
            nn.Flatten(), nn.Linear(2 * c * quarter, self.latent),
        )  # fmt: skip
        decoder = nn.Sequential(
            nn.Linear(self.latent, 2 * c * quarter), nn.ELU(), nn.Unflatten(1, (2 * c, quarter)),
            nn.ConvTranspose1d(2 * c, c, 4, 2, 1), nn.ELU(), nn.ConvTranspose1d(c, d, 4, 2, 1),
        )  # fmt: skip
        return encoder, decoder

    def _begin(self, learned: Learned, rng: np.random.Generator) -> None:
        super()._begin(learned, rng)
        d = learned["shape"][1]
        learned.setdefault("mean", np.zeros(d))
        learned.setdefault("deviation", np.ones(d))

    def _prepare(self, learned: Learned, items: NDArray[Any]) -> None:
        """Mean and deviation of the d numbers; those that never change are only centred."""
        deviation = items.std(axis=(0, 1))
        learned.update(mean=items.mean(axis=(0, 1)), deviation=np.where(deviation > 1e-9, deviation, 1.0))

    def _inputs(self, learned: Learned, items: NDArray[Any]) -> Any:
        """(n, d, T) standardised, T filled up to a multiple of 4 with the last state."""
        import torch

        rows = ((items - learned["mean"]) / learned["deviation"]).transpose(0, 2, 1)
        filled = np.pad(rows, ((0, 0), (0, 0), (0, -rows.shape[2] % 4)), mode="edge")
        return torch.tensor(filled.astype(np.float32))
