"""Kernels of cells that hold Pareto fronts: who gets in, who goes, cells to rows, areas. All objectives maximise."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def _mixed(x):  # type: ignore[no-untyped-def]
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    z = x + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True, error_model="numpy")
def _least_crowded(points, count, order, distance):  # type: ignore[no-untyped-def]
    """The row of points (count, k) with the smallest crowding distance, the last one where it is among the smallest.

    No two rows are equal. order and distance are scratch of at least `count`.
    """
    k = points.shape[1]
    distance[:count] = 0.0
    for objective in range(k):
        for i in range(count):
            at = i
            while at > 0 and points[order[at - 1], objective] > points[i, objective]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = i
        spread = points[order[count - 1], objective] - points[order[0], objective]
        if spread > 0:
            for at in range(1, count - 1):
                gap = points[order[at + 1], objective] - points[order[at - 1], objective]
                distance[order[at]] += gap / spread
            distance[order[0]] = np.inf
            distance[order[count - 1]] = np.inf
    least = 0
    for i in range(1, count):
        if distance[i] < distance[least]:
            least = i
    return count - 1 if distance[count - 1] <= distance[least] else least


@njit(cache=True, nogil=True, error_model="numpy")
def _before(points, a, b):  # type: ignore[no-untyped-def]
    """Whether row a comes before row b in lexicographic order."""
    for j in range(points.shape[1]):
        if points[a, j] != points[b, j]:
            return points[a, j] < points[b, j]
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def offer(  # type: ignore[no-untyped-def]
    cells, objective, stored_index, stored_objective, size, head, limit, by_crowding, seed, offered, status, value
):
    """Offers rows (n, k) to the fronts of their cells (n,), one after the other; fills status and value (n,).

    head (cells,) is scratch, -1 before and after. limit: members of a front, 0 for any number. Returns which stored
    slots go, and which rows stay.
    """
    n, k = objective.shape
    link = np.empty(size + n, np.int64)  # lists of each cell's members: slots, then size + row
    gone = np.zeros(size + n, np.bool_)
    points, order, distance = np.empty((limit + 1, k)), np.empty(limit + 1, np.int64), np.empty(limit + 1)
    members = np.empty(limit + 1, np.int64)
    for slot in range(size):
        link[slot] = head[stored_index[slot]]
        head[stored_index[slot]] = slot
    for i in range(n):
        cell = cells[i]
        least, count = np.inf, 0
        at = head[cell]
        while at >= 0:
            excess = -np.inf
            for j in range(k):
                other = stored_objective[at, j] if at < size else objective[at - size, j]
                excess = max(excess, np.float64(objective[i, j]) - np.float64(other))
            least = min(least, excess)
            count += 1
            at = link[at]
        empty = count == 0
        if empty:
            least = -np.inf
            for j in range(k):
                least = max(least, np.float64(objective[i, j]))
        value[i] = least
        status[i] = 0
        if not empty and least <= 0.0:  # a member is at least as good in everything
            gone[size + i] = True
            continue
        before, at = np.int64(-1), head[cell]
        while at >= 0:
            after = link[at]
            beaten = True
            for j in range(k):
                other = stored_objective[at, j] if at < size else objective[at - size, j]
                beaten = beaten and other <= objective[i, j]
            if beaten:
                gone[at] = True
                count -= 1
                if before < 0:
                    head[cell] = after
                else:
                    link[before] = after
            else:
                before = at
            at = after
        if limit > 0 and count == limit:
            at, count = head[cell], 0
            while at >= 0:
                for j in range(k):
                    points[limit, j] = stored_objective[at, j] if at < size else objective[at - size, j]
                place = count  # sorted, so that who goes depends on the members and not on where they are stored
                while place > 0 and _before(points, limit, place - 1):
                    members[place], points[place] = members[place - 1], points[place - 1]
                    place -= 1
                members[place], points[place] = at, points[limit]
                count += 1
                at = link[at]
            if by_crowding:
                for j in range(k):
                    points[count, j] = objective[i, j]
                out = _least_crowded(points, count + 1, order, distance)
            else:
                out = np.int64(_mixed(_mixed(seed) ^ np.uint64(offered + i)) % np.uint64(count))
            if out == count:
                gone[size + i] = True
                continue
            gone[members[out]] = True
            if head[cell] == members[out]:
                head[cell] = link[members[out]]
            else:
                before = head[cell]
                while link[before] != members[out]:
                    before = link[before]
                link[before] = link[members[out]]
        link[size + i] = head[cell]
        head[cell] = size + i
        status[i] = 2 if empty else 1
    for slot in range(size):
        head[stored_index[slot]] = -1
    for i in range(n):
        head[cells[i]] = -1
    return np.flatnonzero(gone[:size]), np.flatnonzero(~gone[size:])


@njit(cache=True, nogil=True, error_model="numpy")
def by_cell(index, cells):  # type: ignore[no-untyped-def]
    """The occupied cells rising (c,), all slots cell by cell (n,), and where each cell's slots start (c + 1,)."""
    counts = np.zeros(cells + 1, np.int64)
    for slot in range(index.shape[0]):
        counts[index[slot] + 1] += 1
    occupied = np.flatnonzero(counts[1:])
    starts = np.zeros(occupied.shape[0] + 1, np.int64)
    for place in range(occupied.shape[0]):
        starts[place + 1] = starts[place] + counts[occupied[place] + 1]
    for cell in range(cells):
        counts[cell + 1] += counts[cell]
    slots = np.empty(index.shape[0], np.int64)
    for slot in range(index.shape[0]):
        slots[counts[index[slot]]] = slot
        counts[index[slot]] += 1
    return occupied, slots, starts


@njit(cache=True, nogil=True, error_model="numpy")
def areas(objective, slots, starts, places, reference):  # type: ignore[no-untyped-def]
    """Area (p,) between the fronts at places (p,) of `by_cell` and the reference point, for two objectives.

    objective (n, 2) of the slots; rows not above the reference in both add nothing.
    """
    found = np.zeros(places.shape[0])
    for p in range(places.shape[0]):
        members = slots[starts[places[p]] : starts[places[p] + 1]]
        x, y = np.empty(members.shape[0]), np.empty(members.shape[0])
        count = 0
        for slot in members:
            first, second = np.float64(objective[slot, 0]), np.float64(objective[slot, 1])
            if first > reference[0] and second > reference[1]:
                at = count
                while at > 0 and x[at - 1] < first:
                    x[at], y[at] = x[at - 1], y[at - 1]
                    at -= 1
                x[at], y[at] = first, second
                count += 1
        height = reference[1]
        for at in range(count):
            if y[at] > height:
                found[p] += (x[at] - reference[0]) * (y[at] - height)
                height = y[at]
    return found
