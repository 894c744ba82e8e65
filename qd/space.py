"""What one solution is: real vectors, masks, token sequences. A space samples, validates and names its width.

A batch of solutions is arrays: fixed width ``(n, d)``, or ``Ragged`` where rows differ in length.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qd.errors import QDError
from qd.ragged import Ragged, Solutions


class Space(ABC):
    """The set that solutions come from.

    Attributes:
        length: genes a solution, or -1 where rows differ in length.
        dtype: the dtype of a batch's values.
    """

    length: int
    dtype: np.dtype[Any]

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Solutions:
        """n solutions drawn at random."""

    @abstractmethod
    def valid(self, solutions: Solutions) -> NDArray[np.bool_] | None:
        """(n,) which rows lie in the space, or None when all do."""

    def check(self, solutions: Any) -> Solutions:
        """The batch as this space stores it. Raises QDError for a wrong shape or kind."""
        if isinstance(solutions, Ragged):
            raise QDError(f"solutions: got a ragged batch, {self!r} wants an array (n, {self.length})")
        batch = np.asarray(solutions)
        if batch.ndim != 2 or batch.shape[1] != self.length:
            raise QDError(f"solutions: got shape {batch.shape}, {self!r} wants (n, {self.length}); rows are solutions")
        if not np.can_cast(batch.dtype, self.dtype, "same_kind"):
            raise QDError(f"solutions: got dtype {batch.dtype}, {self!r} wants {self.dtype}")
        return np.ascontiguousarray(batch, self.dtype)


@dataclass(frozen=True, eq=False, repr=False)
class Box(Space):
    """Real vectors between two corners.

    Args:
        low, high: bounds, a number or one a gene; infinite is allowed.
        length: genes; may be left out where ``low`` or ``high`` is a vector.
        init_sigma: sample from N(0, init_sigma^2) clipped to the bounds, instead of uniformly; needed where
            a bound is infinite. One number, or one a gene, as networks have it whose layers start at different
            scales; 0 starts a gene at 0, as biases do.
        dtype: ``"float64"`` or ``"float32"``.

    >>> Box(-1, 1, 10).length
    10
    """

    low: ArrayLike
    high: ArrayLike
    length: int = 0
    init_sigma: ArrayLike | None = None
    dtype: Any = "float64"

    def __post_init__(self) -> None:
        dtype = np.dtype(self.dtype)
        if dtype.kind != "f":
            raise QDError(f"Box.dtype: got {self.dtype!r}, wanted 'float64' or 'float32'")
        low, high = np.asarray(self.low, dtype), np.asarray(self.high, dtype)
        length = self.length or max(low.size if low.ndim else 0, high.size if high.ndim else 0)
        if length <= 0:
            raise QDError("Box.length: got none; say how many genes, e.g. Box(-1, 1, 10), or give bounds a gene")
        if low.ndim > 1 or high.ndim > 1 or low.size not in (1, length) or high.size not in (1, length):
            raise QDError(f"Box: low has {low.size} numbers, high {high.size}; wanted 1 or length = {length} of each")
        low, high = np.broadcast_to(low, (length,)).copy(), np.broadcast_to(high, (length,)).copy()
        wrong = np.flatnonzero(~(low < high))
        if len(wrong):
            i = int(wrong[0])
            raise QDError(f"Box: low must be below high, but gene {i} has low {low[i]} and high {high[i]}")
        if self.init_sigma is None and not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise QDError("Box.init_sigma: bounds are infinite, so sampling needs it, e.g. init_sigma=1.0")
        sigma = self._checked_sigma(length, dtype)
        low.setflags(write=False)
        high.setflags(write=False)
        scalar = bool((low == low[0]).all() and (high == high[0]).all())
        for name, value in (
            ("low", low),
            ("high", high),
            ("length", length),
            ("dtype", dtype),
            ("init_sigma", sigma),
            ("_scalar", scalar),
        ):
            object.__setattr__(self, name, value)

    def _checked_sigma(self, length: int, dtype: np.dtype[Any]) -> float | NDArray[Any] | None:
        """The setting as it is kept: None, one number above 0, or (d,) numbers of at least 0, not all 0."""
        if self.init_sigma is None:
            return None
        sigma = np.array(self.init_sigma, dtype)
        if sigma.ndim == 0:
            if not 0 < sigma < np.inf:
                raise QDError(f"Box.init_sigma: got {self.init_sigma}, wanted a positive number")
            return float(np.asarray(self.init_sigma))
        if sigma.shape != (length,):
            raise QDError(f"Box.init_sigma: got shape {sigma.shape}, wanted one number, or one a gene: ({length},)")
        if not (sigma >= 0).all() or not sigma.any() or not np.isfinite(sigma).all():
            raise QDError("Box.init_sigma: wanted numbers of at least 0, one of them above it")
        sigma.setflags(write=False)
        return sigma

    def __repr__(self) -> str:
        low, high = np.asarray(self.low), np.asarray(self.high)
        return f"Box({low.min():g}, {high.max():g}, length={self.length})"

    @property
    def bounds(self) -> tuple[Any, Any]:
        """(low, high) for operators: two numbers where all genes share them, else (d,) each."""
        low, high = np.asarray(self.low), np.asarray(self.high)
        return (low[0], high[0]) if self._scalar else (low, high)  # type: ignore[attr-defined]

    def sample(self, n: int, rng: np.random.Generator) -> Solutions:
        if self.init_sigma is None:
            low, high = np.asarray(self.low), np.asarray(self.high)
            return rng.uniform(low, high, (n, self.length)).astype(self.dtype, copy=False)  # (n, d)
        drawn = rng.standard_normal((n, self.length)) * np.asarray(self.init_sigma)
        return np.clip(drawn, self.low, self.high).astype(self.dtype, copy=False)

    def valid(self, solutions: Solutions) -> NDArray[np.bool_] | None:
        x = np.asarray(solutions)
        if x.size == 0:
            return None
        low, high = np.asarray(self.low), np.asarray(self.high)
        if self._scalar and x.min() >= low[0] and x.max() <= high[0]:  # type: ignore[attr-defined]
            return None
        inside = np.asarray(((x >= low) & (x <= high)).all(axis=1))  # NaN is outside
        return None if inside.all() else inside


@dataclass(frozen=True)
class Mask(Space):
    """Rows of zeros and ones, uint8: what is kept (1) and what is dropped (0).

    Args:
        length: genes.
        frozen: positions that are always 1.
        keep: probability of a 1 when sampling; or (least, most), and then each row draws its own in between, evenly.
        cuts: positions before which crossover may cut, e.g. where a demonstration begins; none: anywhere.

    >>> Mask(4, frozen=(0,)).sample(3, np.random.default_rng(0))[:, 0].tolist()
    [1, 1, 1]
    """

    length: int
    frozen: tuple[int, ...] = ()
    keep: float | tuple[float, float] = 0.5
    cuts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.length <= 0:
            raise QDError(f"Mask.length: got {self.length}, wanted at least 1")
        outside = [i for i in self.frozen if not 0 <= i < self.length]
        if outside:
            raise QDError(f"Mask.frozen: position {outside[0]} is outside 0..{self.length - 1}")
        least, most = self.keep if isinstance(self.keep, tuple) else (self.keep, self.keep)
        if not 0 <= least <= most <= 1:
            raise QDError(f"Mask.keep: got {self.keep}, wanted a probability, or a lower and a higher one")
        wrong = [i for i in self.cuts if not 0 < i < self.length]
        if wrong:
            raise QDError(f"Mask.cuts: position {wrong[0]} is outside 1..{self.length - 1}")
        object.__setattr__(self, "dtype", np.dtype(np.uint8))

    def sample(self, n: int, rng: np.random.Generator) -> Solutions:
        keep = rng.uniform(*self.keep, (n, 1)) if isinstance(self.keep, tuple) else self.keep
        masks = (rng.random((n, self.length)) < keep).astype(np.uint8)  # (n, d)
        masks[:, list(self.frozen)] = 1
        return masks

    def valid(self, solutions: Solutions) -> NDArray[np.bool_] | None:
        masks = np.asarray(solutions)
        inside: NDArray[np.bool_] = (masks <= 1).all(axis=1) & (masks[:, list(self.frozen)] == 1).all(axis=1)
        return None if inside.all() else inside


@dataclass(frozen=True)
class Tokens(Space):
    """Sequences of token numbers, ragged, int32.

    Args:
        alphabet: tokens are 0 .. alphabet - 1.
        max_length, min_length: tokens a row.
    """

    alphabet: int
    max_length: int
    min_length: int = 0

    length = -1

    def __post_init__(self) -> None:
        if self.alphabet <= 0:
            raise QDError(f"Tokens.alphabet: got {self.alphabet}, wanted at least 1")
        if not 0 <= self.min_length <= self.max_length or self.max_length == 0:
            raise QDError(f"Tokens: min_length {self.min_length} and max_length {self.max_length} do not make a range")
        object.__setattr__(self, "dtype", np.dtype(np.int32))

    def sample(self, n: int, rng: np.random.Generator) -> Solutions:
        offsets = np.zeros(n + 1, np.int64)
        np.cumsum(rng.integers(self.min_length, self.max_length + 1, n), out=offsets[1:])
        return Ragged(rng.integers(0, self.alphabet, offsets[-1]).astype(np.int32), offsets)

    def check(self, solutions: Any) -> Solutions:
        if not isinstance(solutions, Ragged):
            raise QDError(f"solutions: got {type(solutions).__name__}, {self!r} wants qd.Ragged.from_rows(rows)")
        if solutions.dtype.kind not in "iu":
            raise QDError(f"solutions: got dtype {solutions.dtype}, {self!r} wants int32 token numbers")
        return Ragged(solutions.values.astype(np.int32, copy=False), solutions.offsets)

    def valid(self, solutions: Solutions) -> NDArray[np.bool_] | None:
        assert isinstance(solutions, Ragged)  # check() came before
        lengths = solutions.lengths
        inside = (lengths >= self.min_length) & (lengths <= self.max_length)
        wrong = np.flatnonzero((solutions.values < 0) | (solutions.values >= self.alphabet))
        inside[np.searchsorted(solutions.offsets, wrong, "right") - 1] = False
        return None if inside.all() else inside


@dataclass(frozen=True)
class Measures:
    """The names and bounds of a problem's measures, in order.

    Args:
        names: one a measure, with the unit where there is one, e.g. ``"x [m]"``.
        low, high: bounds, one a measure; infinite where a measure has none, and then there is no grid.
        dims: cells a measure of the grid that coverage is counted on where a search has no grid of its own.

    >>> Measures(("x", "y"), (0, 0), (1, 1), dims=(50, 50)).size
    2
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    dims: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        m = len(self.names)
        if m == 0:
            raise QDError("Measures.names: got none; a problem without measures has measure_space = None")
        for field, value in (("low", self.low), ("high", self.high), ("dims", self.dims)):
            if value is not None and len(value) != m:
                raise QDError(f"Measures.{field}: got {len(value)} numbers for {m} names {self.names}")
        for name, low, high in zip(self.names, self.low, self.high, strict=True):
            if not low < high:
                raise QDError(f"Measures {name!r}: low must be below high, got {low}..{high}")
        if self.dims is not None and not self.bounded:
            raise QDError(f"Measures.dims: got {self.dims}, but a grid needs finite bounds, and these are "
                          f"{self.low}..{self.high}")  # fmt: skip
        if self.dims is not None and min(self.dims) < 1:
            raise QDError(f"Measures.dims: got {self.dims}, wanted at least 1 cell a measure")

    @cached_property
    def bounded(self) -> bool:
        """Whether all bounds are finite, so that a grid is possible."""
        return bool(np.isfinite(self.low).all() and np.isfinite(self.high).all())

    @cached_property
    def uniform(self) -> tuple[float, float] | None:
        """(low, high) where all measures share them: cheaper to check."""
        same = len(set(self.low)) == 1 and len(set(self.high)) == 1
        return (self.low[0], self.high[0]) if same else None

    @cached_property
    def low_array(self) -> NDArray[np.float64]:
        """(m,) the lower bounds."""
        return np.array(self.low, np.float64)

    @cached_property
    def high_array(self) -> NDArray[np.float64]:
        """(m,) the upper bounds."""
        return np.array(self.high, np.float64)

    @property
    def size(self) -> int:
        """How many measures there are."""
        return len(self.names)

    @property
    def ranges(self) -> list[tuple[float, float]]:
        """(low, high) a measure, as archives want them. Raises QDError where a bound is infinite."""
        if not self.bounded:
            raise QDError("measure_space: its bounds are infinite, so no archive of cells is possible; give the "
                          "problem bounds, or take a search without cells, such as NoveltySearch")  # fmt: skip
        return list(zip(self.low, self.high, strict=True))
