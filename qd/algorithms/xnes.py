"""xNES, exponential natural evolution strategy: Glasmachers, Schaul, Sun, Wierstra and Schmidhuber 2010.

https://doi.org/10.1145/1830483.1830557. A Gaussian with a full covariance follows the natural gradient of the expected
utility in exponential coordinates, so that any rotation of the problem is the same to it. Memory goes by d^2 and time
by n d^2 + d^3 for d genes: up to a few hundred. The arithmetic is that of evotorch's distribution. Where we differ from
evotorch's searcher: bounds, ties, failures and restarts (``qd/algorithms/_strategy.py`` says how and why).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.algorithms import _strategy as strategy
from qd.algorithms._strategy import Ranking, StrategyState
from qd.contracts import Evaluation, Problem, Request
from qd.interop.surroundings import one_thread, tensor


@dataclass(frozen=True)
class XNES(Algorithm):
    """A Gaussian with a full covariance, moved by the natural gradient.

    >>> XNES(sigma=0.5).population_size
    0
    """

    population_size: int = 0
    """Solutions a generation; 0: 4 + 3 ln(genes)."""
    sigma: float = 0.3
    """Standard deviation of every gene at a start, in the genes' own unit."""
    center_learning_rate: float = 1.0
    """Step of the centre along its natural gradient."""
    sigma_learning_rate: float = 0.0
    """Step of the covariance; 0: the authors' 0.6 (3 + ln d) / (d sqrt(d)) for d genes."""
    ranking: Ranking = "nes"
    """How objectives become utilities: nes, centered, linear (by order), normalized, raw (by value)."""
    patience: int = 0
    """Generations without a better objective or mean after which the search begins anew elsewhere; 0 for never."""
    population_growth: float = 1.0
    """Solutions a generation after a restart, times so many."""

    State = StrategyState

    def __post_init__(self) -> None:
        strategy.check_settings(self)
        positive(self, "center_learning_rate")
        if self.sigma_learning_rate:
            positive(self, "sigma_learning_rate")

    def init(self, problem: Problem, seed: int) -> StrategyState:
        return strategy.begin(self, problem, seed)

    def ask(self, state: StrategyState, left: int) -> Request | None:
        if left <= 0:
            return None
        with one_thread():
            drawn = _gaussian(state).sample(state.population_size, generator=strategy.torch_generator(state))
        return strategy.asked(state, drawn)

    def tell(self, state: StrategyState, request: Request, evaluation: Evaluation) -> None:
        weights = strategy.told(state, request, evaluation, self.ranking)
        if weights is not None:
            self._update(state, weights)
        if strategy.ended(state, self.patience):
            strategy.restart(state, self.sigma, self.population_growth)

    def _update(self, state: StrategyState, weights: NDArray[np.float64]) -> None:
        assert state.samples is not None
        d = len(state.center)
        rates = {
            "mu": self.center_learning_rate,
            "sigma": self.sigma_learning_rate or 0.6 * (3 + math.log(d)) / (d * math.sqrt(d)),
        }
        with one_thread():
            gaussian, samples = _gaussian(state), tensor(state.samples)
            gradients = gaussian.compute_gradients(
                samples, tensor(weights), objective_sense="max", ranking_method="raw"
            )
            moved = gaussian.update_parameters(gradients, learning_rates=rates)
        root = moved.A.numpy()
        state.center, state.memory = moved.mu.numpy(), {"root": root, "inverse": moved.A_inv.numpy()}
        state.sigma = np.sqrt((root * root).sum(axis=1))  # the diagonal of the covariance

    def report(self, state: StrategyState) -> Report:
        return strategy.reported(state)


def _gaussian(state: StrategyState) -> Any:
    """evotorch's distribution of the state's arrays; a start's covariance is diagonal."""
    from evotorch.distributions import ExpGaussian

    parameters = {"mu": tensor(state.center), "sigma": tensor(state.sigma)}
    if state.memory:
        parameters["sigma"] = tensor(state.memory["root"])
        parameters["sigma_inv"] = tensor(state.memory["inverse"])
    return ExpGaussian(parameters)
