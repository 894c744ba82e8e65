"""(1+1)-ES with the one-fifth success rule, Rechenberg 1973, in the form of Kern et al. 2004,
https://doi.org/10.1023/B:NACO.0000023416.59689.4e.

A parent has one child; the child takes its place unless it is worse. The step size grows by exp(0.8 r) on success and
shrinks by exp(-0.2 r) on failure, r = 1 / sqrt(d + 1), so it stands still where one child in five succeeds. Good where
an evaluation is dear, for many small local searches at once, and for solutions too long for a covariance: a child costs
d. Ill-conditioned objectives are for `cma_es` and `sep_cma_es`: a (1+1)-ES that learned a covariance would hold d^2
numbers, and where that fits, CMA-ES serves. b instances step as one array program; objectives are maximised.

    state = init(mean, sigma)
    solutions = ask(state, normals)          # (b, d), the state stays as it is
    tell(state, solutions, objective)        # in place

A child of equal objective takes the place, so that plateaus are crossed. A child whose evaluation failed (NaN) changes
nothing, neither parent nor step size. The parent's objective starts unknown: the first child with a number replaces it
and leaves the step size alone, or give it to `init`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from operators import es_inputs as inputs
from operators.es_stops import LARGE, SMALL, first_reason

Array = NDArray[np.float64]

_TARGET = 0.2  # share of successes at which the step size stands still


@dataclass
class OnePlusOneESState:
    """b parents of dimension d."""

    mean: Array  # (b, d) the parents
    objective: Array  # (b,) theirs, NaN while unknown
    sigma: Array  # (b,) step size
    start_sigma: Array  # (b,) where sigma began
    generation: NDArray[np.int64]  # (b,) children told that had a number

    n = 1

    @property
    def d(self) -> int:
        """Numbers a solution."""
        return self.mean.shape[1]

    def __len__(self) -> int:
        return len(self.mean)


def init(mean: ArrayLike, sigma: ArrayLike, objective: ArrayLike | None = None) -> OnePlusOneESState:
    """b parents at their starts.

    Args:
        mean: (b, d), or (d,) for one instance.
        sigma: a number or (b,), above 0.
        objective: (b,) of the parents, where they have been evaluated.

    Raises:
        ValueError: naming the argument.
    """
    means, steps = inputs.start(mean, sigma)
    b = len(means)
    known = np.full(b, np.nan) if objective is None else inputs.shaped("objective", objective, (b,)).copy()
    return OnePlusOneESState(means, known, steps, steps.copy(), np.zeros(b, np.int64))


def restart(
    state: OnePlusOneESState, rows: ArrayLike, mean: ArrayLike, sigma: ArrayLike, objective: ArrayLike | None = None
) -> None:
    """Put some instances, rows (r,), at new starts mean (r, d), sigma a number or (r,), objective (r,), in place."""
    index, count = inputs.chosen(rows, len(state))
    fresh = init(mean, sigma, objective)
    inputs.shaped("mean", fresh.mean, (count, state.d))
    state.mean[index], state.objective[index], state.generation[index] = fresh.mean, fresh.objective, 0
    state.sigma[index], state.start_sigma[index] = fresh.sigma, fresh.sigma


def ask(state: OnePlusOneESState, normals: ArrayLike, rows: ArrayLike | None = None) -> Array:
    """One child each: parent + sigma z, (b, d) or (r, d), from standard normals z of that shape. The state stays."""
    index, count = inputs.chosen(rows, len(state))
    z = inputs.shaped("normals", normals, (count, state.d))
    with np.errstate(all="ignore"):  # of an instance that has overflowed: it stops with a reason
        return np.asarray(state.mean[index] + state.sigma[index, None] * z)


def tell(state: OnePlusOneESState, solutions: ArrayLike, objective: ArrayLike, rows: ArrayLike | None = None) -> None:
    """Take in the children (b, d) or (r, d) and their objectives (b,) or (r,), NaN for failed ones, in place."""
    index, count = inputs.chosen(rows, len(state))
    x = inputs.shaped("solutions", solutions, (count, state.d))
    f = inputs.shaped("objective", objective, (count,))
    parent = state.objective[index]
    unknown, known = np.isnan(parent), ~np.isnan(f)
    taken = known & (unknown | (f >= parent))
    rate = (taken - _TARGET) / np.sqrt(state.d + 1)
    with np.errstate(over="ignore", under="ignore"):
        state.sigma[index] *= np.where(known & ~unknown, np.exp(rate), 1.0)
    state.generation[index] += known
    at = inputs.numbers(index, len(state))[taken]
    state.mean[at], state.objective[at] = x[taken], f[taken]


def stop_reasons(state: OnePlusOneESState, rows: ArrayLike | None = None) -> NDArray[np.str_]:
    """Why each instance should stop and be restarted, (b,) or (r,) of text, "" where it may go on.

    not_finite      the parent or the step size is NaN or infinite
    sigma_small     the step size is below 1e-12 of the first
    sigma_large     the step size is above 1e4 of the first
    no_effect_gene  a fifth of a step does not change some gene
    """
    index, _ = inputs.chosen(rows, len(state))
    mean, sigma, begun = state.mean[index], state.sigma[index], state.start_sigma[index]
    with np.errstate(all="ignore"):
        return first_reason({
            "not_finite": ~(np.isfinite(mean).all(axis=1) & np.isfinite(sigma)),
            "sigma_small": sigma < SMALL * begun,
            "sigma_large": sigma > LARGE * begun,
            "no_effect_gene": (mean == mean + 0.2 * sigma[:, None]).any(axis=1),
        })  # fmt: skip
