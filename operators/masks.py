"""Variation of masks (n, d) of 0 and 1, what is dropped and what is kept: drop, restore, cross at given places.

An operator that may find nothing to do returns (children, ok): rows with ok False are copies of their parents.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from operators.variation import uniform_crossover

Rng = np.random.Generator


def drop(
    masks: ArrayLike, rng: Rng, most: int = 4, frozen: Sequence[int] = (), redraws: int = 10
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Children (n, d) that keep less, and which rows have one (n,): the mutation of PromptQuine,
    https://arxiv.org/abs/2506.17930.

    How many ones go is drawn evenly from 1 to `most`, and must be below the number of ones outside `frozen`, so that
    one of them is always left; it is drawn again up to `redraws` times. Which ones go is drawn evenly.

    >>> drop([[True, True, True, False]], np.random.default_rng(0), most=1, frozen=(0,))[0].sum()
    np.int64(2)
    """
    parents = _masks("masks", masks)
    _check_most(most)
    if redraws < 0:
        raise ValueError(f"redraws {redraws} given, at least 0 wanted")
    free = parents.astype(np.bool_)  # (n, d) what may go
    free[:, _positions(frozen, parents.shape[1])] = False
    drawn = rng.integers(1, most + 1, size=(len(parents), 1 + redraws))
    fits = drawn < free.sum(axis=1, keepdims=True)  # (n, 1 + redraws)
    ok: NDArray[np.bool_] = fits.any(axis=1)
    count = np.where(ok, np.take_along_axis(drawn, fits.argmax(axis=1)[:, None], axis=1)[:, 0], 0)
    return _flipped(parents, free, count, rng), ok


def restore(masks: ArrayLike, rng: Rng, most: int = 4) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Children (n, d) that keep more, and which rows have one (n,): all but those that keep everything already.

    How many zeros come back is drawn evenly from 1 to `most`, or to as many as there are; which ones, evenly too.
    """
    parents = _masks("masks", masks)
    _check_most(most)
    dropped = ~parents.astype(np.bool_)
    there = dropped.sum(axis=1)
    ok: NDArray[np.bool_] = there > 0
    count = rng.integers(1, np.clip(there, 1, most) + 1)
    return _flipped(parents, dropped, np.where(ok, count, 0), rng), ok


def drop_restore(
    masks: ArrayLike, rng: Rng, most: int = 4, frozen: Sequence[int] = (), restore_probability: float = 0.5
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Each row by `restore` with that probability, else by `drop`; by the other of the two where the one finds nothing.

    For archives: dropping alone never leads back to the cells of long masks.
    """
    parents = _masks("masks", masks)
    if not 0 <= restore_probability <= 1:
        raise ValueError(f"restore_probability {restore_probability} given, 0 to 1 wanted")
    restoring = rng.random(len(parents)) < restore_probability
    shorter, can_drop = drop(parents, rng, most, frozen)
    longer, can_restore = restore(parents, rng, most)
    chosen = (restoring & can_restore) | ~can_drop
    return np.where(chosen[:, None], longer, shorter), can_drop | can_restore


def cut_crossover(first: ArrayLike, second: ArrayLike, rng: Rng, cuts: Sequence[int] = ()) -> NDArray[Any]:
    """One child (n, d) a pair of rows: `first` before a place drawn evenly from `cuts`, `second` from it on.

    Without cuts each gene comes from either parent with even chance.
    """
    a, b = _masks("first", first), _masks("second", second)
    if a.shape != b.shape:
        raise ValueError(f"first of shape {a.shape} and second of shape {b.shape} given, one shape wanted")
    places = np.asarray(cuts, dtype=np.int64).reshape(-1)
    if places.size == 0:
        return uniform_crossover(a, b, rng)
    if places.min() < 1 or places.max() >= a.shape[1]:
        raise ValueError(f"cuts {places.tolist()} given, places from 1 to {a.shape[1] - 1} wanted")
    cut = places[rng.integers(0, places.size, size=(len(a), 1))]
    return np.where(np.arange(a.shape[1]) < cut, a, b)


def _flipped(parents: NDArray[Any], choices: NDArray[np.bool_], count: NDArray[np.int64], rng: Rng) -> NDArray[Any]:
    """The parents with `count` (n,) of each row's `choices` (n, d) flipped, drawn evenly."""
    keys = np.where(choices, rng.random(parents.shape), 2.0)  # what is no choice sorts last
    rank = np.argsort(np.argsort(keys, axis=1, kind="stable"), axis=1, kind="stable")
    return parents ^ (rank < count[:, None]).astype(parents.dtype)


def _masks(name: str, values: ArrayLike) -> NDArray[Any]:
    masks = np.asarray(values)
    if masks.dtype not in (np.bool_, np.uint8):
        raise TypeError(f"{name} of dtype {masks.dtype} given, bool or uint8 wanted: they are masks")
    if masks.ndim != 2:
        raise ValueError(f"{name} of shape {masks.shape} given, (n, d) wanted: one row a solution")
    if masks.dtype == np.uint8 and masks.size and masks.max() > 1:
        raise ValueError(f"{name} with the value {masks.max()} given, 0 and 1 wanted")
    return masks


def _positions(frozen: Sequence[int], length: int) -> NDArray[np.int64]:
    places = np.asarray(frozen, dtype=np.int64).reshape(-1)
    if places.size and (places.min() < 0 or places.max() >= length):
        raise ValueError(f"frozen {places.tolist()} given, positions from 0 to {length - 1} wanted")
    return places


def _check_most(most: int) -> None:
    if most < 1:
        raise ValueError(f"most {most} given, at least 1 wanted")
