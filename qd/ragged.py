"""Rows of different lengths as two arrays: a batch is never a list of objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError


class Ragged:
    """A batch of n rows of different lengths, stored end to end.

    Args:
        values: (total,) all rows, one after another.
        offsets: (n + 1,) row i is ``values[offsets[i]:offsets[i + 1]]``.

    >>> batch = Ragged.from_rows([[1, 2, 3], [], [4]])
    >>> len(batch), batch.row(0).tolist(), batch[[2, 0]].lengths.tolist()
    (3, [1, 2, 3], [1, 3])
    """

    __slots__ = ("offsets", "values")

    def __init__(self, values: NDArray[Any], offsets: NDArray[Any]) -> None:
        self.values = np.asarray(values)
        self.offsets = np.asarray(offsets, np.int64)
        if self.values.ndim != 1 or self.offsets.ndim != 1 or len(self.offsets) == 0:
            raise QDError("Ragged wants values (total,) and offsets (n + 1,), both one-dimensional")
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.values) or (np.diff(self.offsets) < 0).any():
            raise QDError(
                f"Ragged offsets must rise from 0 to len(values) = {len(self.values)}, "
                f"got {self.offsets[:3]}...{self.offsets[-1]}"
            )

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[Any] | NDArray[Any]], dtype: Any = np.int32) -> Ragged:
        """A batch from any sequence of rows."""
        parts = [np.asarray(row, dtype).reshape(-1) for row in rows]
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return cls(np.concatenate(parts) if parts else np.zeros(0, dtype), offsets)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) the length of each row."""
        return np.diff(self.offsets)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return self.values.dtype

    def row(self, i: int) -> NDArray[Any]:
        """Row i, as a view."""
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self.row(i) for i in range(len(self)))

    def __getitem__(self, rows: slice | Sequence[int] | NDArray[Any]) -> Ragged:
        """The batch of the chosen rows (a slice, an index array or a mask)."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                stop = max(start, stop)
                offsets = self.offsets[start : stop + 1]
                return Ragged(self.values[offsets[0] : offsets[-1]], offsets - offsets[0])
        index = np.arange(len(self))[rows]
        return Ragged.from_rows([self.row(i) for i in index], self.dtype)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Ragged)
            and np.array_equal(self.values, other.values)
            and np.array_equal(self.offsets, other.offsets)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ragged({len(self)} rows, {len(self.values)} values, {self.dtype})"


Solutions = NDArray[Any] | Ragged
"""A batch of solutions: fixed width ``(n, d)``, or ragged."""


def concatenate(batches: Sequence[Solutions]) -> Solutions:
    """The rows of several batches of one kind, in order."""
    first = batches[0]
    if isinstance(first, Ragged):
        return Ragged.from_rows([row for batch in batches for row in batch], first.dtype)
    return np.concatenate([np.asarray(batch) for batch in batches])
