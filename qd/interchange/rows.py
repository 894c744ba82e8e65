"""Elites of any archive, live or stored, by their cell or their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qd.errors import QDError
from qd.ragged import Ragged
from qd.store.archive_file import StoredArchive, stored

if TYPE_CHECKING:
    from qd.contracts import Problem


def as_stored(archive: Any, problem: Problem | None = None) -> StoredArchive:
    """A stored archive as it is, a live one through ``stored``, with the names of its problem's measures."""
    if isinstance(archive, StoredArchive):
        return archive
    if not hasattr(archive, "field_list"):
        raise QDError(f"got a {type(archive).__name__}, wanted an archive: live, of qd or pyribs, or a StoredArchive")
    return stored(archive, None if problem is None else problem.truth_space or problem.measure_space)


def elite_at(archive: Any, cell: int | Sequence[int] | None, id: int | None) -> dict[str, Any]:
    """One elite by its cell or its evaluation number; see ``Result.elite``."""
    if (cell is None) == (id is None):
        raise QDError("elite: give one of cell= and id=, e.g. elite(cell=(3, 4))")
    kept = as_stored(archive)
    name = "index" if id is None else "id"
    if name not in kept.fields:
        raise QDError(f"elite: the {kept.kind} keeps no {'cells' if id is None else 'evaluation numbers'}; look in "
                      "result.elites")  # fmt: skip
    wanted = _number(kept, cell) if id is None else int(id)
    rows = np.flatnonzero(np.asarray(kept.fields[name]) == wanted)
    if not len(rows):
        what = f"cell {cell} is empty or not there" if id is None else f"evaluation {id} is no elite"
        raise QDError(f"elite: {what}; the {kept.kind} holds {len(kept)} elites, see result.elites")
    return row_of(kept, int(rows[0]))


def row_of(archive: StoredArchive, row: int) -> dict[str, Any]:
    """One elite as a dict of its fields."""
    found: dict[str, Any] = {}
    if "solution.values" in archive.fields:
        found["solution"] = Ragged(archive.fields["solution.values"], archive.fields["solution.offsets"]).row(row)
    for name, values in archive.fields.items():
        if name == "centroids" or name.startswith("solution."):
            continue
        found[name] = np.copy(values[row])[()]
    return found


def _number(archive: StoredArchive, cell: int | Sequence[int] | None) -> int:
    """The number of a cell, of its place in a grid too."""
    if isinstance(cell, int | np.integer):
        return int(cell)
    dims = archive.meta.get("dims")
    place = [int(part) for part in cell or ()]
    if dims is None:
        raise QDError(f"cell: got {tuple(place)}, but the {archive.kind} is no grid; give the number of the cell")
    if len(place) != len(dims) or any(not 0 <= part < size for part, size in zip(place, dims, strict=False)):
        raise QDError(f"cell: got {tuple(place)}, wanted {len(dims)} numbers, each from 0 and below {list(dims)}")
    return int(np.ravel_multi_index(place, dims))


__all__ = ["as_stored", "elite_at", "row_of"]
