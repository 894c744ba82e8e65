"""Plain numpy twins of the front sort, the crowding distance and the Pareto cells: by the definitions, all pairs."""

import numpy as np


def domination(values):
    """(n, n) whether row i dominates row j."""
    return (values[:, None] >= values[None]).all(axis=2) & (values[:, None] > values[None]).any(axis=2)


def ranks(values):
    """Fronts peeled off one after the other."""
    values = np.asarray(values, float)
    over, found, front = domination(values), np.full(len(values), -1), 0
    while (found < 0).any():
        left = found < 0
        found[left & ~(over & left[:, None]).any(axis=0)] = front
        front += 1
    return found


def crowding(values):
    """Of one front; copies of a row get 0, ends infinity."""
    values = np.asarray(values, float)
    distance, seen = np.zeros(len(values)), []
    for i, row in enumerate(values):
        if not any((row == values[j]).all() for j in seen):
            seen.append(i)
    rows = np.array(seen, int)
    if len(rows) == 1:
        distance[rows] = np.inf
    for column in values[rows].T:
        order = rows[np.argsort(column, kind="stable")]
        spread = column.max() - column.min()
        if spread > 0:
            x = np.sort(column)
            distance[order[1:-1]] += (x[2:] - x[:-2]) / spread
            distance[order[[0, -1]]] = np.inf
    return distance


def front_of(rows):
    """The rows (as tuples) that nothing dominates, without copies, as a set."""
    kept = np.unique(np.asarray(rows, float), axis=0)
    return {tuple(row) for row in kept[~domination(kept).any(axis=0)]}
