"""CEM, the cross-entropy method: Rubinstein 1999, in the form of Duan et al. 2016 (https://arxiv.org/abs/1604.06778).

https://doi.org/10.1023/A:1010091220143. A Gaussian with a deviation a gene is refitted to the best share of its
samples. Simple and robust in tens of genes; it converges early, so restarts help. The arithmetic is that of evotorch's
functional form. Where we differ from evotorch's searcher: bounds, ties, failures and restarts
(``qd/algorithms/_strategy.py`` says how and why).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.algorithms import _strategy as strategy
from qd.algorithms._strategy import StrategyState
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.interop.surroundings import one_thread, tensor


@dataclass(frozen=True)
class CEM(Algorithm):
    """A Gaussian refitted to the best of its samples.

    >>> CEM(population_size=40, parenthood_ratio=0.25).sigma
    0.3
    """

    population_size: int = 100
    """Solutions a generation."""
    sigma: float = 0.3
    """Standard deviation of every gene at a start, in the genes' own unit."""
    parenthood_ratio: float = 0.5
    """Share of the samples, best first, that the Gaussian is refitted to."""
    sigma_max_change: float = 0.0
    """A generation changes no deviation by more than this share of it; 0: as it comes."""
    sigma_min: float = 0.0
    """Deviations go no lower."""
    patience: int = 0
    """Generations without a better objective or mean after which the search begins anew elsewhere; 0 for never."""
    population_growth: float = 1.0
    """Solutions a generation after a restart, times so many."""

    State = StrategyState

    def __post_init__(self) -> None:
        strategy.check_settings(self)
        positive(self, "population_size")
        for name in ("sigma_max_change", "sigma_min"):
            if not getattr(self, name) >= 0:
                raise QDError(f"CEM.{name}: got {getattr(self, name)}, wanted 0 or more")
        if not 0 < self.parenthood_ratio <= 1 or math.floor(self.population_size * self.parenthood_ratio) < 2:
            raise QDError(f"CEM.parenthood_ratio: got {self.parenthood_ratio} of {self.population_size} solutions, "
                          "wanted a share of at least 2 of them: one has no deviation")  # fmt: skip

    def init(self, problem: Problem, seed: int) -> StrategyState:
        return strategy.begin(self, problem, seed)

    def ask(self, state: StrategyState, left: int) -> Request | None:
        from evotorch.distributions import SeparableGaussian

        if left <= 0:
            return None
        with one_thread():
            gaussian = SeparableGaussian({"mu": tensor(state.center), "sigma": tensor(state.sigma)})
            drawn = gaussian.sample(state.population_size, generator=strategy.torch_generator(state))
        return strategy.asked(state, drawn)

    def tell(self, state: StrategyState, request: Request, evaluation: Evaluation) -> None:
        weights = strategy.told(state, request, evaluation, "linear")
        rows = np.flatnonzero(evaluation.ok)  # failed rows are no parents, however few are left
        if weights is not None and math.floor(len(rows) * self.parenthood_ratio) >= 2:
            self._update(state, rows, weights[rows])
        if strategy.ended(state, self.patience):
            strategy.restart(state, self.sigma, self.population_growth)

    def _update(self, state: StrategyState, rows: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
        from evotorch.algorithms.functional import cem, cem_tell

        assert state.samples is not None

        # the best so many are wanted, not weights: equal rows come in their own order
        place = np.empty(len(weights), state.center.dtype)
        place[np.argsort(-weights, kind="stable")] = np.arange(len(weights), 0, -1)
        with one_thread():
            whole = cem(
                center_init=tensor(state.center),
                parenthood_ratio=self.parenthood_ratio,
                objective_sense="max",
                stdev_init=tensor(state.sigma),
                stdev_min=self.sigma_min,
                stdev_max_change=self.sigma_max_change or None,
            )
            moved = cem_tell(whole, tensor(state.samples[rows]), tensor(place))
        state.center, state.sigma = moved.center.numpy(), moved.stdev.numpy()

    def report(self, state: StrategyState) -> Report:
        return strategy.reported(state)
