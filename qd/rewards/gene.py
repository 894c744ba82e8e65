"""A gene of a reward: one number with a name, a default and bounds, searched in units of its own spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qd.errors import QDError
from qd.space import Box


@dataclass(frozen=True)
class Gene:
    """A number that evolves.

    A solution holds z, the number of spreads from the default: 0 is the default, and N(0, 1) is the prior, so random
    search and evolution strategies start from the same distribution without being told.

    Args:
        name: what it is, unique in its part.
        default: the value at z = 0. For a switch, 0 is off and 1 is on.
        spread: how far z = 1 lies from the default: added (linear), or e^spread times (log).
        low, high: bounds of the value, of a log gene both above 0; None: five spreads from the default.
        scale: ``"linear"``, ``"log"``, or ``"switch"``: on where z > 0 (where z >= 0 if it is on by default).

    >>> Gene("weight", low=-5, high=5).value(np.array([-1.5, 0.0])).tolist()
    [-1.5, 0.0]
    >>> round(float(Gene("rate", default=0.1, spread=np.log(2), low=0.01, high=1.0, scale="log").value(2.0)), 3)
    0.4
    """

    name: str
    default: float = 0.0
    spread: float = 1.0
    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log", "switch"] = "linear"

    def __post_init__(self) -> None:
        if self.scale == "switch":
            if self.default not in (0.0, 1.0):
                raise QDError(f"Gene {self.name!r}: a switch's default is 0 or 1, got {self.default}")
            return
        if not 0 < self.spread < np.inf:
            raise QDError(f"Gene {self.name!r}: spread must be above 0, got {self.spread}")
        if self.scale == "log" and (self.default <= 0 or (self.low is not None and self.low <= 0)):
            raise QDError(f"Gene {self.name!r}: a log gene's default and low must be above 0, got {self.default} and "
                          f"{self.low}")  # fmt: skip
        if not self.least <= self.default <= self.most or self.least == self.most:
            raise QDError(f"Gene {self.name!r}: default {self.default} is not within {self.least} .. {self.most}")

    @property
    def least(self) -> float:
        """The lower bound of the value."""
        return self.low if self.low is not None else self._at(-5.0)

    @property
    def most(self) -> float:
        """The upper bound of the value."""
        return self.high if self.high is not None else self._at(5.0)

    def _at(self, z: float) -> float:
        return float(
            self.default + self.spread * z if self.scale == "linear" else self.default * np.exp(self.spread * z)
        )

    @property
    def bounds(self) -> tuple[float, float]:
        """(low, high) of z."""
        return (-5.0, 5.0) if self.scale == "switch" else (self.coordinate(self.least), self.coordinate(self.most))

    def value(self, z: ArrayLike) -> NDArray[np.float64]:
        """The value at z, of any shape."""
        z = np.asarray(z, np.float64)
        if self.scale == "switch":
            return np.asarray(z >= 0 if self.default else z > 0, np.float64)
        value = self.default + self.spread * z if self.scale == "linear" else self.default * np.exp(self.spread * z)
        return np.asarray(np.clip(value, self.least, self.most))

    def coordinate(self, value: float) -> float:
        """The z of a value; of a switch that is on or off, 1 or -1. Raises QDError outside the bounds."""
        if self.scale == "switch":
            return 1.0 if value else -1.0
        if not self.least <= value <= self.most:
            raise QDError(f"gene {self.name!r}: got {value}, wanted {self.least} .. {self.most}")
        if self.scale == "linear":
            return float((value - self.default) / self.spread)
        return float(np.log(value / self.default) / self.spread)


def gene_space(genes: Sequence[Gene]) -> Box:
    """The space of solutions that hold these genes, one z each. Raises QDError where there are none."""
    if not genes:
        raise QDError("reward: none of its parts has a gene, so there is nothing to search; give a term a weight")
    bounds = np.array([gene.bounds for gene in genes])
    return Box(bounds[:, 0], bounds[:, 1], len(genes), init_sigma=1.0)


def gene_values(genes: Sequence[Gene], solutions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, d) solutions to (n, d) values of their genes."""
    return np.stack([gene.value(solutions[:, i]) for i, gene in enumerate(genes)], axis=1)
