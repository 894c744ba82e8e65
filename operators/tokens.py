"""Variation of token sequences: integers of any shape, or rows of different lengths as values and offsets."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rng = np.random.Generator


def replace_tokens(tokens: ArrayLike, rng: Rng, probability: float, alphabet: int) -> NDArray[Any]:
    """Tokens of any shape, each replaced with `probability` by another one of 0 .. alphabet - 1, never by itself.

    Rows of different lengths are given as their values end to end. An alphabet of one token changes nothing.
    """
    parents = _tokens("tokens", tokens)
    if not 0 <= probability <= 1:
        raise ValueError(f"probability {probability} given, 0 to 1 wanted")
    if parents.size and (parents.min() < 0 or parents.max() >= alphabet):
        raise ValueError(f"tokens from {parents.min()} to {parents.max()} given, 0 to {alphabet - 1} wanted")
    if alphabet < 2:
        return parents.copy()
    chosen = rng.random(parents.shape) < probability
    step = rng.integers(1, alphabet, size=parents.shape)  # a step around the alphabet that is never a whole turn
    return np.where(chosen, (parents + step) % alphabet, parents).astype(parents.dtype)


def crossover_tokens(
    first: ArrayLike, first_offsets: ArrayLike, second: ArrayLike, second_offsets: ArrayLike, rng: Rng
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """One child a pair of rows, as (values, offsets): as long as the first, each token from either with even chance.

    Where the second is shorter, the rest is the first's. Row i is values[offsets[i] : offsets[i + 1]].
    """
    a, b = _tokens("first", first), _tokens("second", second)
    starts, others = np.asarray(first_offsets, dtype=np.int64), np.asarray(second_offsets, dtype=np.int64)
    if starts.shape != others.shape:
        raise ValueError(f"{len(starts) - 1} rows of first and {len(others) - 1} of second given, as many wanted")
    if starts[-1] != len(a) or others[-1] != len(b):
        raise ValueError(f"offsets that end at {starts[-1]} and {others[-1]} given for {len(a)} and {len(b)} tokens")
    row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))  # (total,) of each token of first
    place = np.arange(len(a)) - starts[row]
    shared = place < np.diff(others)[row]
    swapped = np.flatnonzero(shared & (rng.random(len(a)) < 0.5))
    children = a.copy()
    children[swapped] = b[others[row[swapped]] + place[swapped]]
    return children, starts.copy()


def edit_tokens(
    values: ArrayLike,
    offsets: ArrayLike,
    rng: Rng,
    alphabet: int,
    max_length: int,
    min_length: int = 0,
    edits: int = 1,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """One child a row, as (values, offsets): so many edits, each an insertion, deletion, replacement or swap.

    The kinds are equally likely; an edit that the lengths forbid, or that has nothing to work on, becomes a
    replacement, and in an empty row an insertion. Row i is values[offsets[i] : offsets[i + 1]].
    """
    parents, starts = _tokens("values", values), np.asarray(offsets, dtype=np.int64)
    if not 0 <= min_length <= max_length or max_length < 1:
        raise ValueError(f"lengths {min_length} to {max_length} given, 0 <= min_length <= max_length wanted")
    if edits < 1 or alphabet < 1:
        raise ValueError(f"{edits} edits and an alphabet of {alphabet} given, at least 1 of each wanted")
    children = []
    for start, stop in pairwise(starts.tolist()):
        row = parents[start:stop].tolist()
        for kind, place, token in zip(
            rng.integers(0, 4, edits), rng.random((edits, 2)), rng.integers(0, alphabet, edits), strict=True
        ):
            at = int(place[0] * len(row))
            if (kind == 0 or not row) and len(row) < max_length:
                row.insert(int(place[0] * (len(row) + 1)), int(token))
            elif kind == 1 and len(row) > max(min_length, 1):
                del row[at]
            elif kind == 2 and len(row) > 1:
                other = int(place[1] * len(row))
                row[at], row[other] = row[other], row[at]
            elif row:
                row[at] = int(token)
        children.append(np.array(row, parents.dtype))
    lengths = np.array([0, *(len(row) for row in children)], np.int64)
    return np.concatenate([parents[:0], *children]), np.cumsum(lengths)


def _tokens(name: str, values: ArrayLike) -> NDArray[Any]:
    tokens = np.asarray(values)
    if tokens.dtype.kind not in "iu":
        raise TypeError(f"{name} of dtype {tokens.dtype} given, whole numbers wanted: they are tokens")
    return tokens
