"""Several spaces in one genome: a mask and the genes of a strategy, texts and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.ragged import Ragged, Solutions
from qd.space import Space

_LENGTH = np.dtype("<u4")  # how many values a part of a row has, where rows differ


@dataclass(frozen=True, eq=False, repr=False)
class Composite(Space):
    """Parts, each of its own space. A row is the parts' values as bytes, one after the other, uint8.

    Values keep every bit. Where rows of a part differ in length, a row begins with 4 bytes for each such part: how many
    values it has there.

    >>> from qd.space import Box, Mask
    >>> space = Composite({"mask": Mask(3), "rate": Box(0, 1, 1)})
    >>> rows = space.join({"mask": np.array([[1, 0, 1]], np.uint8), "rate": np.array([[0.25]])})
    >>> rows.shape, space.split(rows)["rate"].tolist()
    ((1, 11), [[0.25]])

    Args:
        parts: name -> space.
    """

    parts: Mapping[str, Space]

    def __post_init__(self) -> None:
        parts = dict(self.parts)
        if not parts:
            raise QDError("Composite.parts: got none, wanted a space a name")
        for name, space in parts.items():
            if not isinstance(name, str) or not isinstance(space, Space):
                raise QDError(f"Composite.parts[{name!r}]: got {type(space).__name__}, wanted a space, and a "
                              "text as its name")  # fmt: skip
        object.__setattr__(self, "parts", parts)
        ragged = tuple(name for name, space in parts.items() if space.length < 0)
        widths = [space.length * np.dtype(space.dtype).itemsize for name, space in parts.items() if name not in ragged]
        object.__setattr__(self, "ragged", ragged)
        object.__setattr__(self, "length", -1 if ragged else sum(widths))
        object.__setattr__(self, "_fixed", len(ragged) * _LENGTH.itemsize + sum(widths))
        object.__setattr__(self, "dtype", np.dtype(np.uint8))

    def __repr__(self) -> str:
        return f"Composite({', '.join(f'{name}={space!r}' for name, space in self.parts.items())})"

    def sample(self, n: int, rng: np.random.Generator) -> Solutions:
        return self.join({name: space.sample(n, rng) for name, space in self.parts.items()})

    def join(self, batches: Mapping[str, Solutions]) -> Solutions:
        """One batch of the parts' batches, n rows each. Raises QDError for a missing part or unequal lengths."""
        if set(batches) != set(self.parts):
            raise QDError(f"Composite.join: got parts {', '.join(batches)}, wanted {', '.join(self.parts)}")
        checked = {name: space.check(batches[name]) for name, space in self.parts.items()}
        sizes = {name: len(batch) for name, batch in checked.items()}
        if len(set(sizes.values())) > 1:
            raise QDError(f"Composite.join: got parts of different length: {sizes}")
        n = next(iter(sizes.values()))
        if not self.ragged:  # type: ignore[attr-defined]
            return np.concatenate([_bytes(np.asarray(batch)) for batch in checked.values()], axis=1)
        heads = np.stack([checked[name].lengths for name in self.ragged], axis=1)  # type: ignore[attr-defined,union-attr]
        rows = []
        for i in range(n):
            parts = [np.asarray(batch.row(i) if isinstance(batch, Ragged) else batch[i]) for batch in checked.values()]
            rows.append(np.concatenate([_bytes(row) for row in (heads[i].astype(_LENGTH), *parts)]))
        return Ragged.from_rows(rows, np.uint8)

    def split(self, solutions: Solutions) -> dict[str, Solutions]:
        """Name -> the batch of that part. Raises QDError, naming the row, where the lengths in a row are wrong."""
        batch = self.check(solutions)
        if isinstance(batch, Ragged):
            whole = self._whole(batch)
            if not whole.all():
                raise QDError(f"solutions[{int(whole.argmin())}]: its bytes are not the parts of {self!r}")
            return self._split_ragged(batch)
        found: dict[str, Solutions] = {}
        at = 0
        for name, space in self.parts.items():
            width = space.length * _little(space).itemsize
            found[name] = np.ascontiguousarray(batch[:, at : at + width]).view(_little(space)).astype(space.dtype)
            at += width
        return found

    def _split_ragged(self, batch: Ragged) -> dict[str, Solutions]:
        rows: dict[str, list[NDArray[Any]]] = {name: [] for name in self.parts}
        for row, lengths in zip(batch, self._lengths(batch), strict=True):
            at = len(lengths) * _LENGTH.itemsize
            left = iter(lengths)
            for name, space in self.parts.items():
                count = next(left) if space.length < 0 else space.length
                end = at + int(count) * _little(space).itemsize
                rows[name].append(row[at:end].copy().view(_little(space)).astype(space.dtype))
                at = end
        return {
            name: Ragged.from_rows(rows[name], space.dtype)
            if space.length < 0
            else np.array(rows[name], space.dtype).reshape(len(batch), space.length)
            for name, space in self.parts.items()
        }

    def _lengths(self, batch: Ragged) -> list[NDArray[np.int64]]:
        """Of each row with a whole head, how many values each ragged part has."""
        head = len(self.ragged) * _LENGTH.itemsize  # type: ignore[attr-defined]
        return [row[:head].copy().view(_LENGTH).astype(np.int64) for row in batch]

    def _whole(self, batch: Ragged) -> NDArray[np.bool_]:
        """(n,) which rows have as many bytes as their lengths announce."""
        whole = batch.lengths >= self._fixed  # type: ignore[attr-defined]
        sizes = np.array([_little(self.parts[name]).itemsize for name in self.ragged], np.int64)  # type: ignore[attr-defined]
        good = np.flatnonzero(whole)
        announced = [int((lengths * sizes).sum()) + self._fixed for lengths in self._lengths(batch[good])]  # type: ignore[attr-defined]
        whole[good] = batch.lengths[good] == np.array(announced, np.int64)
        return whole

    def check(self, solutions: Any) -> Solutions:
        if self.length >= 0:
            return super().check(solutions)
        if not isinstance(solutions, Ragged) or solutions.dtype != np.uint8:
            found = solutions.dtype if isinstance(solutions, Ragged) else type(solutions).__name__
            raise QDError(f"solutions: got {found}, {self!r} wants the ragged bytes that Composite.join makes")
        return solutions

    def valid(self, solutions: Solutions) -> NDArray[np.bool_] | None:
        batch = self.check(solutions)
        inside = self._whole(batch) if isinstance(batch, Ragged) else np.ones(len(batch), np.bool_)
        good = np.flatnonzero(inside)
        parts = self.split(batch[good])
        for name, space in self.parts.items():
            answer = space.valid(parts[name])
            if answer is not None:
                inside[good] &= answer
        return None if inside.all() else inside


def _little(space: Space) -> np.dtype[Any]:
    return np.dtype(space.dtype).newbyteorder("<")


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """(..., d) values as (..., d * itemsize) bytes, lower first."""
    little = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
    if little.size == 0:
        return np.zeros((*little.shape[:-1], little.shape[-1] * little.itemsize), np.uint8)
    return little.view(np.uint8)
