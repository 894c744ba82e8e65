"""DTLZ1 to DTLZ7: any number of objectives, Deb, Thiele, Laumanns and Zitzler 2005.

https://doi.org/10.1007/1-84628-137-7_6. The paper minimises f; here the objectives are -f. Of the d = M - 1 + k genes
in [0, 1] the first M - 1 say where on the front, the last k how far from it (g).

    DTLZ1   f_1 = 1/2 x_1 .. x_{M-1} (1 + g) ..     a plane, 11^k - 1 local fronts before it
    DTLZ2   f_1 = (1 + g) cos(t_1) .. cos(t_{M-1}) ..    t = pi/2 x: a quarter of a sphere
    DTLZ3   the sphere, with the g of DTLZ1        DTLZ4   the sphere, t = pi/2 x^100: crowded at its edges
    DTLZ5   t_2 .. shrunk to pi/4: a curve         DTLZ6   the curve, with a g that is steep at 0
    DTLZ7   f_i = x_i, the last of 2^(M-1) pieces
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.space import Box, Space


@dataclass(frozen=True)
class _DTLZ(Problem):
    """What the seven have in common."""

    number_of_objectives: int = 3
    """M."""
    distance_genes: int = 10
    """k: genes that lead away from the front."""

    deterministic = True
    chunk_size = 256
    _nadir: ClassVar[float] = 1.0  # the worst that any point of the front has in one objective

    def __post_init__(self) -> None:
        if self.number_of_objectives < 2:
            raise QDError(f"{self.name}.number_of_objectives: got {self.number_of_objectives}, wanted at least 2")
        if self.distance_genes < 1:
            raise QDError(f"{self.name}.distance_genes: got {self.distance_genes}, wanted at least 1")

    @cached_property
    def objectives(self) -> tuple[str, ...]:  # type: ignore[override]
        """-f1 to -fM."""
        return tuple(f"-f{i + 1}" for i in range(self.number_of_objectives))

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """All genes in [0, 1]."""
        return Box(0.0, 1.0, self.number_of_objectives - 1 + self.distance_genes)

    @property
    def reference_point(self) -> tuple[float, ...]:
        """1.1 times the worst of the front in each objective: what hypervolumes are measured from."""
        return (-1.1 * self._nadir,) * self.number_of_objectives

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        x = np.ascontiguousarray(request.solutions, np.float64)  # (n, d)
        place = self.number_of_objectives - 1
        return Evaluation(-self.values(x[:, :place], x[:, place:]))

    @abstractmethod
    def values(self, place: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, M) f of the genes along the front (n, M - 1) and away from it (n, k)."""

    @abstractmethod
    def pareto_front(self, n: int = 100) -> NDArray[np.float64]:
        """(at least n, M) objectives of points of the front."""


def _rugged(away: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) g of DTLZ1 and 3: Rastrigin's, 0 at 1/2."""
    z = away - 0.5
    return 100.0 * (away.shape[1] + (z * z - np.cos(20.0 * np.pi * z)).sum(axis=1))


def _bowl(away: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) g of DTLZ2, 4 and 5, 0 at 1/2."""
    return ((away - 0.5) ** 2).sum(axis=1)


def _chain(along: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, M) products: column i is along_1 .. along_{M-1-i}, times across_{M-i} from the second on."""
    n, last = along.shape
    products = np.ones((n, last + 1))
    np.cumprod(along, axis=1, out=products[:, 1:])
    products = products[:, ::-1].copy()
    products[:, 1:] *= across[:, ::-1]
    return products


def _sphere(angles: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, M) points on the sphere of radius 1 + g at angles (n, M - 1) in quarter turns."""
    turned = angles * (np.pi / 2.0)
    return (1.0 + g)[:, None] * _chain(np.cos(turned), np.sin(turned))


def _curved(place: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
    """The angles of DTLZ5 and 6: all but the first go to 1/2 as g goes to 0."""
    angles = (1.0 + 2.0 * g[:, None] * place) / (2.0 * (1.0 + g[:, None]))
    angles[:, 0] = place[:, 0]
    return angles


def simplex_lattice(n: int, m: int) -> NDArray[np.float64]:
    """(at least n, m) points evenly on the unit simplex, Das and Dennis 1998.

    >>> simplex_lattice(3, 2).tolist()
    [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    """
    parts = 1
    while comb(parts + m - 1, m - 1) < n:
        parts += 1
    bars = np.array(list(combinations(range(parts + m - 1), m - 1)), np.int64).reshape(-1, m - 1)
    edges = np.concatenate([np.full((len(bars), 1), -1), bars, np.full((len(bars), 1), parts + m - 1)], axis=1)
    return (np.diff(edges, axis=1) - 1) / parts


@dataclass(frozen=True)
class DTLZ1(_DTLZ):
    """A plane on which the objectives sum to -1/2.

    >>> best = DTLZ1().evaluate(Request(np.full((1, 7), 0.5)), np.zeros(1, np.uint64)).objective
    >>> best.round(12).tolist()
    [[-0.125, -0.125, -0.25]]
    """

    distance_genes: int = 5
    """k: genes that lead away from the front."""

    _nadir = 0.5

    def values(self, place: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
        return 0.5 * (1.0 + _rugged(away))[:, None] * _chain(place, 1.0 - place)

    def pareto_front(self, n: int = 100) -> NDArray[np.float64]:
        return -0.5 * simplex_lattice(n, self.number_of_objectives)


@dataclass(frozen=True)
class DTLZ2(_DTLZ):
    """A quarter of the unit sphere."""

    def values(self, place: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
        return _sphere(place, _bowl(away))

    def pareto_front(self, n: int = 100) -> NDArray[np.float64]:
        lattice = simplex_lattice(n, self.number_of_objectives)
        return -lattice / np.sqrt((lattice**2).sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class DTLZ3(DTLZ2):
    """The sphere behind 3^k - 1 local fronts."""

    def values(self, place: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
        return _sphere(place, _rugged(away))


@dataclass(frozen=True)
class DTLZ4(DTLZ2):
    """The sphere, most of whose points are hard to hit."""

    power: float = 100.0
    """alpha: the genes along the front are raised to it."""

    def values(self, place: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
        return _sphere(place**self.power, _bowl(away))


@dataclass(frozen=True)
class DTLZ5(_DTLZ):
    """A curve, up to three objectives; with more, points off the curve are not dominated either."""

    def values(self, place: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
        g = _bowl(away)
        return _sphere(_curved(place, g), g)

    def pareto_front(self, n: int = 100) -> NDArray[np.float64]:
        """(n, M) objectives of points of the front. QDError with more than three: it is not known."""
        m = self.number_of_objectives
        if m > 3:
            raise QDError(f"{self.name}.pareto_front: not known for {m} objectives, only for 2 and 3: the curve is a "
                          "part of it")  # fmt: skip
        angles = np.full((n, m - 1), 0.5)
        angles[:, 0] = np.linspace(0.0, 1.0, n)
        return -_sphere(angles, np.zeros(n))


@dataclass(frozen=True)
class DTLZ6(DTLZ5):
    """The curve of DTLZ5, away from which the objectives rise steeply."""

    def values(self, place: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
        g = (away**0.1).sum(axis=1)
        return _sphere(_curved(place, g), g)


@dataclass(frozen=True)
class DTLZ7(_DTLZ):
    """2^(M - 1) pieces."""

    distance_genes: int = 20
    """k: genes that lead away from the front."""

    _end: ClassVar[float] = 0.8594008566447239  # of the last piece along each of the first objectives

    @property
    def reference_point(self) -> tuple[float, ...]:
        """1.1 times the worst of the front in each objective."""
        m = self.number_of_objectives
        return (-1.1 * self._end,) * (m - 1) + (-2.2 * m,)

    def values(self, place: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.float64]:
        g = 1.0 + 9.0 / away.shape[1] * away.sum(axis=1)
        return np.concatenate([place, self._last(place, g)[:, None]], axis=1)

    def _last(self, place: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
        waves = place / (1.0 + g)[:, None] * (1.0 + np.sin(3.0 * np.pi * place))
        last: NDArray[np.float64] = (1.0 + g) * (self.number_of_objectives - waves.sum(axis=1))
        return last

    def pareto_front(self, n: int = 100) -> NDArray[np.float64]:
        """(at least n, M) objectives of points of the front: each first objective on the curve's falling stretches."""
        from operators import non_dominated

        m = self.number_of_objectives
        line = np.linspace(0.0, self._end, 20_001)
        curve = np.stack([-line, line * (1.0 + np.sin(3.0 * np.pi * line))], axis=1)
        line = line[non_dominated(curve)]  # a sum of such curves is on the front where each of them is
        count = 2
        while count ** (m - 1) < n:
            count += 1
        axis = line[np.linspace(0, len(line) - 1, count).round().astype(np.int64)]
        place = np.stack(np.meshgrid(*[axis] * (m - 1), indexing="ij"), axis=-1).reshape(-1, m - 1)
        return -np.concatenate([place, self._last(place, np.ones(len(place)))[:, None]], axis=1)
