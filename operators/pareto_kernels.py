"""Kernels of the front sort and the crowding distance. Rows come in lexicographic order, best first; all maximise."""

import numpy as np
from numba import njit

WORD = 64  # rows a machine word of the bit sets


@njit(cache=True, nogil=True, error_model="numpy")
def ranks_of_two(values, order, ranks):  # type: ignore[no-untyped-def]
    """Fills ranks (n,) of values (n, 2) whose rows are lexicographically descending in `order`; returns the count.

    Every row before the present one has at least its first objective, so a front dominates it if the front's best
    second objective reaches it. Those bests fall from front to front: the first front too low is found by halving.
    Jensen 2003, https://doi.org/10.1109/TEVC.2003.817234.
    """
    n = order.shape[0]
    best = np.empty(n)  # of each front, the second objective
    count = 0
    for position in range(n):
        i = order[position]
        if position > 0:
            before = order[position - 1]
            if values[before, 0] == values[i, 0] and values[before, 1] == values[i, 1]:
                ranks[i] = ranks[before]  # equal rows do not dominate each other
                continue
        low, high = 0, count
        while low < high:
            middle = (low + high) >> 1
            if best[middle] >= values[i, 1]:
                low = middle + 1
            else:
                high = middle
        best[low] = values[i, 1]
        count = max(count, low + 1)
        ranks[i] = low
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def settle_ties(values, order):  # type: ignore[no-untyped-def]
    """Makes `order`, which sorts the first objective of values (n, k) descending, lexicographic."""
    n, k = values.shape
    for level in range(1, k):
        start = 0
        while start < n:
            stop = start + 1
            while stop < n:
                same = True
                for objective in range(level):
                    same = same and values[order[stop], objective] == values[order[start], objective]
                if not same:
                    break
                stop += 1
            if stop - start > 1:
                run = order[start:stop].copy()
                keys = np.empty(stop - start)
                for at in range(stop - start):
                    keys[at] = -values[run[at], level]
                order[start:stop] = run[np.argsort(keys)]
            start = stop


@njit(cache=True, nogil=True, error_model="numpy")
def ranks_of_three(values, order, ranks):  # type: ignore[no-untyped-def]
    """Fills ranks (n,) of values (n, 3) whose rows are lexicographically descending in `order`; returns the count.

    As in `ranks_of_two`, but what a front has reached in the other two objectives is a staircase: second objective
    falling, third rising. A step is searched by halving, so is the front. Blocks of a front double when full.
    """
    n = order.shape[0]
    second, third = np.empty(4 * n + 4), np.empty(4 * n + 4)  # the steps; blocks of 2 + 4 + ... are under 4 a row
    begin, size, room = np.empty(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)  # of each front
    used = 0
    count = 0
    for position in range(n):
        i = order[position]
        b, c = values[i, 1], values[i, 2]
        if position > 0:
            before = order[position - 1]
            if values[before, 0] == values[i, 0] and values[before, 1] == b and values[before, 2] == c:
                ranks[i] = ranks[before]  # equal rows do not dominate each other
                continue
        low, high = 0, count
        while low < high:
            middle = (low + high) >> 1
            start, stop = begin[middle], begin[middle] + size[middle]
            dominated = False
            if third[stop - 1] >= c and second[start] >= b:
                left, right = start + 1, stop  # the last step whose second objective reaches b is the highest one
                while left < right:
                    at = (left + right) >> 1
                    if second[at] >= b:
                        left = at + 1
                    else:
                        right = at
                dominated = third[left - 1] >= c
            if dominated:
                low = middle + 1
            else:
                high = middle
        ranks[i] = low
        if low == count:
            begin[low], room[low] = used, 2
            used += 2
            count += 1
        start, stop = begin[low], begin[low] + size[low]
        left, right = start, stop
        while left < right:  # the first step that b reaches
            at = (left + right) >> 1
            if second[at] > b:
                left = at + 1
            else:
                right = at
        end = left
        while end < stop and third[end] <= c:  # steps that lie under the new one
            end += 1
        if end == left and size[low] == room[low]:
            for at in range(size[low]):
                second[used + at], third[used + at] = second[start + at], third[start + at]
            left, end, stop = left - start + used, end - start + used, stop - start + used
            begin[low] = used
            room[low] *= 2
            used += room[low]
        if end == left:
            for at in range(stop, end, -1):
                second[at], third[at] = second[at - 1], third[at - 1]
        elif end > left + 1:
            for at in range(end, stop):
                second[at - end + left + 1], third[at - end + left + 1] = second[at], third[at]
        second[left], third[left] = b, c
        size[low] += 1 - (end - left)
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def ranks_of_many(values, order, orders, ranks):  # type: ignore[no-untyped-def]
    """Fills ranks (n,) of values (n, k), k > 3; orders (k - 1, n) sort objectives 1 to k - 1 descending.

    Bit sets after Moreno, Rodriguez, Nebro and Lozano 2020 (https://doi.org/10.1109/TCYB.2020.2968301): who beats or
    equals a row in all objectives is the intersection of one running set an objective, 64 rows a word, and fronts
    are searched by halving as in Zhang, Tian, Cheng and Jin 2015 (https://doi.org/10.1109/TEVC.2014.2308305).
    Takes n^2 / 4 bytes at most.
    """
    n, k = values.shape
    words = (n + WORD - 1) // WORD
    position_of = np.empty(n, np.int64)
    for position in range(n):
        position_of[order[position]] = position
    better = np.empty((n, words), np.uint64)  # by position: the rows that are as good in every objective so far
    running = np.empty(words, np.uint64)
    one = np.uint64(1)
    for objective in range(1, k):
        by_value = orders[objective - 1]
        running[:] = 0
        start = 0
        while start < n:
            stop = start
            value = values[by_value[start], objective]
            while stop < n and values[by_value[stop], objective] == value:
                position = position_of[by_value[stop]]
                running[position // WORD] |= one << np.uint64(position % WORD)
                stop += 1
            for at in range(start, stop):
                position = position_of[by_value[at]]
                last = position // WORD + 1  # later rows are worse in the first objective, or no better at all
                if objective == 1:
                    for word in range(last):
                        better[position, word] = running[word]
                else:
                    for word in range(last):
                        better[position, word] &= running[word]
            start = stop
    capacity = min(n, 64)
    fronts = np.zeros((capacity, words), np.uint64)
    count = 0
    for position in range(n):
        i = order[position]
        if position > 0:
            before = order[position - 1]
            same = True
            for objective in range(k):
                same = same and values[before, objective] == values[i, objective]
            if same:
                ranks[i] = ranks[before]
                fronts[ranks[i], position // WORD] |= one << np.uint64(position % WORD)
                continue
        last = position // WORD + 1
        low, high = 0, count
        while low < high:
            middle = (low + high) >> 1
            dominated = False
            for word in range(last - 1, -1, -1):
                if better[position, word] & fronts[middle, word]:
                    dominated = True
                    break
            if dominated:
                low = middle + 1
            else:
                high = middle
        if low == count:
            count += 1
            if count > capacity:
                capacity = min(n, 2 * capacity)
                grown = np.zeros((capacity, words), np.uint64)
                grown[: count - 1] = fronts[: count - 1]
                fronts = grown
        fronts[low, position // WORD] |= one << np.uint64(position % WORD)
        ranks[i] = low
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def crowd(values, ranks, order, orders, count, distance):  # type: ignore[no-untyped-def]
    """Fills distance (n,) with the crowding of values (n, k) within each of `count` fronts; copies get 0.

    order (n,) has equal rows of a front side by side; orders (k, n) sort each objective rising, equal rows by rising
    index. One walk down an order serves all fronts.
    """
    n, k = values.shape
    copies = np.zeros(n, np.bool_)
    different = np.zeros(count, np.int64)  # rows of each front that are no copies
    start = 0
    for at in range(n):
        same = at > 0 and ranks[order[at]] == ranks[order[start]]
        for objective in range(k):
            same = same and values[order[at], objective] == values[order[start], objective]
        if not same:
            start = at
            different[ranks[order[at]]] += 1
        elif order[at] < order[start]:  # the lowest index stands for all
            copies[order[start]] = True
            order[start], order[at] = order[at], order[start]
        else:
            copies[order[at]] = True
    distance[:] = 0.0
    first, last, before = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    for objective in range(k):
        first[:] = -1
        for at in range(n):
            i = orders[objective, at]
            if copies[i]:
                continue
            if first[ranks[i]] < 0:
                first[ranks[i]] = i
            last[ranks[i]] = i
        before[:] = -1
        middle = first.copy()
        for at in range(n):
            i = orders[objective, at]
            front = ranks[i]
            if copies[i] or first[front] == i:
                continue
            spread = values[last[front], objective] - values[first[front], objective]
            if spread > 0 and before[front] >= 0:
                gap = values[i, objective] - values[before[front], objective]
                distance[middle[front]] += gap / spread
            before[front] = middle[front]
            middle[front] = i
        for front in range(count):
            if first[front] >= 0 and values[last[front], objective] > values[first[front], objective]:
                distance[first[front]] = np.inf
                distance[last[front]] = np.inf
    for i in range(n):
        if different[ranks[i]] == 1 and not copies[i]:
            distance[i] = np.inf  # a front of one row is all ends


@njit(cache=True, nogil=True, error_model="numpy")
def grouped(ranks, count, rows, ends):  # type: ignore[no-untyped-def]
    """Fills rows (n,) with the rows by front, rising within each, and ends (count,) with where each front ends."""
    ends[:] = 0
    for i in range(ranks.shape[0]):
        ends[ranks[i]] += 1
    total = 0
    for front in range(count):
        total, ends[front] = total + ends[front], total
    for i in range(ranks.shape[0]):
        rows[ends[ranks[i]]] = i
        ends[ranks[i]] += 1
