"""CMA-ES, Hansen and Ostermeier 2001, in the form of Hansen's tutorial of 2016, https://arxiv.org/abs/1604.00772.

A normal distribution N(mean, sigma^2 C) that learns its shape from the ranking of what it samples. b instances of one
dimension d and population n step as one array program; an instance's bits do not depend on the others. Weights are
active (negative for the worse half), the step size follows its cumulative path, and objectives are maximised.

    state = init(mean, sigma, n)
    solutions = ask(state, normals)          # (b, n, d), the state stays as it is
    tell(state, solutions, objective)        # in place

Differences from the tutorial: the eigendecomposition is redone only when the covariance has moved enough for it to
matter (pycma's schedule); a generation multiplies sigma by e at most. Bounds are left to the caller: evaluate
``mirror(solutions, low, high)`` and tell either the unfolded solutions, which is plain CMA-ES on the folded objective,
or the mirrored ones. Solutions from elsewhere may be told too. BLAS runs with one thread, so that the bits are the
same on any number of cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from operators import es_inputs as inputs
from operators.cma_parameters import (
    Array,
    default_population,
    expected_norm,
    history_length,
    parameters,
    parameters_of,
)
from operators.eigen import eigen
from operators.es_stops import CONDITION, LARGE, SMALL, first_reason, flat
from operators.threads import one_thread


@dataclass
class CMAESState:
    """b distributions of dimension d, with populations of n."""

    n: int  # solutions a generation
    active: bool  # whether the worse solutions weigh against
    gap: float  # generations between eigendecompositions
    mean: Array  # (b, d)
    sigma: Array  # (b,) step size
    start_sigma: Array  # (b,) where sigma began
    covariance: Array  # (b, d, d) C; the lower triangle counts, the upper is left as it was
    basis: Array  # (b, d, d) B, eigenvectors of C in columns, as of the last decomposition
    axes: Array  # (b, d) D, roots of the eigenvalues, rising
    path_sigma: Array  # (b, d)
    path_c: Array  # (b, d)
    generation: NDArray[np.int64]  # (b,) updates so far
    decomposed: NDArray[np.int64]  # (b,) the generation of the last decomposition
    history: Array  # (b, h) best objectives of the last h generations, as a ring
    spread: Array  # (b,) best minus worst objective of the last generation

    @property
    def d(self) -> int:
        """Numbers a solution."""
        return self.mean.shape[1]

    def __len__(self) -> int:
        return len(self.mean)


def init(
    mean: ArrayLike, sigma: ArrayLike, n: int | None = None, active: bool = True, gap: float | None = None
) -> CMAESState:
    """b instances at their starts.

    Args:
        mean: (b, d), or (d,) for one instance.
        sigma: a number or (b,), above 0: about a third of the distance to search at first.
        n: solutions a generation, at least 2; 4 + floor(3 ln d) by default.
        active: give the worse solutions negative weights.
        gap: generations between eigendecompositions; 1 / (2 d (c_1 + c_mu)) by default, 0 for each generation.

    Raises:
        ValueError: naming the argument.
    """
    means, steps = inputs.start(mean, sigma)
    b, d = means.shape
    n = inputs.population(default_population(d) if n is None else n, 2)
    if gap is None:
        rates = parameters(n, d, n // 2)
        gap = 0.5 / (d * float(rates.c_1[0] + rates.c_mu[0]))
    if not gap >= 0:
        raise ValueError(f"gap {gap!r} given, generations wanted, 0 or more")
    state = CMAESState(
        n, active, float(gap), means, steps, steps.copy(),
        np.empty((b, d, d)), np.empty((b, d, d)), np.empty((b, d)), np.empty((b, d)), np.empty((b, d)),
        np.empty(b, np.int64), np.empty(b, np.int64), np.empty((b, history_length(n, d))), np.empty(b),
    )  # fmt: skip
    _clear(state, slice(None))
    return state


def restart(state: CMAESState, rows: ArrayLike, mean: ArrayLike, sigma: ArrayLike) -> None:
    """Put some instances, rows (r,), at new starts mean (r, d) and sigma, a number or (r,), in place."""
    index, count = inputs.chosen(rows, len(state))
    means, steps = inputs.start(mean, sigma)
    inputs.shaped("mean", means, (count, state.d))
    state.mean[index], state.sigma[index], state.start_sigma[index] = means, steps, steps
    _clear(state, index)


def _clear(state: CMAESState, index: inputs.Rows) -> None:
    state.covariance[index] = state.basis[index] = np.eye(state.d)
    state.axes[index] = 1.0
    state.path_sigma[index] = state.path_c[index] = 0.0
    state.generation[index] = state.decomposed[index] = 0
    state.history[index] = state.spread[index] = np.nan


def ask(state: CMAESState, normals: ArrayLike, rows: ArrayLike | None = None) -> Array:
    """Samples of the distributions: mean + sigma B D z, equations 38 to 40. The state stays as it is.

    Args:
        state: b instances.
        normals: (b, n, d) standard normals z, or (r, n, d) for the rows; n may be any number here.
        rows: (r,) which instances; all by default.

    Returns:
        (b, n, d) or (r, n, d) solutions.
    """
    index, count = inputs.chosen(rows, len(state))
    z = inputs.normals(normals, count, state.d)
    solutions = np.empty(z.shape)
    with np.errstate(all="ignore"), one_thread():  # an instance that has overflowed stops with a reason
        for i, row in enumerate(inputs.numbers(index, len(state))):  # one by one each fits the cache
            scaled = z[i] * (state.sigma[row] * state.axes[row])  # (n, d)
            np.matmul(scaled, state.basis[row].T, out=solutions[i])
            solutions[i] += state.mean[row]
    return solutions


def tell(
    state: CMAESState,
    solutions: ArrayLike,
    objective: ArrayLike,
    rows: ArrayLike | None = None,
    parents: ArrayLike | None = None,
) -> None:
    """One generation, in place; equation numbers are the tutorial's.

    Args:
        state: b instances.
        solutions: (b, n, d), or (r, n, d) for the rows.
        objective: (b, n) numbers to maximise, of which only the ranking counts (and, for the stop reason "flat", the
            range); equal ones rank by rising index. NaN marks a solution that failed: it weighs nothing. An instance
            with fewer than two numbers stays as it is.
        rows: (r,) which instances; all by default.
        parents: how many solutions have positive weight, a number or one an instance; half of them by default. An
            instance with 0 stays as it is.
    """
    told = inputs.told(state, solutions, objective, rows, parents)
    if told is None:
        return
    p = parameters_of(told.counts, told.parents, state.n, state.d, state.active)
    at = inputs.numbers(told.rows, len(state))
    _generation(
        state.mean, state.sigma, state.covariance, state.basis, state.axes, state.path_sigma, state.path_c,
        state.generation, at, told.solutions, told.order, told.counts, expected_norm(state.d), p.weights, p.mu_eff,
        p.c_sigma, p.d_sigma, p.c_c, p.c_1, p.c_mu,
    )  # fmt: skip
    told.remember(state.history, state.spread, state.generation)
    due = at[state.generation[at] - state.decomposed[at] > state.gap]
    if len(due):
        _decompose(state, due)


@njit(cache=True, nogil=True, error_model="numpy")
def _generation(  # type: ignore[no-untyped-def]
    mean, sigma, covariance, basis, axes, path_sigma, path_c, generation, rows, x, order, counts, norm, weights, mu_eff,
    c_sigma, d_sigma, c_c, c_1, c_mu,
):  # fmt: skip
    """The update of the instances `rows`, one after another, so that each stays in the cache and has bits of its own.

    x (r, n, d) solutions, order (r, n) best first, counts (r,) how many have a number; weights (r, n) and rates (r,),
    or (1, n) and (1,) for all. Loops over genes are innermost and independent, so they run as vectors.
    """
    n, d = x.shape[1], x.shape[2]
    y, y_w, white, factors, parts = np.empty((n, d)), np.empty(d), np.empty(d), np.empty(n + 1), np.empty(n)
    for r in range(rows.shape[0]):
        i, q = rows[r], min(r, weights.shape[0] - 1)
        turn, scale, p_sigma, p_c = basis[i], axes[i], path_sigma[i], path_c[i]
        step = sigma[i]
        generation[i] += 1

        y_w[:] = 0.0
        for k in range(counts[r]):
            solution, row, weight = x[r, order[r, k]], y[k], max(weights[q, k], 0.0)
            for j in range(d):
                row[j] = (solution[j] - mean[i, j]) / step
                y_w[j] += weight * row[j]  # (41)
        for j in range(d):
            mean[i, j] += step * y_w[j]  # (42)

        _into_axes(turn, scale, y_w, white)  # D^-1 B^T y_w
        decay, gain = 1.0 - c_sigma[q], sqrt(c_sigma[q] * (2.0 - c_sigma[q]) * mu_eff[q])
        length = 0.0
        for j in range(d):
            p_sigma[j] = decay * p_sigma[j] + gain * _dot(turn[j], white)  # (43), B white is C^-1/2 y_w
            length += p_sigma[j] ** 2
        length = sqrt(length)
        sigma[i] = step * exp(min(1.0, c_sigma[q] / d_sigma[q] * (length / norm - 1.0)))  # (44)

        steady = length / sqrt(1.0 - decay ** (2 * generation[i]))
        h = 1.0 if steady < (1.4 + 2.0 / (d + 1.0)) * norm else 0.0  # h_sigma: the path is not too long
        decay, gain = 1.0 - c_c[q], h * sqrt(c_c[q] * (2.0 - c_c[q]) * mu_eff[q])
        for j in range(d):
            p_c[j] = decay * p_c[j] + gain * y_w[j]  # (45)

        factors[0], total = c_1[q], 0.0
        for k in range(counts[r]):
            weight = weights[q, k]
            total += weight
            if weight < 0.0:  # (46): as long as a typical step
                _into_axes(turn, scale, y[k], white)
                square = _dot(white, white)
                weight = weight * d / square if square > 0.0 else 0.0
            factors[k + 1] = c_mu[q] * weight
        keep = 1.0 - c_1[q] * (1.0 - (1.0 - h) * c_c[q] * (2.0 - c_c[q])) - c_mu[q] * total
        matrix = covariance[i]
        for a in range(d):  # (47), the lower triangle
            line = matrix[a, : a + 1]
            for j in range(a + 1):
                line[j] = keep * line[j] + factors[0] * p_c[a] * p_c[j]
            for k in range(counts[r]):
                parts[k] = factors[k + 1] * y[k, a]
            _add_rows(line, parts, y, counts[r])


@njit(cache=True, nogil=True, error_model="numpy")
def _add_rows(line, parts, rows, count):  # type: ignore[no-untyped-def]
    """line (m,) += sum of parts[k] rows[k, :m] over the first `count` k, by fours: the line is read less often."""
    m = line.shape[0]
    k = 0
    while k + 4 <= count:
        p0, p1, p2, p3 = parts[k], parts[k + 1], parts[k + 2], parts[k + 3]
        r0, r1, r2, r3 = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
        for j in range(m):
            line[j] += (p0 * r0[j] + p1 * r1[j]) + (p2 * r2[j] + p3 * r3[j])
        k += 4
    while k < count:
        part, row = parts[k], rows[k]
        for j in range(m):
            line[j] += part * row[j]
        k += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _into_axes(turn, scale, vector, out):  # type: ignore[no-untyped-def]
    """out (d,) becomes D^-1 B^T vector."""
    out[:] = 0.0
    _add_rows(out, vector, turn, vector.shape[0])
    for j in range(out.shape[0]):
        out[j] /= scale[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _dot(a, b):  # type: ignore[no-untyped-def]
    """The product of two vectors, in four sums: one alone waits for itself."""
    s0 = s1 = s2 = s3 = 0.0
    d = a.shape[0]
    for j in range(0, d - 3, 4):
        s0 += a[j] * b[j]
        s1 += a[j + 1] * b[j + 1]
        s2 += a[j + 2] * b[j + 2]
        s3 += a[j + 3] * b[j + 3]
    for j in range(d - d % 4, d):
        s0 += a[j] * b[j]
    return (s0 + s1) + (s2 + s3)


def _decompose(state: CMAESState, rows: NDArray[np.int64]) -> None:
    """C = B D^2 B^T of some instances. One that is not finite gets NaN, so that it stops with a reason."""
    with one_thread():
        finite = eigen(state.covariance, rows, state.axes, state.basis)
    values = state.axes[rows]
    floor = values[:, -1:] * (1e-2 / CONDITION)  # above zero, so that steps can be told until it is stopped
    state.axes[rows] = np.where(finite[:, None], np.sqrt(np.maximum(values, floor)), np.nan)
    state.decomposed[rows] = state.generation[rows]


def limit(state: CMAESState, widest: ArrayLike, rows: ArrayLike | None = None) -> None:
    """Shrink step sizes, in place, until no gene's standard deviation is above widest, a number or (d,), above 0.

    Wanted where bounds mirror and the unfolded solutions are told: a third of the box is as good as uniform, and a
    distribution wider than that sees noise, in which it may widen for ever.
    """
    index, _ = inputs.chosen(rows, len(state))
    most = inputs.widest(widest, state.d)
    with np.errstate(all="ignore"):
        deviations = state.sigma[index, None] * np.sqrt(np.einsum("bii->bi", state.covariance[index]))
        state.sigma[index] *= np.fmin(1.0, (most / deviations).min(axis=1))  # fmin: NaN stays with its reason


def stop_reasons(state: CMAESState, rows: ArrayLike | None = None) -> NDArray[np.str_]:
    """Why each instance should stop and be restarted, (b,) or (r,) of text, "" where it may go on.

    not_finite      mean, step size or covariance is NaN or infinite
    condition       of the covariance, above 1e14
    sigma_small     the longest axis is below 1e-12 of the first sigma
    sigma_large     the longest axis is above 1e4 of the first sigma
    no_effect_axis  a tenth of a step along an axis (another each generation) does not change the mean
    no_effect_gene  a fifth of a step of some gene does not change the mean
    flat            the best objectives of 10 + 30 d / n generations, and the last generation's all, are equal to 1e-12
    """
    index, _ = inputs.chosen(rows, len(state))
    mean, sigma, axes = state.mean[index], state.sigma[index], state.axes[index]
    with np.errstate(all="ignore"):
        longest = sigma * axes[:, -1]
        deviations = sigma[:, None] * np.sqrt(np.einsum("bii->bi", state.covariance[index]))
        b, turn = np.arange(len(sigma)), state.generation[index] % state.d
        step = 0.1 * (sigma * axes[b, turn])[:, None] * state.basis[index][b, :, turn]
        return first_reason({
            "not_finite": ~np.isfinite(np.concatenate([mean, deviations, axes], axis=1)).all(axis=1),
            "condition": (axes[:, -1] / axes[:, 0]) ** 2 > CONDITION,
            "sigma_small": longest < SMALL * state.start_sigma[index],
            "sigma_large": longest > LARGE * state.start_sigma[index],
            "no_effect_axis": (mean == mean + step).all(axis=1),
            "no_effect_gene": (mean == mean + 0.2 * deviations).any(axis=1),
            "flat": flat(state.history[index], state.spread[index]),
        })  # fmt: skip
