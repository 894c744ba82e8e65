"""Sphere, ellipsoid, cigar, Rosenbrock and Rastrigin, with measures that are linear projections of the genes.

The first four are the usual tests of an evolution strategy (Hansen, Finck, Ros and Auger 2009, the BBOB functions);
as quality-diversity tasks they are those of Fontaine, Togelius, Nikolaidis and Hoover 2020, section 6
(https://arxiv.org/abs/1912.02400). With s the shift and R a rotation (the identity unless ``rotated``):

    z = R (x - s), s = 0.4 * 5.12 in every gene
    objective = 100 (f(z at the corner -5.12) - f(z)) / (f(z at the corner -5.12) - f(0)), or -f(z) if ``raw``
    measures  = (sum of c(x_i) over the first half of the genes, the same over the second half)
    c(x) = x where |x| <= 5.12, and 5.12 / x elsewhere: leaving the domain does not pay

The sums of many genes pile up around 0, so the edges of the measure space are far from where sampling lands: that is
what makes the task hard. The column ``jacobian`` serves searches that use gradients (CMA-MEGA).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box, Measures, Space

DOMAIN = 5.12  # where genes count in full
SHIFT = 0.4 * DOMAIN  # of the optimum from 0, in every gene


@dataclass(frozen=True)
class _Function(Problem):
    """What the five have in common: the shift, the scale, the measures."""

    dimension: int = 20
    """Genes."""
    rotated: bool = False
    """Turn the function by a fixed random rotation, so that no gene stands alone."""
    raw: bool = False
    """Pay -f, 0 at the best, instead of the scale on which the best is 100 and the corner of the domain 0."""
    bound: float = DOMAIN
    """Genes lie in [-bound, bound]; math.inf for the papers' free domain, whose samples are N(0, 0.5^2)."""
    cells: int = 100
    """Cells a measure."""

    columns = MappingProxyType({"jacobian": "(n, 3, dimension) gradients of the objective and of both measures"})
    deterministic = True
    chunk_size = 256

    def __post_init__(self) -> None:
        if self.dimension < 2:
            raise QDError(f"{self.name}.dimension: got {self.dimension}, wanted at least 2: each measure sums a half")
        if not self.bound > SHIFT:
            raise QDError(f"{self.name}.bound: got {self.bound}, wanted more than {SHIFT:g}, where the optimum lies")
        if self.cells < 1:
            raise QDError(f"{self.name}.cells: got {self.cells}, wanted at least 1")

    @abstractmethod
    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) f of (n, d), to be minimised, 0 at z = 0."""

    @abstractmethod
    def slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, d) the gradient of ``value``."""

    @property
    def batching(self) -> Literal["rows", "chunks"]:  # type: ignore[override]
        """A product with the rotation rounds by the shape of the batch."""
        return "chunks" if self.rotated else "rows"

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """The domain, or all reals."""
        return Box(-self.bound, self.bound, self.dimension, init_sigma=None if math.isfinite(self.bound) else 0.5)

    @cached_property
    def measure_space(self) -> Measures:  # type: ignore[override]
        """Sums over the halves of the genes: as far as genes inside the domain reach."""
        halves = (self.dimension // 2, self.dimension - self.dimension // 2)
        low, high = tuple(-DOMAIN * k for k in halves), tuple(DOMAIN * k for k in halves)
        return Measures(("first half", "second half"), low, high, dims=(self.cells, self.cells))

    @cached_property
    def rotation(self) -> NDArray[np.float64]:
        """(d, d) orthogonal, the same for every seed."""
        drawn = generator(0, "rotation", self.dimension).standard_normal((self.dimension, self.dimension))
        q, r = np.linalg.qr(drawn)
        return q * np.sign(np.diag(r))  # Haar: the signs of QR are not random

    @cached_property
    def scale(self) -> float:
        """Objective a unit of f."""
        return 1.0 if self.raw else 100.0 / float(self.value(np.full((1, self.dimension), -DOMAIN - SHIFT))[0])

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        x = np.ascontiguousarray(request.solutions, np.float64)  # (n, d)
        half = self.dimension // 2
        z = x - SHIFT
        if self.rotated:
            z = z @ self.rotation.T
        objective = (0.0 if self.raw else 100.0) - self.scale * self.value(z)
        inside = np.abs(x) <= DOMAIN
        with np.errstate(divide="ignore"):
            kept = np.where(inside, x, DOMAIN / x)
        measures = np.stack([kept[:, :half].sum(axis=1), kept[:, half:].sum(axis=1)], axis=1)
        columns: dict[str, NDArray[Any]] = {}
        if "jacobian" in request.columns:
            jacobian = np.zeros((len(x), 3, self.dimension))
            slope = -self.scale * self.slope(z)
            jacobian[:, 0] = slope @ self.rotation if self.rotated else slope
            with np.errstate(divide="ignore"):
                steep = np.where(inside, 1.0, -DOMAIN / (x * x))
            jacobian[:, 1, :half], jacobian[:, 2, half:] = steep[:, :half], steep[:, half:]
            columns["jacobian"] = jacobian
        return Evaluation(objective, measures, columns=columns)


@dataclass(frozen=True)
class Sphere(_Function):
    """f(z) = sum z_i^2.

    >>> best = np.full((1, 20), SHIFT)
    >>> Sphere().evaluate(Request(best), np.zeros(1, np.uint64)).objective.tolist()
    [100.0]
    """

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return (z * z).sum(axis=1)

    def slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2.0 * z


@dataclass(frozen=True)
class Ellipsoid(_Function):
    """f(z) = sum 10^(6 i / (d - 1)) z_i^2: axes from 1 to 1000 times as steep."""

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """(d,) 1 to 1e6."""
        return np.asarray(10.0 ** (6.0 * np.arange(self.dimension) / (self.dimension - 1)))

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return (self.weights * (z * z)).sum(axis=1)

    def slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2.0 * self.weights * z


@dataclass(frozen=True)
class Cigar(_Function):
    """f(z) = z_1^2 + 1e6 sum_{i > 1} z_i^2: one long axis, to be found."""

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return z[:, 0] ** 2 + 1e6 * (z[:, 1:] ** 2).sum(axis=1)

    def slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2.0 * z * np.concatenate([[1.0], np.full(self.dimension - 1, 1e6)])


@dataclass(frozen=True)
class Rosenbrock(_Function):
    """f(z) = sum 100 (y_i^2 - y_{i+1})^2 + (y_i - 1)^2 with y = z + 1: a bent valley."""

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        y = z + 1.0
        return (100.0 * (y[:, :-1] ** 2 - y[:, 1:]) ** 2 + (y[:, :-1] - 1.0) ** 2).sum(axis=1)

    def slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        y = z + 1.0
        bend = y[:, :-1] ** 2 - y[:, 1:]  # (n, d - 1)
        slope = np.zeros_like(y)
        slope[:, :-1] = 400.0 * y[:, :-1] * bend + 2.0 * (y[:, :-1] - 1.0)
        slope[:, 1:] -= 200.0 * bend
        return slope


@dataclass(frozen=True)
class Rastrigin(_Function):
    """f(z) = 10 d + sum (z_i^2 - 10 cos 2 pi z_i): a bowl with a local optimum at every whole number."""

    def value(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return (z * z - 10.0 * np.cos(2 * np.pi * z) + 10.0).sum(axis=1)

    def slope(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2.0 * z + 20.0 * np.pi * np.sin(2 * np.pi * z)
