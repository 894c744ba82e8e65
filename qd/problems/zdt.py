"""ZDT1 to ZDT4 and ZDT6: two objectives with a known front, Zitzler, Deb and Thiele 2000.

https://doi.org/10.1162/106365600568202. The papers minimise f; here the objectives are -f. The first gene moves along
the front, the others (g) away from it. (ZDT5 is made of bits and left out.)

    f1 = x_1,  f2 = g h(f1, g),  g = 1 + 9 sum(x_2 .. x_d) / (d - 1)
    ZDT1   h = 1 - sqrt(f1 / g)                                 convex
    ZDT2   h = 1 - (f1 / g)^2                                   concave
    ZDT3   h = 1 - sqrt(f1 / g) - f1 / g sin(10 pi f1)          five pieces
    ZDT4   h = 1 - sqrt(f1 / g), g with 21^9 local fronts       many modes
    ZDT6   h = 1 - (f1 / g)^2, f1 = 1 - exp(-4 x_1) sin(6 pi x_1)^6, g of the fourth root    crowded unevenly
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.space import Box, Space


@dataclass(frozen=True)
class _ZDT(Problem):
    """What the five have in common."""

    dimension: int = 30
    """Genes."""

    objectives = ("-f1", "-f2")
    deterministic = True
    chunk_size = 256
    reference_point: ClassVar[tuple[float, float]] = (-1.1, -1.1)
    """Below every point of the front: what hypervolumes are measured from."""

    def __post_init__(self) -> None:
        if self.dimension < 2:
            raise QDError(f"{self.name}.dimension: got {self.dimension}, wanted at least 2: one gene along the front, "
                          "one away from it")  # fmt: skip

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """All genes in [0, 1]."""
        return Box(0.0, 1.0, self.dimension)

    def first(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) f1 of the first genes (n,)."""
        return x

    def distance(self, rest: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) g of the other genes (n, d - 1), 1 on the front."""
        return 1.0 + 9.0 * rest.sum(axis=1) / (self.dimension - 1)

    @abstractmethod
    def shape(self, f1: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) h."""

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        x = np.ascontiguousarray(request.solutions, np.float64)  # (n, d)
        f1, g = self.first(x[:, 0]), self.distance(x[:, 1:])
        return Evaluation(-np.stack([f1, g * self.shape(f1, g)], axis=1))

    def pareto_front(self, n: int = 100) -> NDArray[np.float64]:
        """(n, 2) objectives of points of the front, evenly along the first objective."""
        return self._front(np.linspace(self._least, 1.0, n))

    _least: ClassVar[float] = 0.0  # f1 at the front's end

    def _front(self, f1: NDArray[np.float64]) -> NDArray[np.float64]:
        return -np.stack([f1, self.shape(f1, np.ones_like(f1))], axis=1)


@dataclass(frozen=True)
class ZDT1(_ZDT):
    """A convex front.

    >>> ZDT1().evaluate(Request(np.zeros((1, 30))), np.zeros(1, np.uint64)).objective.tolist()
    [[-0.0, -1.0]]
    """

    def shape(self, f1: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 - np.sqrt(f1 / g)


@dataclass(frozen=True)
class ZDT2(_ZDT):
    """A concave front, on which no weighted sum finds more than the ends."""

    def shape(self, f1: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 - (f1 / g) ** 2


@dataclass(frozen=True)
class ZDT3(_ZDT):
    """A front of five pieces."""

    def shape(self, f1: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 - np.sqrt(f1 / g) - f1 / g * np.sin(10.0 * np.pi * f1)

    def pareto_front(self, n: int = 100) -> NDArray[np.float64]:
        """(n, 2) objectives of points of the front, evenly along its pieces."""
        from operators import non_dominated

        curve = self._front(np.linspace(0.0, 0.86, max(20_000, 50 * n)))
        curve = curve[non_dominated(curve)]
        return curve[np.linspace(0, len(curve) - 1, n).round().astype(np.int64)]


@dataclass(frozen=True)
class ZDT4(_ZDT):
    """The front of ZDT1 behind 21^9 local ones; the genes after the first lie in [-5, 5]."""

    dimension: int = 10
    """Genes."""

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """[0, 1] and [-5, 5] for the rest."""
        rest = self.dimension - 1
        return Box(np.array([0.0] + [-5.0] * rest), np.array([1.0] + [5.0] * rest))

    def distance(self, rest: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 + 10.0 * (self.dimension - 1) + (rest**2 - 10.0 * np.cos(4.0 * np.pi * rest)).sum(axis=1)

    def shape(self, f1: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 - np.sqrt(f1 / g)


@dataclass(frozen=True)
class ZDT6(_ZDT):
    """A concave front whose density falls toward it and along it."""

    dimension: int = 10
    """Genes."""

    _least = 0.2807753191

    def first(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 - np.exp(-4.0 * x) * np.sin(6.0 * np.pi * x) ** 6

    def distance(self, rest: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 + 9.0 * (rest.sum(axis=1) / (self.dimension - 1)) ** 0.25

    def shape(self, f1: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 - (f1 / g) ** 2
