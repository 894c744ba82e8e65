"""Eigenvectors of symmetric matrices of at most 128 rows, in less time than LAPACK's: half at 36, four fifths at 100.

Householder's reduction to a tridiagonal matrix, then Cuppen's division of it, in the stable form of Gu and Eisenstat
1995, https://doi.org/10.1137/S0895479892241287: the way of LAPACK's ``dsyevd``, with errors of its size, some roundings
of the largest eigenvalue. Faster because whole rows, and all roots of a secular equation, move as vectors. The bits of
a matrix do not depend on the others. ``benchmarks/eigen_vs_lapack.py`` has the measurement.
"""

from __future__ import annotations

from math import hypot, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

_EPS = 2.0**-53
_OURS = 128  # rows, beyond which LAPACK's blocked reduction is faster
_DONE, _LEFT, _NOT_FINITE = 0, 1, 2  # how a matrix ended; LAPACK takes what is left, of which none was ever seen
_LEAF = 24  # a block of at most so many rows is not divided further
_LANES = 8  # rows of the matrix are filled up to a multiple, so that a loop over them has no rest
_PANEL = 32  # eigenvectors turned back at once: the panel of 100 rows stays in the first cache
_NOTHING = 1e-60  # the square of a column that counts as zero beside a largest number of 1: far from underflow
_TURNS = 60  # iterations of a root, of a secular equation or of a small block; a handful is usual


def eigen(
    matrices: NDArray[np.float64],
    which: NDArray[np.int64],
    values: NDArray[np.float64],
    vectors: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Decompose some of the matrices (b, d, d), of which the lower triangles count, into what is given.

    Args:
        matrices: left as they are.
        which: (r,) numbers of those to decompose.
        values: (b, d) becomes the eigenvalues, rising, of those.
        vectors: (b, d, d) becomes the eigenvectors, in columns, of length 1.

    Returns:
        (r,) whether the matrix is finite; values and vectors of one that is not stay as they are.
    """
    if matrices.shape[1] <= _OURS:
        done = _eigen(matrices, which, values, vectors)
    else:
        done = np.where(np.isfinite(matrices[which]).all(axis=(1, 2)), _LEFT, _NOT_FINITE)
    for i in which[done == _LEFT]:
        values[i], vectors[i] = np.linalg.eigh(matrices[i])
    return np.asarray(done != _NOT_FINITE)


@njit(cache=True, nogil=True, error_model="numpy")
def _eigen(matrices, which, values, vectors):  # type: ignore[no-untyped-def]
    """The decompositions, and how each ended (r,)."""
    d = values.shape[1]
    wide = (d + _LANES - 1) // _LANES * _LANES
    a, rows, spare, s = np.zeros((d, wide)), np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
    off, tau, done = np.zeros(d), np.zeros(d), np.empty(which.shape[0], np.int64)
    panel, work = np.empty((d, _PANEL)), np.empty((14, max(wide, _PANEL)))
    for at in range(which.shape[0]):
        i = which[at]
        largest = 0.0
        for r in range(d):
            for c in range(r + 1):
                size = abs(matrices[i, r, c])
                largest = max(largest, size) if size < np.inf else np.inf
        if largest == np.inf:
            done[at] = _NOT_FINITE
            continue
        if largest == 0.0:
            largest = 1.0
        for r in range(d):
            for c in range(r + 1):
                a[r, c] = a[c, r] = matrices[i, r, c] / largest  # about 1, so that squares stay in range
        _tridiagonal(a, values[i], off, tau, work)
        done[at] = _DONE if _divided(values[i], off, rows, spare, s, work) else _LEFT
        for j in range(d):
            values[i, j] *= largest
        _turn_back(a, tau, rows, vectors[i], panel, work)
    return done


# ---------------------------------------------------------------- to a tridiagonal matrix, and back


@njit(cache=True, nogil=True, error_model="numpy")
def _tridiagonal(a, diagonal, off, tau, work):  # type: ignore[no-untyped-def]
    """Reduce a (d, whole lanes), both triangles and zeros, to diagonal (d,) and off (d - 1,).

    Row k of a becomes the vector v of reflection k, I - tau v v^T, which is 0 up to k. The update of a step is written
    in the pass that multiplies by the next vector, two rows at a time; lanes before the trailing matrix come along.
    """
    d, wide = a.shape
    p, q, v, sums = work[0, :wide], work[1, :wide], work[2, :wide], work[3, :wide]
    for j in range(wide):
        p[j] = q[j] = v[j] = 0.0  # p q^T + q p^T is the update that is still to be written
    for k in range(d - 1):
        row = a[k]
        for j in range(k, d):
            row[j] -= p[k] * q[j] + q[k] * p[j]
        diagonal[k] = row[k]
        tail, head = 0.0, row[k + 1]
        for j in range(k + 2, d):
            tail += row[j] * row[j]
        v[k], v[k + 1] = 0.0, 1.0
        if tail < _NOTHING:
            tau[k], off[k] = 0.0, head
            for j in range(k + 2, d):
                v[j] = 0.0
        else:
            off[k] = -sqrt(head * head + tail) if head > 0.0 else sqrt(head * head + tail)
            tau[k] = (off[k] - head) / off[k]
            scale = 1.0 / (head - off[k])
            for j in range(k + 2, d):
                v[j] = row[j] * scale
        start = (k + 1) // _LANES * _LANES
        new, total, old_p, old_q = v[start:], sums[start:], p[start:], q[start:]
        m = wide - start
        for j in range(m):
            total[j] = 0.0
        i = k + 1
        while i + 1 < d:
            one, two = a[i, start:], a[i + 1, start:]
            p1, q1, n1, p2, q2, n2 = p[i], q[i], v[i], p[i + 1], q[i + 1], v[i + 1]
            for j in range(m):
                x = one[j] - (p1 * old_q[j] + q1 * old_p[j])
                y = two[j] - (p2 * old_q[j] + q2 * old_p[j])
                one[j] = x
                two[j] = y
                total[j] += n1 * x + n2 * y
            i += 2
        if i < d:
            one = a[i, start:]
            p1, q1, n1 = p[i], q[i], v[i]
            for j in range(m):
                x = one[j] - (p1 * old_q[j] + q1 * old_p[j])
                one[j] = x
                total[j] += n1 * x
        along = 0.0
        for j in range(k + 1, d):
            along += sums[j] * v[j]
        half = 0.5 * tau[k] * along
        for j in range(m):
            old_p[j] = new[j]
            old_q[j] = tau[k] * (total[j] - half * new[j])
        for j in range(start, k + 1):
            q[j] = 0.0
        for j in range(wide):
            row[j] = v[j]
    diagonal[d - 1] = a[d - 1, d - 1] - 2.0 * p[d - 1] * q[d - 1]


@njit(cache=True, nogil=True, error_model="numpy")
def _turn_back(a, tau, rows, out, panel, work):  # type: ignore[no-untyped-def]
    """out (d, d) becomes the reflections, last first, of the columns rows^T; two reflections a pass."""
    d = rows.shape[0]
    one, two, none = work[0, :_PANEL], work[1, :_PANEL], work[2, : a.shape[1]]
    for j in range(a.shape[1]):
        none[j] = 0.0
    for start in range(0, d, _PANEL):
        width = min(_PANEL, d - start)
        for i in range(d):
            for j in range(width):
                panel[i, j] = rows[start + j, i]
            for j in range(width, _PANEL):
                panel[i, j] = 0.0
        for k in range(d - 3, -1, -2):  # the reflection d - 2 is of one number, and none
            v, u = a[k], a[k - 1] if k > 0 else none
            v_factor, u_factor = tau[k], tau[k - 1] if k > 0 else 0.0
            for j in range(_PANEL):
                one[j] = two[j] = 0.0
            across = 0.0
            i = k
            while i + 1 < d:
                v0, u0, v1, u1 = v[i], u[i], v[i + 1], u[i + 1]
                across += v0 * u0 + v1 * u1
                line, next_line = panel[i], panel[i + 1]
                for j in range(_PANEL):
                    one[j] += v0 * line[j] + v1 * next_line[j]
                    two[j] += u0 * line[j] + u1 * next_line[j]
                i += 2
            if i < d:
                v0, u0 = v[i], u[i]
                across += v0 * u0
                line = panel[i]
                for j in range(_PANEL):
                    one[j] += v0 * line[j]
                    two[j] += u0 * line[j]
            for j in range(_PANEL):
                one[j] *= v_factor
                two[j] = u_factor * (two[j] - across * one[j])
            i = k
            while i + 1 < d:
                v0, u0, v1, u1 = v[i], u[i], v[i + 1], u[i + 1]
                line, next_line = panel[i], panel[i + 1]
                for j in range(_PANEL):
                    line[j] -= v0 * one[j] + u0 * two[j]
                    next_line[j] -= v1 * one[j] + u1 * two[j]
                i += 2
            if i < d:
                line = panel[i]
                for j in range(_PANEL):
                    line[j] -= v[i] * one[j] + u[i] * two[j]
        for i in range(d):
            for j in range(width):
                out[i, start + j] = panel[i, j]


# ---------------------------------------------------------------- a tridiagonal matrix


@njit(cache=True, nogil=True, error_model="numpy")
def _divided(diagonal, off, rows, spare, s, work):  # type: ignore[no-untyped-def]
    """Decompose the tridiagonal matrix of diagonal (d,) and off (d - 1,); whether all converged.

    diagonal becomes the eigenvalues, rising, and rows (d, d) the eigenvectors, in rows.
    """
    d = diagonal.shape[0]
    parts = 1
    while d > _LEAF * parts:
        parts *= 2
    for part in range(1, parts):  # torn apart: what is left is a sum of blocks and of one v v^T a tear
        at = d * part // parts
        diagonal[at - 1] -= abs(off[at - 1])
        diagonal[at] -= abs(off[at - 1])
    for i in range(d):
        for j in range(d):
            rows[i, j] = 0.0
    fine = True
    for part in range(parts):
        lo, hi = d * part // parts, d * (part + 1) // parts
        fine &= _small(diagonal[lo:hi], off[lo:hi], rows[lo:hi, lo:hi], work)
        _sort(diagonal[lo:hi], rows[lo:hi, lo:hi], spare, work[0])
    size = 1
    while size < parts:
        for part in range(0, parts, 2 * size):
            lo, mid, hi = d * part // parts, d * (part + size) // parts, d * (part + 2 * size) // parts
            fine &= _merge(diagonal[lo:hi], off[mid - 1], mid - lo, rows[lo:hi, lo:hi], spare, s, work)
            _sort(diagonal[lo:hi], rows[lo:hi, lo:hi], spare, work[0])
        size *= 2
    return fine


@njit(cache=True, nogil=True, error_model="numpy")
def _sort(values, rows, spare, sorted_):  # type: ignore[no-untyped-def]
    """Values (n,) rising, rows (n, n) with them."""
    n = values.shape[0]
    order = _order(values)
    for i in range(n):
        sorted_[i] = values[order[i]]
        for j in range(n):
            spare[i, j] = rows[order[i], j]
    for i in range(n):
        values[i] = sorted_[i]
        for j in range(n):
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
    """Implicit QL of a small tridiagonal matrix: diagonal (n,) becomes its eigenvalues, rows (n, n) its vectors."""
    n = diagonal.shape[0]
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
                r = sqrt(r) if r > _NOTHING else hypot(f, g)
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
                for j in range(n):
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
    """The eigenvalues (n,) and eigenvectors in rows (n, n) of two blocks become those of the whole.

    The whole is the two blocks, the first of `mid` rows, plus |beta| v v^T. Eigenvalues that v does not move, and one
    of each two that are equal, stay (deflation); the others are roots of a secular equation.
    """
    n = values.shape[0]
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
                for i in range(n):
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
                for to in range(n):
                    spare[last, to] = rows[j, to]
                last += 1
        if kind == 0:
            first = last
        elif kind == 1:
            both = last
    _combinations(pole[:count], origin, root, z, kept, column, s, work)
    for i in range(count):
        values[kept[i]] = origin[i] + root[i]
        for j in range(n):
            rows[kept[i], j] = 0.0
    for i in range(count):  # one half, then the other: each stays in the first cache
        _add_rows(rows[kept[i], :mid], s[i, :both], spare[:both, :mid])
    for i in range(count):
        _add_rows(rows[kept[i], mid:], s[i, first:count], spare[first:count, mid:n])
    return fine


@njit(cache=True, nogil=True, error_model="numpy")
def _add_rows(line, parts, rows):  # type: ignore[no-untyped-def]
    """line (m,) += sum of parts[k] rows[k], by fours: the line is read less often."""
    m, count = line.shape[0], parts.shape[0]
    k = 0
    while k + 4 <= count:
        p0, p1, p2, p3 = parts[k], parts[k + 1], parts[k + 2], parts[k + 3]
        r0, r1, r2, r3 = rows[k, :m], rows[k + 1, :m], rows[k + 2, :m], rows[k + 3, :m]
        for j in range(m):
            line[j] += (p0 * r0[j] + p1 * r1[j]) + (p2 * r2[j] + p3 * r3[j])
        k += 4
    while k < count:
        part, row = parts[k], rows[k, :m]
        for j in range(m):
            line[j] += part * row[j]
        k += 1


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
