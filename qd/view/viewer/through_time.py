"""A run's map as it stood at earlier generations, and the lines of ancestors of its elites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.store.cells import cells_of
from qd.store.history import NOBODY, History
from qd.view.viewer.archives import Map

FRAMES = 100  # moments that the slider stops at
_EVENTS = 150_000  # changes of cells that a page carries
_NODES = 60_000  # ancestors that a page carries


@dataclass
class Film:
    """The changes of a map.

    Args:
        exact: the changes give, in the end, the very archive; else its elites appear as they were evaluated.
        frame, cell, objective, ids: (e,) the moment, the cell that got a better elite, which, and its number.
    """

    exact: bool
    frame: NDArray[np.int64]
    cell: NDArray[np.int64]
    objective: NDArray[np.float64]
    ids: NDArray[np.int64]


def moments(history: History) -> NDArray[np.int64]:
    """(f,) rising generations that the slider stops at, the last one included."""
    last = int(history.generation.max(initial=0))
    return np.unique(np.linspace(0, last, min(FRAMES, last + 1)).round().astype(np.int64))


def film(made: Map, history: History, stops: NDArray[np.int64]) -> Film | None:
    """How an elitist archive of cells filled; None where its cells hold something else than the best so far."""
    if made.shape == "points" or made.front or history.objective.ndim != 1 or not len(made):
        return None
    if history.measures.shape[1] != len(made.own):
        return None
    search = np.array([name.split("|")[1] == "search" and name.endswith("|") for name in history.settings] or [False])
    rows = np.flatnonzero((history.status == 0) & search[history.setting])
    rows = rows[np.isfinite(history.measures[rows]).all(axis=1)]
    if not len(rows):
        return None
    cell = cells_of(made.stored, history.measures[rows])
    if cell is None:
        return None
    objective = history.objective[rows]
    better = _improvements(cell, objective)
    rows, cell, objective = rows[better], cell[better], objective[better]
    final: dict[int, float] = dict(zip(cell.tolist(), objective.tolist(), strict=True))  # the last is the best
    kept = dict(zip(made.cell.tolist(), made.objective.tolist(), strict=True))
    frame = np.searchsorted(stops, history.generation[rows])
    last = _last_of_each(frame, cell)
    rows, cell, objective, frame = rows[last], cell[last], objective[last], frame[last]
    if final != kept or len(rows) > _EVENTS:
        return None
    return Film(True, frame, cell, objective, rows)


def _improvements(cell: NDArray[np.int64], objective: NDArray[np.float64]) -> NDArray[np.int64]:
    """The rows that were better than all before them in their cell, in order."""
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.r_[True, cell[order][1:] != cell[order][:-1]])
    kept = []
    for begin, end in zip(starts, [*starts[1:], len(order)], strict=True):
        rows = order[begin:end]
        best = np.maximum.accumulate(objective[rows])
        kept.append(rows[np.r_[True, objective[rows][1:] > best[:-1]]])
    return np.sort(np.concatenate(kept)) if kept else np.zeros(0, np.int64)


def _last_of_each(frame: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the changes of a cell within one frame, the last."""
    key = frame * (int(cell.max(initial=0)) + 1) + cell
    _, first = np.unique(key[::-1], return_index=True)
    return np.sort(len(key) - 1 - first)


@dataclass
class Tree:
    """Elites and all their ancestors.

    Args:
        ids: (a,) evaluation numbers, rising.
        parent: (a,) the place of the first parent in ``ids``, -1 for none.
    """

    ids: NDArray[np.int64]
    parent: NDArray[np.int64]


def tree(ids: NDArray[np.int64], history: History) -> Tree:
    """The ancestors of evaluations; where there are too many, of as many of these as fit, the first ones first."""
    found: set[int] = set()
    for number in ids.tolist():
        line = []
        at = number
        while at not in found and NOBODY < at < len(history):
            line.append(at)
            parent = int(history.parents[at, 0])
            at = parent if parent < at else NOBODY
        if len(found) + len(line) > _NODES:
            break
        found.update(line)
    numbers = np.array(sorted(found), np.int64)
    above = history.parents[numbers, 0].astype(np.int64) if len(numbers) else np.zeros(0, np.int64)
    place = np.searchsorted(numbers, above)
    place[(above < 0) | (above >= numbers)] = -1
    return Tree(numbers, place)


__all__ = ["FRAMES", "Film", "Tree", "film", "moments", "tree"]
