"""STAX: SERENE in a behaviour space that is learned as the search goes, Paolo, Coninx, Laflaquiere, Doncieux 2022.

https://arxiv.org/abs/2111.01919. Nobody says what behaviour is: an autoencoder compresses pictures of the episode, its
code is the measures, and what it reconstructs badly is surprising. Exploration keeps what is novel and surprising,
emitters exploit what is rewarded, and the encoder is trained on what both found. Each training makes old novelties
incomparable, so everything kept is encoded anew.

``STAX.faithful()`` has the settings of the released code: the form that its figures call STAX (a Pareto choice of
novelty and surprise, several pictures an episode); ``selection="coin"`` is the other published form,
``encoder=qd.behavior.RandomEncoder()`` with ``selection="novelty"`` the ablation without learning (here with a
population that really is updated, where the released one stays as it began), one picture an episode is the problem's
setting ``images=1``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qd.algorithms._exploration import Selection
from qd.algorithms.serene import SERENE
from qd.behavior import Autoencoder, Encoder


@dataclass(frozen=True)
class STAX(SERENE):
    """SERENE with an encoder.

    >>> STAX().selection
    'pareto'
    """

    selection: Selection = "pareto"
    """What survives: the most novel, the most surprising, either by a coin a generation, or a Pareto choice of both."""
    encoder: Encoder | None = field(default_factory=Autoencoder)
    """Learns the measures from observations."""

    @classmethod
    def faithful(cls, **changes: Any) -> STAX:
        """The settings of the released code, defects that are bugs left out."""
        made = super().faithful(**changes)
        assert isinstance(made, STAX)
        return made
