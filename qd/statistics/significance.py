"""Whether two searches differ: Mann and Whitney's test, and Holm's correction for several tests at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qd.errors import QDError
from qd.statistics.scores import Array

_EXACT = 8  # runs of the smaller side up to which all orders are counted; scipy draws the line here too


@dataclass(frozen=True)
class Test:
    """The outcome of a test.

    Args:
        statistic: Mann and Whitney's U of the first sample.
        p: the probability of a statistic at least as far from the middle, were there no difference; two-sided.
        method: ``"exact"`` counts all orders; ``"asymptotic"`` is the normal approximation with corrections for ties
            and continuity, used where there are ties or more than 8 runs on both sides.
    """

    __test__ = False  # no test of pytest's

    statistic: float
    p: float
    method: str


def mann_whitney(a: ArrayLike, b: ArrayLike) -> Test:
    """Mann and Whitney's two-sided U test of (n,) against (k,) runs.

    Mann and Whitney 1947, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other",
    by scipy. Raises QDError for NaN; with fewer than 2 runs on a side p is NaN.
    """
    ours, theirs = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if np.isnan(ours).any() or np.isnan(theirs).any():
        raise QDError("mann_whitney: some scores are NaN; leave those runs out, and say that you did")
    if min(len(ours), len(theirs)) < 2:
        return Test(float("nan"), float("nan"), "none")
    from scipy.stats import mannwhitneyu

    both = np.concatenate([ours, theirs])
    ties = np.unique(both).size < both.size
    method = "exact" if not ties and min(len(ours), len(theirs)) <= _EXACT else "asymptotic"
    if np.ptp(both) == 0:  # no order at all: the approximation divides by nothing
        return Test(len(ours) * len(theirs) / 2, 1.0, method)
    found = mannwhitneyu(ours, theirs, alternative="two-sided", method=method)
    return Test(float(found.statistic), float(found.pvalue), method)


def holm(ps: ArrayLike) -> Array:
    """Holm's step-down correction of (k,) p-values, which holds whatever the tests share; NaN stays and is not counted.

    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".

    >>> holm([0.01, 0.04, 0.03, 0.005]).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    given = np.asarray(ps, np.float64)
    corrected = np.full(given.shape, np.nan)
    there = np.flatnonzero(~np.isnan(given))
    order = there[np.argsort(given[there], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1.0)
    return corrected
