"""Table: named columns side by side that grow as needed; row `slot` of every column is one elite."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from archives.inputs import Fields

NOTHING: NDArray[Any] = np.empty(0)
LARGE = 1 << 24  # bytes of a table beyond which room grows by a quarter, not to the double


@njit(cache=True, nogil=True)
def copy_rows(source, rows, target, slots):  # type: ignore[no-untyped-def]
    """target[slots[i]] = source[rows[i]] on byte rows (n, bytes): one compiled kernel for every dtype."""
    width = source.shape[1]
    for i in range(rows.shape[0]):
        row, slot = rows[i], slots[i]
        for j in range(width):
            target[slot, j] = source[row, j]


def as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """A C-ordered array (n, ...) with n > 0 seen as (n, bytes a row)."""
    return array.reshape(array.shape[0], -1).view(np.uint8)


class Table:
    """Struct of arrays. `columns[name]` has `capacity` rows, of which the first `size` are filled."""

    def __init__(self, fields: Fields, capacity: int) -> None:
        self.fields = fields
        self.size = 0
        self.capacity = capacity
        self._views: dict[str, NDArray[np.uint8]] = {}
        self.columns: dict[str, NDArray[Any]] = {
            name: np.empty((capacity, *shape), dtype) for name, (shape, dtype) in fields.items()
        }

    def reserve(self, size: int) -> None:
        """Room for `size` rows; the filled ones keep their slot.

        Columns grow in place, which for large ones is a matter of page tables: the old and the new never lie beside
        each other. Only a column that somebody holds a view of is copied, so that the view stays valid.
        """
        if size <= self.capacity:
            return
        row = sum(column.nbytes for column in self.columns.values()) // max(self.capacity, 1)
        more = self.capacity if self.capacity * row < LARGE else self.capacity // 4
        capacity = max(size, self.capacity + more)
        self._views.clear()
        for name, (shape, dtype) in self.fields.items():
            column, self.columns[name] = self.columns[name], NOTHING
            try:
                column.resize((capacity, *shape))
            except ValueError:  # it is referenced elsewhere
                grown = np.empty((capacity, *shape), dtype)
                grown[: self.size] = column[: self.size]
                column = grown
            finally:
                self.columns[name] = column
        self.capacity = capacity

    def write(self, batch: Mapping[str, NDArray[Any]], rows: NDArray[np.int64], slots: NDArray[np.int64]) -> None:
        """Copies rows of `batch` to slots; slots are distinct, within capacity. Only these rows are touched."""
        if rows.size == 0:
            return
        for name, source in batch.items():
            target = self.columns[name]
            flags = source.flags
            if source.dtype == target.dtype and flags.c_contiguous and flags.writeable:
                copy_rows(as_bytes(source), rows, self._bytes(name), slots)
            else:
                target[slots] = source[rows]

    def _bytes(self, name: str) -> NDArray[np.uint8]:
        """A column seen as bytes; kept until the table grows."""
        target = self.columns[name]
        view = self._views.get(name)
        if view is None or view.base is not target:
            view = self._views[name] = as_bytes(target)
        return view

    def filled(self, name: str) -> NDArray[Any]:
        """View of the filled rows of one column; valid until the next write that grows the table."""
        return self.columns[name][: self.size]

    def take(self, slots: NDArray[np.integer[Any]]) -> dict[str, NDArray[Any]]:
        """Copies of all columns at `slots` (n,)."""
        return {name: np.take(column, slots, axis=0) for name, column in self.columns.items()}

    def row(self, slot: int) -> dict[str, Any]:
        """One elite: a copy of row `slot`, numpy scalars for scalar columns."""
        return {name: column[slot].copy() for name, column in self.columns.items()}
