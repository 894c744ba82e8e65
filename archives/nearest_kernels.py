"""Kernels of exact nearest-neighbour search: a blocked scan, a k-d tree, and the lists both fill.

A list is a row of best (n, k), squared distances in rising order, and of index (n, k), equal distances by rising
index; free places hold inf and NONE. Squared distances are float64 sums over the dimensions in order, in every kernel,
so that the way a neighbour was found never shows in the bits.
"""

import numpy as np
from numba import njit

BLOCK = 256  # references a block of the scan: one row of squared distances takes 2 KB
LEAF = 32  # references a leaf of the tree
NONE = np.iinfo(np.int64).max


@njit(cache=True, nogil=True)
def pack(points, start, center, packed, rough, scale):  # type: ignore[no-untyped-def]
    """Writes points (n, m) as references start, start + 1 ... of packed (blocks, m, BLOCK), dimensions first.

    rough, of the same shape, gets them as float32 relative to center (m,), and scale (blocks,) its largest size in
    each block. Returns the first row that is not finite, or -1.
    """
    n, m = points.shape
    for i in range(n):
        block, place = (start + i) // BLOCK, (start + i) % BLOCK
        if place == 0:
            scale[block] = 0.0
            rough[block, :, :] = np.inf  # what is not filled is far from everything
        for j in range(m):
            x = np.float64(points[i, j])
            if not np.isfinite(x):
                return i
            packed[block, j, place] = x
            rough[block, j, place] = x - center[j]
            scale[block] = max(scale[block], abs(x - center[j]))
    return -1


@njit(cache=True, nogil=True, inline="always")
def insert(distance, reference, best, index):  # type: ignore[no-untyped-def]
    """Puts a candidate that is known to belong into one sorted list (k,)."""
    at = best.shape[0] - 1
    while at > 0 and (best[at - 1] > distance or (best[at - 1] == distance and index[at - 1] > reference)):
        best[at] = best[at - 1]
        index[at] = index[at - 1]
        at -= 1
    best[at] = distance
    index[at] = reference


@njit(cache=True, nogil=True, fastmath={"contract"})
def rough_distances(block, query, out):  # type: ignore[no-untyped-def]
    """About the squared distances (BLOCK,) of a query (m,) to a block (m, BLOCK), in float32.

    Four dimensions a pass, so that most of the time goes into arithmetic.
    """
    m = query.shape[0]
    first = m % 4
    if first == 0:
        for j in range(BLOCK):
            out[j] = np.float32(0.0)
    elif first == 1:
        a, x = block[0], query[0]
        for j in range(BLOCK):
            out[j] = (a[j] - x) * (a[j] - x)
    elif first == 2:
        a, b, x, y = block[0], block[1], query[0], query[1]
        for j in range(BLOCK):
            out[j] = (a[j] - x) * (a[j] - x) + (b[j] - y) * (b[j] - y)
    else:
        a, b, c, x, y, z = block[0], block[1], block[2], query[0], query[1], query[2]
        for j in range(BLOCK):
            out[j] = (a[j] - x) * (a[j] - x) + (b[j] - y) * (b[j] - y) + (c[j] - z) * (c[j] - z)
    for dim in range(first, m, 4):
        a, b, c, d = block[dim], block[dim + 1], block[dim + 2], block[dim + 3]
        x, y, z, w = query[dim], query[dim + 1], query[dim + 2], query[dim + 3]
        for j in range(BLOCK):
            out[j] = (
                out[j]
                + (a[j] - x) * (a[j] - x)
                + (b[j] - y) * (b[j] - y)
                + (c[j] - z) * (c[j] - z)
                + (d[j] - w) * (d[j] - w)
            )


@njit(cache=True, nogil=True)
def exact_distance(block, place, query):  # type: ignore[no-untyped-def]
    """Squared distance of a query (m,) to one reference of a block, the dimensions in order."""
    total = 0.0
    for j in range(query.shape[0]):
        total += (block[j, place] - query[j]) * (block[j, place] - query[j])
    return total


@njit(cache=True, nogil=True)
def rough_limit(worst, scale, m):  # type: ignore[no-untyped-def]
    """What a rough squared distance cannot exceed if the exact one is at most `worst`.

    Rounding coordinates of size up to `scale` (of query and reference together) to float32 moves a distance by at
    most scale * sqrt(m) * 2**-24, the sum is off by (m + 3) * 2**-24 of itself; here with twice the room. Where
    float32 overflows the limit is inf, or the rough distance inf or NaN, and `not >` lets both through.
    """
    distance = np.sqrt(worst) + scale * np.sqrt(np.float64(m)) * 2.0**-23
    return np.float32(distance * distance * (1.0 + (m + 8) * 2.0**-23) + 1e-40)


@njit(cache=True, nogil=True)
def any_near(distance, limit):  # type: ignore[no-untyped-def]
    """Whether any of BLOCK distances is not above limit; counted, so that it runs in vectors."""
    near = np.int32(0)
    for j in range(BLOCK):
        near += np.int32(not distance[j] > limit)
    return near > 0


@njit(cache=True, nogil=True, inline="always")
def offer(  # type: ignore[no-untyped-def]
    packed, start, width, distance, limit, spread, query, mine, ids, best, index
):
    """Measures the references of one block that may belong, and inserts those that do; mine has 0 or 1 id."""
    last = best.shape[0] - 1
    for j in range(width):
        if distance[j] > limit:
            continue
        found = exact_distance(packed, j, query)
        if found > best[last] or (found == best[last] and start + j > index[last]):
            continue
        if mine.shape[0] > 0 and ids[start + j] == mine[0]:
            continue
        insert(found, start + j, best, index)
        limit = rough_limit(best[last], spread, query.shape[0])


@njit(cache=True, nogil=True)
def scan(packed, rough, scale, center, first, last, ids, queries, query_ids, best, index):  # type: ignore[no-untyped-def]
    """Offers references first (a multiple of BLOCK) to last - 1 to the lists of all queries (n, m).

    Distances in float32 tell which references cannot belong; the others are measured exactly. ids (references,)
    and query_ids (n,), or both of length 0: a reference with the query's id is passed over.
    """
    n, m = queries.shape
    k = best.shape[1]
    distance = np.empty(BLOCK, np.float32)
    moved = np.empty((n, m), np.float32)
    size = np.zeros(n)
    for i in range(n):
        for j in range(m):
            moved[i, j] = queries[i, j] - center[j]
            size[i] = max(size[i], abs(queries[i, j] - center[j]))
    for number in range(first // BLOCK, (last + BLOCK - 1) // BLOCK):
        start = number * BLOCK
        width = min(BLOCK, last - start)
        block, block_scale = rough[number], scale[number]
        for i in range(n):
            spread = block_scale + size[i]
            limit = rough_limit(best[i, k - 1], spread, m)
            rough_distances(block, moved[i], distance)
            if any_near(distance, limit):
                query, mine = queries[i], query_ids[i : i + 1]
                offer(packed[number], start, width, distance, limit, spread, query, mine, ids, best[i], index[i])


@njit(cache=True, nogil=True)
def unpack(packed, first, last):  # type: ignore[no-untyped-def]
    """References first to last - 1 as rows (n, m)."""
    points = np.empty((last - first, packed.shape[1]))
    for i in range(last - first):
        for j in range(packed.shape[1]):
            points[i, j] = packed[(first + i) // BLOCK, j, (first + i) % BLOCK]
    return points


@njit(cache=True, nogil=True)
def halve(points, index, begin, end, middle, dim):  # type: ignore[no-untyped-def]
    """Reorders rows begin to end - 1 so that none before `middle` is larger along dim than any from it on."""
    low, high = begin, end - 1
    while low < high:
        pivot = points[(low + high) // 2, dim]
        i, j = low, high
        while i <= j:
            while points[i, dim] < pivot:
                i += 1
            while points[j, dim] > pivot:
                j -= 1
            if i <= j:
                for c in range(points.shape[1]):
                    points[i, c], points[j, c] = points[j, c], points[i, c]
                index[i], index[j] = index[j], index[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@njit(cache=True, nogil=True)
def build_tree(points, index):  # type: ignore[no-untyped-def]
    """A k-d tree over points (n, m) with reference numbers index (n,); both are reordered in place.

    Returns for each node its rows begin and end, its first child (-1 for a leaf; the second follows the first), its
    tight box low and high (nodes, m), and its smallest reference number.
    """
    n, m = points.shape
    most = 4 * n // LEAF + 3
    begin, end = np.empty(most, np.int64), np.empty(most, np.int64)
    child, smallest = np.empty(most, np.int64), np.empty(most, np.int64)
    low, high = np.empty((most, m)), np.empty((most, m))
    begin[0], end[0], count, node = 0, n, 1, 0
    while node < count:
        smallest[node] = NONE
        for j in range(m):
            low[node, j], high[node, j] = np.inf, -np.inf
        for i in range(begin[node], end[node]):
            smallest[node] = min(smallest[node], index[i])
            for j in range(m):
                low[node, j] = min(low[node, j], points[i, j])
                high[node, j] = max(high[node, j], points[i, j])
        child[node] = -1
        if end[node] - begin[node] > LEAF:
            widest = np.argmax(high[node] - low[node])
            middle = (begin[node] + end[node]) // 2
            halve(points, index, begin[node], end[node], middle, widest)
            child[node] = count
            begin[count], end[count] = begin[node], middle
            begin[count + 1], end[count + 1] = middle, end[node]
            count += 2
        node += 1
    return begin[:count], end[:count], child[:count], low[:count], high[:count], smallest[:count]


@njit(cache=True, nogil=True, inline="always")
def box_distance(low, high, query):  # type: ignore[no-untyped-def]
    """Squared distance of a query (m,) to a box; rounded, still never above that to a point of the box."""
    total = 0.0
    for j in range(query.shape[0]):
        away = 0.0
        if query[j] < low[j]:
            away = low[j] - query[j]
        elif query[j] > high[j]:
            away = query[j] - high[j]
        total += away * away
    return total


@njit(cache=True, nogil=True)
def search_tree(  # type: ignore[no-untyped-def]
    points, numbers, begin, end, child, low, high, smallest, ids, queries, query_ids, limits, best, index
):
    """Offers the references of a tree to the lists of all queries (n, m); otherwise as `scan`.

    limits (n,), or of length 0: only references with a lower number are offered to the query.
    """
    k, m = best.shape[1], queries.shape[1]
    use_ids = query_ids.shape[0] > 0
    waiting = np.empty(128, np.int64)  # nodes still to visit, the nearest on top; halving keeps it short
    bound = np.empty(128)
    for i in range(queries.shape[0]):
        query, mine, mine_index = queries[i], best[i], index[i]
        limit = limits[i] if limits.shape[0] > 0 else NONE
        waiting[0], bound[0], top = 0, box_distance(low[0], high[0], query), 1
        while top > 0:
            top -= 1
            node = waiting[top]
            if bound[top] > mine[k - 1] or (bound[top] == mine[k - 1] and smallest[node] > mine_index[k - 1]):
                continue
            if smallest[node] >= limit:
                continue
            near = child[node]
            if near < 0:
                for r in range(begin[node], end[node]):
                    if numbers[r] >= limit:
                        continue
                    distance = 0.0
                    for j in range(m):
                        distance += (points[r, j] - query[j]) * (points[r, j] - query[j])
                    if distance > mine[k - 1] or (distance == mine[k - 1] and numbers[r] > mine_index[k - 1]):
                        continue
                    if not (use_ids and ids[numbers[r]] == query_ids[i]):
                        insert(distance, numbers[r], mine, mine_index)
                continue
            far = near + 1
            near_bound = box_distance(low[near], high[near], query)
            far_bound = box_distance(low[far], high[far], query)
            if far_bound < near_bound:
                near, far, near_bound, far_bound = far, near, far_bound, near_bound
            waiting[top], bound[top] = far, far_bound
            waiting[top + 1], bound[top + 1] = near, near_bound
            top += 2


@njit(cache=True, nogil=True)
def mean_distances(best, index, fallback, out):  # type: ignore[no-untyped-def]
    """Mean distance over each list, over the entries it has; fallback where it has none."""
    for i in range(best.shape[0]):
        total, count = 0.0, 0
        while count < best.shape[1] and index[i, count] != NONE:
            total += np.sqrt(best[i, count])
            count += 1
        out[i] = total / count if count > 0 else fallback


@njit(cache=True, nogil=True)
def admit(points, size, threshold, best, index, novelty, admitted):  # type: ignore[no-untyped-def]
    """Goes through a batch (n, m) in order, each row against its list and the rows admitted before it.

    best, index: lists against the archive of `size` points, in place. Fills novelty (n,) and admitted (n,); a row
    that has no neighbour at all gets the threshold and is admitted.
    """
    n, m = points.shape
    k = best.shape[1]
    rows = np.empty(n, np.int64)
    count = 0
    for i in range(n):
        for a in range(count):
            distance = 0.0
            for j in range(m):
                distance += (points[rows[a], j] - points[i, j]) * (points[rows[a], j] - points[i, j])
            if distance < best[i, k - 1] or index[i, k - 1] == NONE:
                insert(distance, size + a, best[i], index[i])
        mean_distances(best[i : i + 1], index[i : i + 1], threshold, novelty[i : i + 1])
        admitted[i] = novelty[i] >= threshold
        if admitted[i]:
            rows[count] = i
            count += 1
