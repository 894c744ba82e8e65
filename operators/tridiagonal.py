"""Eigenvectors of symmetric tridiagonal matrices by division: the inner half of `operators.eigen`.

Cuppen 1981, https://doi.org/10.1007/BF01396757, in the stable form of Gu and Eisenstat 1995,
https://doi.org/10.1137/S0895479892241287: the matrix is torn into small blocks, which implicit QL solves, and two
neighbours are joined by the roots of a secular equation.
"""

from __future__ import annotations

from math import hypot, sqrt

import numpy as np
from numba import njit

LANES = 16  # rows are filled up to a multiple, and blocks begin at one, so that loops over them have no rest
NOTHING = 1e-60  # the square of a column that counts as zero beside a largest number of 1: far from underflow
_EPS = 2.0**-53
_LEAF = 32  # a block of at most so many rows is not divided further
_TILE = 64  # numbers of a row that are summed at once: sixteen registers of four
_TURNS = 60  # iterations of a root, of a secular equation or of a small block; a handful is usual


@njit(cache=True, nogil=True, error_model="numpy")
def divided(diagonal, off, rows, spare, s, work):  # type: ignore[no-untyped-def]
    """Decompose the tridiagonal matrix of diagonal (d,) and off (d - 1,); whether all converged.

    diagonal becomes the eigenvalues, rising, and rows (d, whole lanes) the eigenvectors, in rows, and zeros.
    """
    d, wide = rows.shape
    parts = 1
    while d > _LEAF * parts:
        parts *= 2
    for part in range(1, parts):  # torn apart: what is left is a sum of blocks and of one v v^T a tear
        at = _begin(part, parts, d)
        diagonal[at - 1] -= abs(off[at - 1])
        diagonal[at] -= abs(off[at - 1])
    for i in range(d):
        for j in range(wide):
            rows[i, j] = 0.0
    fine = True
    for part in range(parts):
        lo, hi = _begin(part, parts, d), _begin(part + 1, parts, d)
        block = rows[lo:hi, lo : (hi if hi < d else wide)]
        fine &= _small(diagonal[lo:hi], off[lo:hi], block, work)
        _sort(diagonal[lo:hi], block, spare, work[0])
    size = 1
    while size < parts:
        for part in range(0, parts, 2 * size):
            lo, mid, hi = _begin(part, parts, d), _begin(part + size, parts, d), _begin(part + 2 * size, parts, d)
            block = rows[lo:hi, lo : (hi if hi < d else wide)]
            fine &= _merge(diagonal[lo:hi], off[mid - 1], mid - lo, block, spare, s, work)
            _sort(diagonal[lo:hi], block, spare, work[0])
        size *= 2
    return fine


@njit(cache=True, nogil=True, error_model="numpy")
def _begin(part, parts, d):  # type: ignore[no-untyped-def]
    """The first row of a part, a multiple of the lanes; of the one after the last, d."""
    return d if part == parts else (d * part // parts + LANES // 2) // LANES * LANES


@njit(cache=True, nogil=True, error_model="numpy")
def _sort(values, rows, spare, sorted_):  # type: ignore[no-untyped-def]
    """Values (n,) rising, rows (n, m) with them."""
    n, m = rows.shape
    order = _order(values)
    for i in range(n):
        sorted_[i] = values[order[i]]
        for j in range(m):
            spare[i, j] = rows[order[i], j]
    for i in range(n):
        values[i] = sorted_[i]
        for j in range(m):
            rows[i, j] = spare[i, j]


@njit(cache=True, nogil=True, error_model="numpy")
def _order(values):  # type: ignore[no-untyped-def]
    """The order (n,) in which the values rise, by insertion: equal ones stay in theirs."""
    order = np.empty(values.shape[0], np.int64)
    for i in range(values.shape[0]):
        j = i
        while j > 0 and values[order[j - 1]] > values[i]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
    return order


@njit(cache=True, nogil=True, error_model="numpy")
def _small(diagonal, off, rows, work):  # type: ignore[no-untyped-def]
    """Implicit QL of a small tridiagonal matrix: diagonal (n,) becomes its eigenvalues, rows (n, m) its vectors."""
    n, width = rows.shape
    e = work[0]
    for i in range(n):
        e[i] = off[i] if i < n - 1 else 0.0
        rows[i, i] = 1.0
    for lo in range(n):
        for turn in range(_TURNS + 1):
            m = lo
            while m < n - 1 and abs(e[m]) > _EPS * (abs(diagonal[m]) + abs(diagonal[m + 1])):
                m += 1
            if m == lo:
                break
            if turn == _TURNS:
                return False
            g = (diagonal[lo + 1] - diagonal[lo]) / (2.0 * e[lo])  # Wilkinson's shift
            r = sqrt(g * g + 1.0) if abs(g) < 1e100 else abs(g)
            g = diagonal[m] - diagonal[lo] + e[lo] / (g + (r if g >= 0.0 else -r))
            sine = cosine = 1.0
            p = 0.0
            i = m - 1
            while i >= lo:
                f, b = sine * e[i], cosine * e[i]
                r = f * f + g * g
                r = sqrt(r) if r > NOTHING else hypot(f, g)
                e[i + 1] = r
                if r == 0.0:  # split early
                    diagonal[i + 1] -= p
                    e[m] = 0.0
                    break
                sine, cosine = f / r, g / r
                g = diagonal[i + 1] - p
                r = (diagonal[i] - g) * sine + 2.0 * cosine * b
                p = sine * r
                diagonal[i + 1] = g + p
                g = cosine * r - b
                low, high = rows[i], rows[i + 1]
                for j in range(width):
                    x, y = low[j], high[j]
                    high[j] = sine * x + cosine * y
                    low[j] = cosine * x - sine * y
                i -= 1
            if i >= lo:
                continue
            diagonal[lo] -= p
            e[lo] = g
            e[m] = 0.0
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _merge(values, beta, mid, rows, spare, s, work):  # type: ignore[no-untyped-def]
    """The eigenvalues (n,) and eigenvectors in rows (n, m) of two blocks become those of the whole.

    The whole is the two blocks, the first of `mid` rows, plus |beta| v v^T. Eigenvalues that v does not move, and one
    of each two that are equal, stay (deflation); the others are roots of a secular equation.
    """
    n, width = rows.shape
    z, pole, square, origin, root = work[0, :n], work[1, :n], work[2, :n], work[3, :n], work[4, :n]
    sign = 1.0 if beta >= 0.0 else -1.0
    for j in range(n):
        z[j] = (rows[j, mid - 1] if j < mid else sign * rows[j, mid]) * sqrt(0.5)  # of length 1
    rho, largest, longest = 2.0 * abs(beta), 0.0, 0.0
    for j in range(n):
        largest, longest = max(largest, abs(values[j])), max(longest, abs(z[j]))
    tolerance = 16.0 * _EPS * max(largest, longest)  # LAPACK's dlaed2
    order = _order(values)
    kept, count = np.empty(n, np.int64), 0
    mixed = np.zeros(n, np.bool_)  # rows that reach into both blocks
    before = -1
    for at in range(n):
        j = order[at]
        if rho * abs(z[j]) <= tolerance:
            continue
        if before >= 0:
            length = hypot(z[j], z[before])
            cosine, sine = z[j] / length, -z[before] / length
            if abs((values[j] - values[before]) * cosine * sine) <= tolerance:
                z[j] = length
                mixed[j] |= mixed[before] or (j < mid) != (before < mid)
                low, high = rows[before], rows[j]
                for i in range(width):
                    x, y = low[i], high[i]
                    low[i] = cosine * x + sine * y
                    high[i] = cosine * y - sine * x
                x, y = values[before], values[j]
                values[before] = x * cosine * cosine + y * sine * sine
                values[j] = x * sine * sine + y * cosine * cosine
            else:
                kept[count] = before
                count += 1
        before = j
    if before < 0:
        return True
    kept[count] = before
    count += 1
    for i in range(count):
        pole[i], square[i] = values[kept[i]], z[kept[i]] * z[kept[i]]
    fine = _roots(pole[:count], square[:count], rho, origin, root, work)

    column, first, last = np.empty(count, np.int64), 0, 0  # where each kept row goes: those of block one, mixed, two
    for kind in range(3):
        for i in range(count):
            j = kept[i]
            if (1 if mixed[j] else 0 if j < mid else 2) == kind:
                column[i] = last
                for to in range(width):
                    spare[last, to] = rows[j, to]
                last += 1
        if kind == 0:
            first = last
        elif kind == 1:
            both = last
    _combinations(pole[:count], origin, root, z, kept, column, s, work)
    for i in range(count):
        values[kept[i]] = origin[i] + root[i]
    _combine(s[:count, :both], spare[:both, :mid], rows[:, :mid], kept)
    _combine(s[:count, first:count], spare[first:count, mid:width], rows[:, mid:], kept)
    return fine


@njit(cache=True, nogil=True, error_model="numpy")
def _combine(weights, rows, out, places):  # type: ignore[no-untyped-def]
    """out[places[i]] (m,) becomes the sum of weights[i, k] rows[k], m a multiple of the lanes.

    In tiles of as many numbers as registers hold, copied to where nothing else can lie: the compiler then keeps a sum
    in registers, three times as fast.
    """
    count, m = rows.shape
    tile = np.zeros((count + 4, _TILE))
    line = np.empty(_TILE)
    for start in range(0, m, _TILE):
        filled = min(_TILE, m - start)
        for k in range(count):
            for j in range(filled):
                tile[k, j] = rows[k, start + j]
        for i in range(weights.shape[0]):
            for j in range(_TILE):
                line[j] = 0.0
            for k in range(0, count - 3, 4):
                w0, w1, w2, w3 = weights[i, k], weights[i, k + 1], weights[i, k + 2], weights[i, k + 3]
                r0, r1, r2, r3 = tile[k], tile[k + 1], tile[k + 2], tile[k + 3]
                for j in range(_TILE):
                    line[j] += (w0 * r0[j] + w1 * r1[j]) + (w2 * r2[j] + w3 * r3[j])
            for k in range(count // 4 * 4, count):
                weight, row = weights[i, k], tile[k]
                for j in range(_TILE):
                    line[j] += weight * row[j]
            for j in range(filled):
                out[places[i], start + j] = line[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _roots(pole, square, rho, origin, root, work):  # type: ignore[no-untyped-def]
    """The roots of 1 / rho + sum of square[j] / (pole[j] - x), one above each pole (k,), as origin + root.

    The origin is the nearer of the two poles about a root, so that the small difference is known to all its digits.
    A step is that of two poles' rational function with the equation's value and slopes, and where it leaves the
    bracket, half of that. Roots move together, those that have converged leave.
    """
    k = pole.shape[0]
    low, high, psi, phi, d_psi, d_phi, base, x = (
        work[5, :k], work[6, :k], work[7, :k], work[8, :k], work[9, :k], work[10, :k], work[11, :k], work[12, :k],
    )  # fmt: skip
    free, total = 1.0 / rho, 0.0
    for j in range(k):
        total += square[j]
    if k == 1:
        origin[0], root[0] = pole[0], rho * total
        return True
    active = np.arange(k)
    count = k
    for i in range(k):  # the middle of each interval, from the pole below
        origin[i] = base[i] = pole[i]
        x[i] = 0.5 * (pole[i + 1] - pole[i]) if i < k - 1 else 0.5 * rho * total
        low[i], high[i] = 0.0, 2.0 * x[i]
    for turn in range(_TURNS):
        for t in range(count):
            psi[t] = phi[t] = d_psi[t] = d_phi[t] = 0.0
        first = 0
        for j in range(k):
            while first < count and active[first] < j:
                first += 1
            at, weight = pole[j], square[j]
            for t in range(first):  # of roots below the pole
                r = 1.0 / ((at - base[t]) - x[t])
                phi[t] += weight * r
                d_phi[t] += weight * r * r
            for t in range(first, count):
                r = 1.0 / ((at - base[t]) - x[t])
                psi[t] += weight * r
                d_psi[t] += weight * r * r
        left = 0
        for t in range(count):
            i = active[t]
            f = free + psi[t] + phi[t]
            if turn == 0 and i < k - 1 and f < 0.0:  # nearer to the pole above
                base[t] = origin[i] = pole[i + 1]
                low[t], high[t], x[t] = -x[t], 0.0, -x[t]
            root[i] = x[t]
            if abs(f) <= 2.0 * _EPS * k * (free + abs(psi[t]) + abs(phi[t])):
                continue
            if f < 0.0:
                low[t] = x[t]
            else:
                high[t] = x[t]
            if i < k - 1:
                below, above = (pole[i] - base[t]) - x[t], (pole[i + 1] - base[t]) - x[t]
                slope_below, slope_above = d_psi[t], d_phi[t]
            else:  # the two highest poles are both below
                below, above = (pole[i - 1] - base[t]) - x[t], (pole[i] - base[t]) - x[t]
                slope_above = square[i] / (above * above)
                slope_below = d_psi[t] - slope_above
            c = f - below * slope_below - above * slope_above
            a = (below + above) * f - below * above * (slope_below + slope_above)
            b = below * above * f
            inner = sqrt(max(a * a - 4.0 * b * c, 0.0))
            if i < k - 1:
                step = (a - inner) / (2.0 * c) if a <= 0.0 else 2.0 * b / (a + inner)
            else:
                step = (a + inner) / (2.0 * c) if a >= 0.0 else 2.0 * b / (a - inner)
            new = x[t] + step
            if not low[t] < new < high[t]:
                new = 0.5 * (low[t] + high[t])
                if not low[t] < new < high[t]:
                    continue  # the bracket is two neighbouring numbers
            active[left], base[left], low[left], high[left], x[left] = i, base[t], low[t], high[t], new
            left += 1
        count = left
        if count == 0:
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _combinations(pole, origin, root, z, kept, column, s, work):  # type: ignore[no-untyped-def]
    """s (k, k) becomes the eigenvectors in rows, in the places `column`, of diag(pole) + rho z z^T.

    They are those of the z whose roots are the computed ones exactly (Loewner's formula), hence orthogonal.
    """
    k = pole.shape[0]
    exact = work[13, :k]
    for j in range(k):
        exact[j] = 1.0
    for i in range(k):
        for j in range(k):
            distance = (pole[j] - origin[i]) - root[i]
            exact[j] *= distance / (pole[j] - pole[i]) if i != j else distance
    for j in range(k):
        exact[j] = sqrt(max(-exact[j], 0.0)) if z[kept[j]] >= 0.0 else -sqrt(max(-exact[j], 0.0))
    line = work[12, :k]
    for i in range(k):
        for j in range(k):
            line[j] = exact[j] / ((pole[j] - origin[i]) - root[i])
        length = 0.0
        for j in range(k):
            length += line[j] * line[j]
        length = 1.0 / sqrt(length)
        for j in range(k):
            s[i, column[j]] = line[j] * length
