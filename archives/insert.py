"""Kernels of insertion into cells: which cell, who wins it, and the commit. They know no geometry but the grid's.

The rule is that of MAP-Elites (Mouret & Clune 2015), https://arxiv.org/abs/1504.04909, with the soft thresholds of
CMA-MAE (Fontaine & Nikolaidis 2023), https://arxiv.org/abs/2205.10752, in its batch form.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def grid_cells(measures, objective, low, interval, dims, epsilon, cells):  # type: ignore[no-untyped-def]
    """Fills cells (n,) with the row-major cell of each row; returns the first row that is not finite, or -1.

    objective may have length 0 where there is none. The arithmetic is pyribs': the difference in the dtype of the
    measures, the rest in float64; but what lies beyond the range is clipped before it is made an integer.
    """
    n, m = measures.shape
    for i in range(n):
        cell = np.int64(0)
        fine = True
        for j in range(m):
            fine = fine and np.isfinite(measures[i, j])
            difference = np.float64(measures[i, j] - low[j])
            position = (np.float64(dims[j]) * difference + np.float64(epsilon)) / np.float64(interval[j])
            if position >= dims[j]:
                step = np.int64(dims[j] - 1)
            elif position > 0.0:
                step = np.int64(position)
            else:
                step = np.int64(0)
            cell = cell * dims[j] + step
        if not fine or (objective.shape[0] > 0 and not np.isfinite(objective[i])):
            return i
        cells[i] = cell
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def compete(  # type: ignore[no-untyped-def]
    cells,
    objective,
    slot_of_cell,
    stored_objective,
    stored_threshold,
    size,
    threshold_min,
    new_base,
    keep,
    status,
    value,
):
    """Judges a batch against the archive as it was before it; nothing stored is changed.

    slot_of_cell (cells,): slot of the elite, -1 where there is none. new_base: what value is counted from in an
    empty cell. keep: 1 - learning rate. Fills status (n,) and value (n,); returns, one entry a cell that is won: the
    winning row, its slot, its new threshold; then how many of the slots are new, which entry has the best objective,
    and by how much the sum of objectives grows. New slots are size, size + 1 ... in order of cell number. Ties go to
    the first row, and to the lowest cell.
    """
    n = cells.shape[0]
    hard = threshold_min == -np.inf
    rows = np.empty(n, np.int64)
    slots = np.empty(n, np.int64)
    thresholds = np.empty(n, stored_threshold.dtype)
    sums = np.empty(n, stored_threshold.dtype)
    counts = np.empty(n, np.int64)
    groups = 0
    created = 0
    for i in range(n):
        # A cell that is being won carries -2 - its group in slot_of_cell until the end of this function.
        slot = np.int64(slot_of_cell[cells[i]])
        group = np.int64(-1)
        if slot <= -2:
            group = -2 - slot
            slot = slots[group]
        if slot >= 0:
            threshold = stored_threshold[slot]
            base = threshold
        else:
            threshold = threshold_min
            base = new_base
        value[i] = objective[i] - base
        if not objective[i] > threshold:
            status[i] = 0
            continue
        status[i] = 1 if slot >= 0 else 2
        if group < 0:
            group = np.int64(groups)
            groups += 1
            rows[group] = i
            slots[group] = slot
            sums[group] = objective[i]
            counts[group] = 1
            slot_of_cell[cells[i]] = -2 - group
            if slot < 0:
                created += 1
        else:
            sums[group] += objective[i]
            counts[group] += 1
            if objective[i] > objective[rows[group]]:
                rows[group] = i

    new_cells = np.empty(created, np.int32)
    at = 0
    best = 0
    growth = 0.0
    for g in range(groups):
        row, slot = rows[g], slots[g]
        if objective[row] > objective[rows[best]] or (
            objective[row] == objective[rows[best]] and cells[row] < cells[rows[best]]
        ):
            best = g
        growth += np.float64(objective[row])
        if slot >= 0:
            growth -= np.float64(stored_objective[slot])
        else:
            new_cells[at] = cells[row]
            at += 1
        if hard:
            thresholds[g] = objective[row]
        else:
            start = np.float64(stored_threshold[slot]) if slot >= 0 else np.float64(threshold_min)
            kept = np.float64(keep) ** np.float64(counts[g])
            thresholds[g] = kept * start + (np.float64(sums[g]) / counts[g]) * (1.0 - kept)
    new_cells.sort()
    for r in range(created):
        slots[-2 - np.int64(slot_of_cell[new_cells[r]])] = size + r
    for g in range(groups):
        slot_of_cell[cells[rows[g]]] = slots[g] if slots[g] < size else -1
    return rows[:groups], slots[:groups], thresholds[:groups], created, best, growth


@njit(cache=True, nogil=True)
def commit(  # type: ignore[no-untyped-def]
    rows, slots, thresholds, cells, objective, slot_of_cell, stored_objective, stored_threshold, stored_index
):
    """Stores what `compete` decided, once there is room for the new slots."""
    for g in range(rows.shape[0]):
        row, slot = rows[g], slots[g]
        slot_of_cell[cells[row]] = slot
        stored_objective[slot] = objective[row]
        stored_threshold[slot] = thresholds[g]
        stored_index[slot] = cells[row]
