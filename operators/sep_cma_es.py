"""Separable CMA-ES, Ros and Hansen 2008, https://doi.org/10.1007/978-3-540-87700-4_30.

CMA-ES whose covariance is diagonal: each gene has its own variance, a generation costs n d, and the covariance learns
(d + 2) / 3 times as fast. Good for thousands of genes, or where genes act one by one; it cannot turn, so it fails on
rotated ill-conditioned objectives. The same calls as `operators.cma_es`, batched over b instances alike.

    state = init(mean, sigma, n)
    solutions = ask(state, normals)          # (b, n, d), the state stays as it is
    tell(state, solutions, objective)        # in place

Differs from the paper in the weights and rates, which are those of the tutorial of 2016 (see `cma_parameters`),
negative weights included: on separable ellipsoids and cigars they save a tenth of the evaluations.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from operators import es_inputs as inputs
from operators.cma_parameters import Array, default_population, expected_norm, history_length, parameters_of
from operators.es_stops import CONDITION, LARGE, SMALL, first_reason, flat


@dataclass
class SepCMAESState:
    """b distributions of dimension d, with populations of n."""

    n: int  # solutions a generation
    active: bool  # whether the worse solutions weigh against
    mean: Array  # (b, d)
    sigma: Array  # (b,) step size
    start_sigma: Array  # (b,) where sigma began
    variance: Array  # (b, d) the diagonal of C
    path_sigma: Array  # (b, d)
    path_c: Array  # (b, d)
    generation: NDArray[np.int64]  # (b,) updates so far
    history: Array  # (b, h) best objectives of the last h generations, as a ring
    spread: Array  # (b,) best minus worst objective of the last generation

    @property
    def d(self) -> int:
        """Numbers a solution."""
        return self.mean.shape[1]

    def __len__(self) -> int:
        return len(self.mean)


def init(mean: ArrayLike, sigma: ArrayLike, n: int | None = None, active: bool = True) -> SepCMAESState:
    """b instances at their starts; arguments and errors as of `cma_es.init`."""
    means, steps = inputs.start(mean, sigma)
    b, d = means.shape
    n = inputs.population(default_population(d) if n is None else n, 2)
    state = SepCMAESState(
        n, active, means, steps, steps.copy(), np.empty((b, d)), np.empty((b, d)), np.empty((b, d)),
        np.empty(b, np.int64), np.empty((b, history_length(n, d))), np.empty(b),
    )  # fmt: skip
    _clear(state, slice(None))
    return state


def restart(state: SepCMAESState, rows: ArrayLike, mean: ArrayLike, sigma: ArrayLike) -> None:
    """Put some instances, rows (r,), at new starts mean (r, d) and sigma, a number or (r,), in place."""
    index, count = inputs.chosen(rows, len(state))
    means, steps = inputs.start(mean, sigma)
    inputs.shaped("mean", means, (count, state.d))
    state.mean[index], state.sigma[index], state.start_sigma[index] = means, steps, steps
    _clear(state, index)


def _clear(state: SepCMAESState, index: inputs.Rows) -> None:
    state.variance[index] = 1.0
    state.path_sigma[index] = state.path_c[index] = 0.0
    state.generation[index] = 0
    state.history[index] = state.spread[index] = np.nan


def ask(state: SepCMAESState, normals: ArrayLike, rows: ArrayLike | None = None) -> Array:
    """Samples of the distributions, mean + sigma sqrt(C) z; arguments as of `cma_es.ask`."""
    index, count = inputs.chosen(rows, len(state))
    z = inputs.normals(normals, count, state.d)
    with np.errstate(all="ignore"):  # of an instance that has overflowed: it stops with a reason
        deviations = state.sigma[index, None] * np.sqrt(state.variance[index])  # (b, d)
        solutions: Array = z * deviations[:, None]
        solutions += state.mean[index][:, None]
    return solutions


def tell(
    state: SepCMAESState,
    solutions: ArrayLike,
    objective: ArrayLike,
    rows: ArrayLike | None = None,
    parents: ArrayLike | None = None,
) -> None:
    """One generation, in place; arguments as of `cma_es.tell`, equation numbers those of the tutorial of 2016."""
    told = inputs.told(state, solutions, objective, rows, parents)
    if told is None:
        return
    p = parameters_of(told.counts, told.parents, state.n, state.d, state.active, separable=True)
    _generation(
        state.mean, state.sigma, state.variance, state.path_sigma, state.path_c, state.generation,
        inputs.numbers(told.rows, len(state)), told.solutions, told.order, told.counts, expected_norm(state.d),
        p.weights, p.mu_eff, p.c_sigma, p.d_sigma, p.c_c, p.c_1, p.c_mu,
    )  # fmt: skip
    told.remember(state.history, state.spread, state.generation)


@njit(cache=True, nogil=True, error_model="numpy")
def _generation(  # type: ignore[no-untyped-def]
    mean, sigma, variance, path_sigma, path_c, generation, rows, x, order, counts, norm, weights, mu_eff, c_sigma,
    d_sigma, c_c, c_1, c_mu,
):  # fmt: skip
    """The update of the instances `rows`, one after another; arguments as of the kernel of `cma_es`."""
    n, d = x.shape[1], x.shape[2]
    y, y_w, change = np.empty((n, d)), np.empty(d), np.empty(d)
    for r in range(rows.shape[0]):
        i, q = rows[r], min(r, weights.shape[0] - 1)
        spread, p_sigma, p_c = variance[i], path_sigma[i], path_c[i]
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

        decay, gain = 1.0 - c_sigma[q], sqrt(c_sigma[q] * (2.0 - c_sigma[q]) * mu_eff[q])
        length = 0.0
        for j in range(d):
            p_sigma[j] = decay * p_sigma[j] + gain * y_w[j] / sqrt(spread[j])  # (43)
            length += p_sigma[j] ** 2
        length = sqrt(length)
        sigma[i] = step * exp(min(1.0, c_sigma[q] / d_sigma[q] * (length / norm - 1.0)))  # (44)

        steady = length / sqrt(1.0 - decay ** (2 * generation[i]))
        h = 1.0 if steady < (1.4 + 2.0 / (d + 1.0)) * norm else 0.0  # h_sigma: the path is not too long
        decay, gain = 1.0 - c_c[q], h * sqrt(c_c[q] * (2.0 - c_c[q]) * mu_eff[q])
        for j in range(d):
            p_c[j] = decay * p_c[j] + gain * y_w[j]  # (45)
            change[j] = c_1[q] * p_c[j] ** 2

        total = 0.0
        for k in range(counts[r]):
            weight, row = weights[q, k], y[k]
            total += weight
            if weight < 0.0:  # (46): as long as a typical step
                square = 0.0
                for j in range(d):
                    square += row[j] ** 2 / spread[j]
                weight = weight * d / square if square > 0.0 else 0.0
            factor = c_mu[q] * weight
            for j in range(d):
                change[j] += factor * row[j] ** 2
        keep = 1.0 - c_1[q] * (1.0 - (1.0 - h) * c_c[q] * (2.0 - c_c[q])) - c_mu[q] * total
        for j in range(d):
            spread[j] = keep * spread[j] + change[j]  # (47)


def limit(state: SepCMAESState, widest: ArrayLike, rows: ArrayLike | None = None) -> None:
    """Shrink step sizes, in place, until no gene's standard deviation is above widest, a number or (d,), above 0.

    Wanted where bounds mirror and the unfolded solutions are told: a third of the box is as good as uniform, and a
    distribution wider than that sees noise, in which it may widen for ever.
    """
    index, _ = inputs.chosen(rows, len(state))
    most = inputs.widest(widest, state.d)
    with np.errstate(all="ignore"):
        deviations = state.sigma[index, None] * np.sqrt(state.variance[index])
        state.sigma[index] *= np.fmin(1.0, (most / deviations).min(axis=1))  # fmin: NaN stays with its reason


def stop_reasons(state: SepCMAESState, rows: ArrayLike | None = None) -> NDArray[np.str_]:
    """Why each instance should stop, (b,) or (r,) of text, "" where it may go on: the reasons of `cma_es`."""
    index, _ = inputs.chosen(rows, len(state))
    mean, sigma, variance = state.mean[index], state.sigma[index], state.variance[index]
    with np.errstate(all="ignore"):
        deviations = sigma[:, None] * np.sqrt(variance)  # (b, d)
        longest = deviations.max(axis=1)
        b, turn = np.arange(len(sigma)), state.generation[index] % state.d
        return first_reason({
            "not_finite": ~np.isfinite(np.concatenate([mean, deviations], axis=1)).all(axis=1),
            "condition": ~(variance.max(axis=1) / variance.min(axis=1) <= CONDITION),
            "sigma_small": longest < SMALL * state.start_sigma[index],
            "sigma_large": longest > LARGE * state.start_sigma[index],
            "no_effect_axis": mean[b, turn] == mean[b, turn] + 0.1 * deviations[b, turn],
            "no_effect_gene": (mean == mean + 0.2 * deviations).any(axis=1),
            "flat": flat(state.history[index], state.spread[index]),
        })  # fmt: skip
