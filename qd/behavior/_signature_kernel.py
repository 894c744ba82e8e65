"""Numba kernels of the signature transform: LANES paths in step, and the logarithm of a truncated tensor.

A signature is kept as ``words``: level 1, then level 2 and so on, a level's words in lexicographic order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Paths that go through a segment together. The loop over them is what becomes SIMD: it must be too long to be unrolled
# before (16 and 32 are, and take 3 times as long), and 48 signatures of depth 5 in the plane fit the nearest cache.
LANES = 48


def offsets(letters: int, depth: int) -> tuple[int, ...]:
    """(depth + 2,) where level j begins in a signature; entry 0 is not used, the last is the length of it all."""
    found = [0, 0]
    for j in range(1, depth + 1):
        found.append(found[-1] + letters**j)
    return tuple(found)


@cache
def signatures(letters: int, depth: int) -> Callable[..., None]:
    """The kernel for paths of so many coordinates, time included, compiled for those sizes.

    ``run(paths, tick, out)``:
        paths: (n, T, letters) float64, or (n, T, letters - 1) where time is the last letter.
        tick: what time advances a step; not read where paths have all letters.
        out: (n, words) out.

    A path's numbers never depend on the paths beside it: each lane does the same sums by itself.
    """
    places = offsets(letters, depth)
    words = tuple(letters**j for j in range(depth + 1))
    size = places[depth + 1]
    row = letters * LANES
    chain = size * LANES  # after the signatures: the running product of Horner's scheme
    steps = chain + places[depth] * LANES  # after it: the segment's increment, and it over 2, 3 .. depth
    slots = steps + (depth + 1) * row
    step = steps + row

    @njit(cache=True, nogil=True, error_model="numpy")
    def run(paths, tick, out):  # type: ignore[no-untyped-def]
        n, moments, given = paths.shape
        lanes = np.zeros(slots)
        for first in range(0, n, LANES):
            rows = min(LANES, n - first)
            lanes[:] = 0.0
            for w in range(rows):
                for a in range(given, letters):
                    lanes[step + a * LANES + w] = tick
            for t in range(1, moments):
                for w in range(rows):
                    for a in range(given):
                        lanes[step + a * LANES + w] = paths[first + w, t, a] - paths[first + w, t - 1, a]
                for m in range(2, depth + 1):
                    share = 1.0 / m
                    for i in range(row):
                        lanes[steps + m * row + i] = lanes[step + i] * share
                # Chen's product with the segment's exponential, level by level from the last, which no other reads:
                # S_k <- S_k + (S_(k-1) + (S_(k-2) + ... (S_1 + x/k) x/(k-1) ...) x/2) x
                for k in range(depth, 1, -1):
                    for i in range(row):
                        lanes[chain + i] = lanes[steps + k * row + i] + lanes[i]
                    for j in range(2, k):
                        source, target = chain + places[j - 1] * LANES, chain + places[j] * LANES
                        level, x = places[j] * LANES, steps + (k - j + 1) * row
                        for p in range(words[j - 1]):
                            for a in range(letters):
                                for w in range(LANES):
                                    lanes[target + (p * letters + a) * LANES + w] = (
                                        lanes[source + p * LANES + w] * lanes[x + a * LANES + w]
                                        + lanes[level + (p * letters + a) * LANES + w]
                                    )
                    source, level = chain + places[k - 1] * LANES, places[k] * LANES
                    for p in range(words[k - 1]):
                        for a in range(letters):
                            for w in range(LANES):
                                lanes[level + (p * letters + a) * LANES + w] += (
                                    lanes[source + p * LANES + w] * lanes[step + a * LANES + w]
                                )
                for i in range(row):
                    lanes[i] += lanes[step + i]
            for w in range(rows):
                for q in range(size):
                    out[first + w, q] = lanes[q * LANES + w]

    return run


@njit(cache=True, nogil=True, error_model="numpy")
def logarithms(
    signatures: NDArray[np.float64],
    letters: int,
    places: NDArray[np.int64],
    starts: NDArray[np.int64],
    columns: NDArray[np.int64],
    factors: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Logarithms of truncated tensors 1 + t, in coordinates that are sparse sums of their words.

    Args:
        signatures: (n, words) t.
        letters: coordinates of the paths.
        places: (depth + 2,) of ``offsets``.
        starts: (m + 1,) where each coordinate's terms begin.
        columns, factors: (terms,) the terms: which word, times what.
        out: (n, m) out.
    """
    n, size = signatures.shape
    depth = len(places) - 2
    tensor, product = np.empty(size), np.empty(size)
    for i in range(n):
        # log(1 + t) = t (1 - t (1/2 - t (1/3 - ...))); a tensor is its scalar and its words
        scalar = 1.0 / depth
        tensor[:] = 0.0
        for m in range(depth - 1, -1, -1):
            length = 1
            for j in range(1, depth + 1):  # level j of t times the tensor: t has no level 0
                length *= letters
                for q in range(length):
                    product[places[j] + q] = signatures[i, places[j] + q] * scalar
                right = 1
                for r in range(1, j):
                    right *= letters
                    left = length // right
                    for p in range(left):
                        factor = signatures[i, places[j - r] + p]
                        for q in range(right):
                            product[places[j] + p * right + q] += factor * tensor[places[r] + q]
            scalar = 1.0 / m if m > 0 else 0.0
            sign = -1.0 if m > 0 else 1.0
            for q in range(size):
                tensor[q] = sign * product[q]
        for c in range(len(starts) - 1):
            total = 0.0
            for e in range(starts[c], starts[c + 1]):
                total += factors[e] * tensor[columns[e]]
            out[i, c] = total
