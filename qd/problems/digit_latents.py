"""Latent noise search with a real generator: a small decoder of digits, and classifiers that judge what it draws.

The wanted digit is drawn by searching the latent that the decoder starts from. The rewards are the log-odds of the
wanted digit under three classifiers, and sharpness: pixels that are ink or paper, not grey. A fourth classifier, of
another architecture and trained on the digits that the others did not learn from, is held out. Log-odds, since the
log-probability itself is bounded by 0, which the best of a hundred random latents reaches. How the nets came to be:
``qd/problems/_digit_nets.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.problems._digit_nets import CLASSES, CLASSIFIERS, LATENT, digit_nets, forward
from qd.problems._latent_search import Array, _LatentSearch
from qd.replay import Frames

SIDE = 8  # pixels


@dataclass(frozen=True)
class DigitLatents(_LatentSearch):
    """The latent of a digit that classifiers are sure of.

    >>> DigitLatents(wanted=8).used_names
    ('narrow', 'wide', 'deep', 'sharpness')
    """

    wanted: int = 3
    """The digit, 0 to 9."""

    def __post_init__(self) -> None:
        if not 0 <= self.wanted < CLASSES:
            raise QDError(f"DigitLatents.wanted: got {self.wanted}, wanted a digit, 0 to {CLASSES - 1}")
        super().__post_init__()

    @property
    def latent_dimension(self) -> int:
        return LATENT

    @property
    def reward_names(self) -> tuple[str, ...]:
        *used, held_out = CLASSIFIERS
        return (*used, "sharpness", held_out)

    def raw_rewards(self, latents: NDArray[np.float64]) -> Array:
        pictures = self.pictures(latents)
        odds = {
            name: self._log_odds(forward(digit_nets().classifiers[name], pictures, activation))
            for name, (_, activation) in CLASSIFIERS.items()
        }
        odds["sharpness"] = 4.0 * ((pictures - 0.5) ** 2).mean(axis=1)  # 1: black and white
        return np.stack([odds[name] for name in self.reward_names], axis=1)

    def pictures(self, latents: NDArray[np.float64]) -> Array:
        """(n, 64) pixels from 0, paper, to 1, ink, of (n, d) latents as they are evaluated."""
        drawn = forward(digit_nets().decoder, np.asarray(latents, np.float64), "relu")
        return 0.5 * (1.0 + np.tanh(0.5 * drawn))  # the logistic function, which cannot overflow

    def _log_odds(self, logits: Array) -> Array:
        """(n,) log p / (1 - p) of the wanted class, of (n, classes) logits."""
        others = np.delete(logits, self.wanted, axis=1)
        top = others.max(axis=1, keepdims=True)
        return np.asarray(logits[:, self.wanted] - top[:, 0] - np.log(np.exp(others - top).sum(axis=1)))

    def replay(self, solution: NDArray[np.float64], seed: int) -> Frames:
        """The digit that the generator makes of the latent."""
        picture = self.pictures(self.latents(np.atleast_2d(solution)))[0].reshape(SIDE, SIDE)
        grey = np.clip(255 * (1 - picture), 0, 255).astype(np.uint8)
        large = np.kron(grey, np.ones((24, 24), np.uint8))
        return Frames(np.repeat(large[None, :, :, None], 3, axis=3))

    def render(self, solution: NDArray[np.float64], seed: int) -> Any:
        """The digit, beside how every reward judges it."""
        from qd.problems._digit_figure import figure

        z = self.latents(np.atleast_2d(solution))
        picture = self.pictures(z)[0].reshape(SIDE, SIDE)
        return figure(picture, self.reward_names, self.scores(z)[0], f"wanted: {self.wanted}")
