"""What the evolution strategies are given, checked at the door with errors that name the argument, and a told batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Rows = Index | slice


def start(mean: ArrayLike, sigma: ArrayLike) -> tuple[Array, Array]:
    """Means (b, d) and step sizes (b,) to begin at, as copies; one mean (d,) is b = 1, one number sigma is for all."""
    means = np.array(mean, np.float64)
    if means.ndim == 1:
        means = means[None]
    if means.ndim != 2 or means.size == 0:
        raise ValueError(f"mean of shape {means.shape} given, (b, d) or (d,) wanted, with at least one number")
    if not np.isfinite(means).all():
        raise ValueError("mean with NaN or infinity given, finite numbers wanted")
    steps = np.asarray(sigma, np.float64)
    if steps.shape not in ((), (len(means),)):
        raise ValueError(f"sigma of shape {steps.shape} given, a number or ({len(means)},) wanted: one an instance")
    if not ((steps > 0) & np.isfinite(steps)).all():
        raise ValueError(f"sigma {sigma!r} given, finite and above 0 wanted")
    return means, np.array(np.broadcast_to(steps, len(means)))


def population(n: int, least: int) -> int:
    """A number of solutions a generation."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < least:
        raise ValueError(f"n {n!r} given, a whole number of at least {least} wanted: solutions a generation")
    return int(n)


def chosen(rows: ArrayLike | None, b: int) -> tuple[Rows, int]:
    """Which instances to step, as an index, and how many; None is all of them."""
    if rows is None:
        return slice(None), b
    index = np.asarray(rows)
    if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
        raise ValueError(f"rows of shape {index.shape}, dtype {index.dtype} given, numbers of instances (r,) wanted")
    index = index.astype(np.int64)
    if index.size and (index.min() < 0 or index.max() >= b or np.unique(index).size < index.size):
        raise ValueError(f"rows {index.tolist()} given, different numbers from 0 to {b - 1} wanted")
    return index, len(index)


def shaped(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Array:
    """An array of floats that must have one shape."""
    array = np.asarray(values, np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} of shape {array.shape} given, {shape} wanted")
    return array


def normals(values: ArrayLike, count: int, d: int) -> Array:
    """Standard normals (count, n, d) for any n."""
    array = np.asarray(values, np.float64)
    if array.ndim != 3 or (array.shape[0], array.shape[2]) != (count, d):
        raise ValueError(f"normals of shape {array.shape} given, ({count}, n, {d}) wanted")
    return array


def widest(values: ArrayLike, d: int) -> Array:
    """Limits of standard deviations, a number or (d,)."""
    array = np.asarray(values, np.float64)
    if array.shape not in ((), (d,)) or not (array > 0).all():
        raise ValueError(f"widest {values!r} given, numbers above 0 wanted, one or ({d},)")
    return array


class Populations(Protocol):
    """What a told batch reads of a state."""

    n: int

    @property
    def d(self) -> int:
        """Numbers a solution."""

    def __len__(self) -> int: ...


@dataclass
class Told:
    """One generation of the instances that have enough numbers to step."""

    rows: Rows  # which instances
    solutions: Array  # (b, n, d)
    objective: Array  # (b, n)
    order: Index  # (b, n) indices of the solutions, best first, failed ones last
    counts: Index  # (b,) solutions with a number
    parents: Index  # (b,) -1 for half of the count

    def remember(self, history: Array, spread: Array, generation: Index) -> None:
        """Write the best objective into the rings history (b, h), and the range into spread (b,)."""
        every = np.arange(len(self.counts))
        best, worst = (self.objective[every, self.order[every, rank]] for rank in (0 * every, self.counts - 1))
        rows = numbers(self.rows, len(spread))
        history[rows, generation[rows] % history.shape[1]] = best
        spread[rows] = best - worst


def numbers(rows: Rows, b: int) -> Index:
    """The numbers of the chosen instances."""
    return np.arange(b) if isinstance(rows, slice) else rows


def told(
    state: Populations,
    solutions: ArrayLike,
    objective: ArrayLike,
    rows: ArrayLike | None,
    parents: ArrayLike | None,
) -> Told | None:
    """The generation to step by, or None where no instance can: fewer than two numbers, or no parents."""
    index, count = chosen(rows, len(state))
    x = shaped("solutions", solutions, (count, state.n, state.d))
    f = shaped("objective", objective, (count, state.n))
    mu = _parents(parents, count)
    counts = state.n - np.isnan(f).sum(axis=1)
    able = (counts >= 2) & (mu != 0)
    if not able.any():
        return None
    if not able.all():
        x, f, mu, counts, index = x[able], f[able], mu[able], counts[able], numbers(index, len(state))[able]
    return Told(index, x, f, np.argsort(-f, axis=1, kind="stable"), counts, mu)


def _parents(number: ArrayLike | None, count: int) -> Index:
    if number is None:
        return np.full(count, -1)
    array = np.asarray(number)
    if array.shape not in ((), (count,)) or array.dtype.kind not in "iu" or (array.size and array.min() < 0):
        raise ValueError(f"parents {number!r} given, a whole number of 0 or more wanted, or ({count},) of them")
    return np.broadcast_to(array.astype(np.int64), (count,))
