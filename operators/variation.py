"""Children from parents: Gaussian and line mutation of real genomes, bit flips of masks, crossover of any genome."""

from math import prod
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from operators.normals import standard_normals

Rng = np.random.Generator


@njit(cache=True, nogil=True)
def _add_noise(solutions, index, noise, sigma, low, high):  # type: ignore[no-untyped-def]
    """noise (n, d) becomes the children of solutions[index]; sigma, low and high have d entries, or 1 for all genes.

    Returns whether all indices were rows of solutions; where one is not, it stops.
    """
    n, d = noise.shape
    by_gene, by_low, by_high = int(sigma.size > 1), int(low.size > 1), int(high.size > 1)
    for i in range(n):
        a = index[i]
        if a < 0 or a >= solutions.shape[0]:
            return False
        for j in range(d):
            x = solutions[a, j] + sigma[j * by_gene] * noise[i, j]
            noise[i, j] = min(max(x, low[j * by_low]), high[j * by_high])
    return True


@njit(cache=True, nogil=True)
def _add_line(  # type: ignore[no-untyped-def]
    solutions, first, second, noise, line, iso_sigma, line_sigma, low, high
):
    """noise (n, d) becomes the children of solutions[first] and solutions[second]; line (n,) goes along the two.

    Returns whether all indices were rows of solutions; where one is not, it stops.
    """
    n, d = noise.shape
    by_low, by_high = int(low.size > 1), int(high.size > 1)
    for i in range(n):
        a, b = first[i], second[i]
        if a < 0 or b < 0 or a >= solutions.shape[0] or b >= solutions.shape[0]:
            return False
        along = line_sigma * line[i]
        for j in range(d):
            x = solutions[a, j] + iso_sigma * noise[i, j] + along * (solutions[b, j] - solutions[a, j])
            noise[i, j] = min(max(x, low[j * by_low]), high[j * by_high])
    return True


def _check_rng(rng: Rng) -> None:
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng of type {type(rng).__name__} given, a numpy.random.Generator wanted")


def _real(name: str, values: ArrayLike) -> NDArray[Any]:
    """Genomes as float32 or float64 (n, ...), C-ordered."""
    array = np.asarray(values)
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} of dtype {array.dtype} given, float32 or float64 wanted: use the operators on masks")
    if array.ndim < 2:
        raise ValueError(f"{name} of shape {array.shape} given, (n, d) wanted: one row a solution")
    return np.ascontiguousarray(array)


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape or first.dtype != second.dtype or first.ndim < 2:
        raise ValueError(
            f"parents of shapes {first.shape}, {second.shape}, dtypes {first.dtype}, {second.dtype} given, "
            "two arrays (n, d) of one shape and dtype wanted"
        )
    return first, second


def _by_gene(name: str, value: ArrayLike | None, default: float, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """A scalar as (1,), an array over genes as (d,)."""
    array = np.asarray(default if value is None else value, dtype=dtype)
    if array.ndim == 0:
        return array.reshape(1)
    if array.shape != shape:
        raise ValueError(f"{name} of shape {array.shape} given, a number or {shape} wanted: one a gene")
    return np.array(array, copy=True).ravel()


def gaussian(
    parents: ArrayLike, rng: Rng, sigma: ArrayLike, low: ArrayLike | None = None, high: ArrayLike | None = None
) -> NDArray[Any]:
    """Parents (n, d) plus normal noise of deviation sigma, a number or (d,), clipped to low and high (the same).

    Solutions may have more axes, (n, *shape). Children have the dtype of the parents, float32 or float64.
    """
    source = _real("parents", parents)
    return gaussian_from(source, np.arange(len(source)), rng, sigma, low, high)


def gaussian_from(
    solutions: ArrayLike,
    index: ArrayLike,
    rng: Rng,
    sigma: ArrayLike,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
) -> NDArray[Any]:
    """`gaussian` on rows of solutions (s, d) named by an index array (n,), without copying the rows out first.

    Same bits as gaussian(solutions[index], ...). ValueError for indices outside 0 to s - 1.
    """
    _check_rng(rng)
    source = _real("solutions", solutions)
    rows = np.ascontiguousarray(index, dtype=np.int64)
    if rows.ndim != 1:
        raise ValueError(f"index of shape {rows.shape} given, (n,) wanted")
    shape, dtype = source.shape[1:], source.dtype
    scale = _by_gene("sigma", sigma, 0.0, shape, dtype)
    bounds = _by_gene("low", low, -np.inf, shape, dtype), _by_gene("high", high, np.inf, shape, dtype)
    n, d = len(rows), prod(shape)
    children = standard_normals(rng, n * d, dtype).reshape(n, d)
    if not _add_noise(source.reshape(len(source), d), rows, children, scale, *bounds):
        raise ValueError(f"an index outside the rows of solutions given, 0 to {len(source) - 1} wanted")
    return children.reshape(n, *shape)


def iso_line_from(
    solutions: ArrayLike,
    parents_index: ArrayLike,
    others_index: ArrayLike,
    rng: Rng,
    iso_sigma: float = 0.01,
    line_sigma: float = 0.2,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
) -> NDArray[Any]:
    """`iso_line` on rows of solutions (s, d) named by two index arrays (n,), without copying the rows out first.

    Same bits as iso_line(solutions[parents_index], rng=rng, other=solutions[others_index], ...).
    ValueError for indices outside 0 to s - 1.
    """
    _check_rng(rng)
    source = _real("solutions", solutions)
    first = np.ascontiguousarray(parents_index, dtype=np.int64)
    second = np.ascontiguousarray(others_index, dtype=np.int64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"parents_index of shape {first.shape}, others_index of shape {second.shape} given, (n,) wanted for both"
        )
    return _iso_line(source, first, second, rng, iso_sigma, line_sigma, low, high)


def iso_line(
    parents: ArrayLike,
    other: ArrayLike,
    rng: Rng,
    iso_sigma: float = 0.01,
    line_sigma: float = 0.2,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
) -> NDArray[Any]:
    """Iso+LineDD (Vassiliades & Mouret 2018), https://arxiv.org/abs/1804.03906, equation 2.

    Children (n, d) of parents (n, d) and other (n, d): parent + iso_sigma N(0, I) + line_sigma N(0, 1) (other -
    parent), the second normal one number a row; clipped to low and high, a number or (d,) each. Solutions may have more
    axes. Children have the dtype of the parents, float32 or float64.
    """
    _check_rng(rng)
    a, b = _pair(_real("parents", parents), _real("other", other))
    rows = np.arange(len(a))
    if a is b:
        return _iso_line(a, rows, rows, rng, iso_sigma, line_sigma, low, high)
    return _iso_line(np.concatenate((a, b)), rows, rows + len(a), rng, iso_sigma, line_sigma, low, high)


def _iso_line(
    source: NDArray[Any],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    rng: Rng,
    iso_sigma: float,
    line_sigma: float,
    low: ArrayLike | None,
    high: ArrayLike | None,
) -> NDArray[Any]:
    shape, dtype = source.shape[1:], source.dtype
    bounds = _by_gene("low", low, -np.inf, shape, dtype), _by_gene("high", high, np.inf, shape, dtype)
    n, d = len(first), prod(shape)
    drawn = standard_normals(rng, n * d + n, dtype)
    children = drawn[: n * d].reshape(n, d)
    sigmas = dtype.type(iso_sigma), dtype.type(line_sigma)
    if not _add_line(source.reshape(len(source), d), first, second, children, drawn[n * d :], *sigmas, *bounds):
        raise ValueError(f"an index outside the rows of solutions given, 0 to {len(source) - 1} wanted")
    return children.reshape(n, *shape)


def bit_flip(parents: ArrayLike, rng: Rng, probability: ArrayLike) -> NDArray[Any]:
    """Masks (n, d) of bool or of uint8 zeros and ones, each bit flipped with `probability`, a number or (d,).

    A probability of 0 keeps a bit frozen. Children have the dtype of the parents.
    """
    _check_rng(rng)
    masks = np.asarray(parents)
    if masks.dtype not in (np.bool_, np.uint8):
        raise TypeError(f"parents of dtype {masks.dtype} given, bool or uint8 wanted: they are masks")
    if masks.ndim < 2:
        raise ValueError(f"parents of shape {masks.shape} given, (n, d) wanted: one row a solution")
    if masks.dtype == np.uint8 and masks.size and masks.max() > 1:
        raise ValueError(f"parents with the value {masks.max()} given, 0 and 1 wanted")
    chance = np.asarray(probability, dtype=np.float64)
    if chance.ndim and chance.shape != masks.shape[1:]:
        raise ValueError(f"probability of shape {chance.shape} given, a number or {masks.shape[1:]} wanted")
    if not ((chance >= 0) & (chance <= 1)).all():
        raise ValueError(f"probability {probability!r} given, 0 to 1 wanted")
    return masks ^ (rng.random(masks.shape) < chance).astype(masks.dtype)


def uniform_crossover(a: ArrayLike, b: ArrayLike, rng: Rng) -> NDArray[Any]:
    """One child a pair of rows of a and b (n, d): each gene from a or b with even chance. Any dtype."""
    _check_rng(rng)
    first, second = _pair(a, b)
    return np.where(rng.integers(0, 2, size=first.shape, dtype=np.uint8).view(np.bool_), first, second)


def one_point_crossover(a: ArrayLike, b: ArrayLike, rng: Rng) -> NDArray[Any]:
    """One child a pair of rows of a and b (n, d): a before a cut drawn evenly from 1 to d - 1, b from it on. Any dtype.

    Solutions with more axes are cut in row-major order. ValueError for d < 2: there is no place to cut.
    """
    _check_rng(rng)
    first, second = _pair(a, b)
    n, d = len(first), int(np.prod(first.shape[1:]))
    if d < 2:
        raise ValueError(f"solutions of {d} genes given, at least 2 wanted: one gene cannot be cut")
    cut = rng.integers(1, d, size=(n, 1))
    from_first = (np.arange(d) < cut).reshape(first.shape)
    return np.where(from_first, first, second)
