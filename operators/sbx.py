"""Simulated binary crossover and polynomial mutation of real genomes inside bounds (Deb and co-authors)."""

from math import prod
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from operators.variation import Rng, _by_gene, _check_rng, _pair, _real

_CLOSE = 1e-14  # parents nearer than this in a gene hand it on as it is


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(room, drawn, power):  # type: ignore[no-untyped-def]
    """The spread factor for a number drawn from [0, 1), cut off where a child would be `room` half distances away."""
    alpha = 2.0 - (1.0 + room) ** -power
    if drawn * alpha <= 1.0:
        return (drawn * alpha) ** (1.0 / power)
    return (1.0 / (2.0 - drawn * alpha)) ** (1.0 / power)


@njit(cache=True, nogil=True, error_model="numpy")
def _cross(a, b, pairs, genes, drawn, swaps, settings, low, high):  # type: ignore[no-untyped-def]
    """a and b (n, d) become the children; settings: chance of a pair, of a gene, eta + 1."""
    n, d = a.shape
    pair_chance, gene_chance, power = settings
    by_low, by_high = int(low.size > 1), int(high.size > 1)
    for i in range(n):
        if pairs[i] >= pair_chance:
            continue
        for j in range(d):
            if genes[i, j] >= gene_chance:
                continue
            least, most = float(min(a[i, j], b[i, j])), float(max(a[i, j], b[i, j]))
            distance = most - least
            if not distance > _CLOSE:
                continue
            floor, ceiling = low[j * by_low], high[j * by_high]
            below = _spread(2.0 * (least - floor) / distance, drawn[i, j], power)
            above = _spread(2.0 * (ceiling - most) / distance, drawn[i, j], power)
            lower = min(max(0.5 * (least + most - below * distance), floor), ceiling)
            upper = min(max(0.5 * (least + most + above * distance), floor), ceiling)
            if swaps[i, j]:
                lower, upper = upper, lower
            a[i, j], b[i, j] = lower, upper


@njit(cache=True, nogil=True, error_model="numpy")
def _mutate(children, genes, drawn, chance, power, low, high):  # type: ignore[no-untyped-def]
    """Mutates children (n, d) in place; power is eta + 1."""
    n, d = children.shape
    by_low, by_high = int(low.size > 1), int(high.size > 1)
    for i in range(n):
        for j in range(d):
            if genes[i, j] >= chance:
                continue
            floor, ceiling = float(low[j * by_low]), float(high[j * by_high])
            width = ceiling - floor
            if not width > 0.0:
                continue
            x, u = float(children[i, j]), drawn[i, j]
            if u < 0.5:
                rest = (1.0 - (x - floor) / width) ** power
                step = (2.0 * u + (1.0 - 2.0 * u) * rest) ** (1.0 / power) - 1.0
            else:
                rest = (1.0 - (ceiling - x) / width) ** power
                step = 1.0 - (2.0 * (1.0 - u) + (2.0 * u - 1.0) * rest) ** (1.0 / power)
            children[i, j] = min(max(x + step * width, floor), ceiling)


def _chance(name: str, value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} {value!r} given, 0 to 1 wanted")
    return float(value)


def _index(eta: float) -> float:
    if not 0.0 <= eta < np.inf:
        raise ValueError(f"eta {eta!r} given, a finite number of at least 0 wanted: larger stays nearer to the parents")
    return float(eta)


def simulated_binary_crossover(
    a: ArrayLike,
    b: ArrayLike,
    rng: Rng,
    eta: float = 15.0,
    probability: float = 0.9,
    gene_probability: float = 0.5,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two children (n, d) each of the pairs of rows of a and b (n, d): SBX, Deb and Agrawal 1995.

    https://content.wolfram.com/sites/13/2018/02/09-2-2.pdf; kept inside low and high, a number or (d,), as in Deb and
    Beyer 2001 (https://doi.org/10.1162/106365601750190406), section 3.2, by cutting the tail that would leave them.
    In a gene the children lie beta half distances of the parents to either side of the parents' mean, where beta has
    the density (eta + 1) / 2 beta^eta up to 1 and (eta + 1) / 2 beta^-(eta + 2) beyond: without bounds the mean of
    the children is that of the parents.

    probability: of a pair to be crossed at all. gene_probability: of each gene of such a pair. Which child is the
    lower one is an even chance a gene. Solutions may have more axes. Children have the dtype of the parents,
    float32 or float64. Parents outside the bounds are an error of the caller and come back clipped.
    """
    _check_rng(rng)
    first, second = _pair(_real("parents", a), _real("parents", b))
    shape, dtype = first.shape[1:], first.dtype
    bounds = _by_gene("low", low, -np.inf, shape, dtype), _by_gene("high", high, np.inf, shape, dtype)
    settings = _chance("probability", probability), _chance("gene_probability", gene_probability), 1.0 + _index(eta)
    n, d = len(first), prod(shape)
    pairs = rng.random(n)
    genes, drawn = rng.random((n, d)), rng.random((n, d))
    swaps = rng.integers(0, 2, size=(n, d), dtype=np.uint8)
    one, two = first.reshape(n, d).copy(), second.reshape(n, d).copy()
    _cross(one, two, pairs, genes, drawn, swaps, settings, *bounds)
    return one.reshape(first.shape), two.reshape(first.shape)


def polynomial_mutation(
    parents: ArrayLike,
    rng: Rng,
    low: ArrayLike,
    high: ArrayLike,
    eta: float = 20.0,
    probability: float | None = None,
) -> NDArray[Any]:
    """Parents (n, d) with genes moved by Deb's polynomial mutation, never out of low and high, a number or (d,).

    Deb and Goyal 1996; in bounds as in Deb, Pratap, Agarwal and Meyarivan 2002, whose experiments use it
    (https://doi.org/10.1109/4235.996017). Up and down are equally likely. A step of delta (high - low) down has a
    density proportional to (1 - delta)^eta as far as the bound lets it, the same for up.

    probability: of each gene; 1 / d by default, one gene a solution on average. Solutions may have more axes.
    Children have the dtype of the parents, float32 or float64. ValueError for infinite bounds.
    """
    _check_rng(rng)
    source = _real("parents", parents)
    shape, dtype = source.shape[1:], source.dtype
    bounds = _by_gene("low", low, 0.0, shape, dtype), _by_gene("high", high, 0.0, shape, dtype)
    if not (np.isfinite(bounds[0]).all() and np.isfinite(bounds[1]).all()):
        raise ValueError("an infinite low or high given, finite bounds wanted: steps go by their distance")
    n, d = len(source), prod(shape)
    chance = _chance("probability", 1.0 / max(d, 1) if probability is None else probability)
    genes, drawn = rng.random((n, d)), rng.random((n, d))
    children = source.reshape(n, d).copy()
    _mutate(children, genes, drawn, chance, 1.0 + _index(eta), *bounds)
    return children.reshape(source.shape)
