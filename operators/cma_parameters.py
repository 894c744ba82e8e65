"""Weights and learning rates of CMA-ES, Hansen 2016, table 1, https://arxiv.org/abs/1604.00772v1, with active weights.

One set for each (solutions ranked, dimension, parents). Two extensions where the table is silent:
- any number of parents: weight i is proportional to ln(parents + 1/2) - ln i, which is the table's for half of the
  solutions, so that an archive may say how many were good;
- fewer ranked solutions than asked: a generation with k numbers and the rest failed has the weights and rates of a
  population of k, and the failed ones weigh nothing, neither for nor against.

The separable form multiplies both learning rates of the covariance by (d + 2) / 3, Ros and Hansen 2008,
https://doi.org/10.1007/978-3-540-87700-4_30.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from math import ceil, log, sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameters:
    """What one generation is weighed with; a leading axis over instances, of length 1 where all share them."""

    weights: Array  # (b, n) by rank, best first: positive ones sum to 1, negative ones follow, then zeros
    mu_eff: Array  # (b,) variance-effective number of parents
    c_sigma: Array  # (b,) rate of the path of the step size
    d_sigma: Array  # (b,) damping of the step size
    c_c: Array  # (b,) rate of the path of the covariance
    c_1: Array  # (b,) rate of the rank-one update
    c_mu: Array  # (b,) rate of the rank-mu update


def default_population(d: int) -> int:
    """4 + floor(3 ln d), equation 48."""
    return 4 + int(3 * log(d))


def expected_norm(d: int) -> float:
    """The mean length of a standard normal vector of d numbers, to second order."""
    return sqrt(d) * (1.0 - 1.0 / (4.0 * d) + 1.0 / (21.0 * d * d))


def history_length(n: int, d: int) -> int:
    """Generations over which a best objective that does not move at all counts as flat."""
    return 10 + ceil(30 * d / n)


@lru_cache(maxsize=4096)
def parameters(
    n: int, d: int, parents: int, active: bool = True, separable: bool = False, width: int = 0
) -> Parameters:
    """The parameters of n ranked solutions of d numbers, as arrays with b = 1, weights filled up to `width` with zeros.

    Equations 49 to 56 of the tutorial by number.
    """
    prime = log((n + 1) / 2 if parents == n // 2 else parents + 0.5) - np.log(np.arange(1, n + 1))  # (49)
    chosen, rest = prime[:parents], prime[parents:]
    mu_eff = float(chosen.sum() ** 2 / (chosen**2).sum())
    c_1 = 2 / ((d + 1.3) ** 2 + mu_eff)  # (57)
    c_mu = min(1 - c_1, 2 * (mu_eff - 2 + 1 / mu_eff) / ((d + 2) ** 2 + mu_eff))  # (58)
    if separable:
        c_1 = min(0.5, c_1 * (d + 2) / 3)
        c_mu = min(1 - c_1, c_mu * (d + 2) / 3)
    weights = np.zeros(max(n, width))
    weights[:parents] = chosen / chosen.sum()  # (53)
    negative = float(-rest.sum())
    if active and negative > 0 and c_mu > 0:
        mu_eff_minus = float(rest.sum() ** 2 / (rest**2).sum())
        total = min(
            1 + c_1 / c_mu,  # (50) the covariance neither shrinks nor grows by itself
            1 + 2 * mu_eff_minus / (mu_eff + 2),  # (51)
            (1 - c_1 - c_mu) / (d * c_mu),  # (52) the covariance stays positive definite
        )
        weights[parents:n] = rest * (total / negative)
    c_sigma = (mu_eff + 2) / (d + mu_eff + 5)  # (55)
    d_sigma = 1 + 2 * max(0.0, sqrt((mu_eff - 1) / (d + 1)) - 1) + c_sigma
    c_c = (4 + mu_eff / d) / (d + 4 + 2 * mu_eff / d)  # (56)
    rates = (np.array([value]) for value in (mu_eff, c_sigma, d_sigma, c_c, c_1, c_mu))
    return Parameters(weights[None], *rates)


def parameters_of(
    counts: NDArray[np.int64], parents: NDArray[np.int64], n: int, d: int, active: bool, separable: bool = False
) -> Parameters:
    """The parameters of b instances of which `counts` (b,) of n solutions have a number and `parents` (b,) are chosen.

    Parents of -1 are half of the count; more than the count are the count.
    """
    wanted = np.where(parents < 0, counts // 2, np.minimum(parents, counts))
    if (counts == counts[0]).all() and (wanted == wanted[0]).all():
        return parameters(int(counts[0]), d, int(wanted[0]), active, separable, n)
    rows = [parameters(k, d, mu, active, separable, n) for k, mu in zip(counts.tolist(), wanted.tolist(), strict=True)]
    return Parameters(*(np.concatenate([getattr(row, f.name) for row in rows]) for f in fields(Parameters)))
