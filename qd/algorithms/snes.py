"""SNES, separable natural evolution strategy: Schaul, Glasmachers and Schmidhuber 2011.

https://doi.org/10.1145/2001576.2001692. A Gaussian with a deviation a gene follows the natural gradient of the expected
utility; time and memory are linear in the genes, so it suits thousands of them, and functions whose axes are the
genes' own. The arithmetic is that of evotorch's distribution. Where we differ from evotorch's searcher: bounds, ties,
failures and restarts (``qd/algorithms/_strategy.py`` says how and why).
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
class SNES(Algorithm):
    """A Gaussian with one deviation a gene, moved by the natural gradient.

    >>> SNES(population_size=50, sigma=0.5).ranking
    'nes'
    """

    population_size: int = 0
    """Solutions a generation; 0: 4 + 3 ln(genes)."""
    sigma: float = 0.3
    """Standard deviation of every gene at a start, in the genes' own unit."""
    center_learning_rate: float = 1.0
    """Step of the centre along its natural gradient."""
    sigma_learning_rate: float = 0.0
    """Step of the deviations; 0: the authors' 0.2 (3 + ln d) / sqrt(d) for d genes."""
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
            "sigma": self.sigma_learning_rate or 0.2 * (3 + math.log(d)) / math.sqrt(d),
        }
        with one_thread():
            gaussian, samples = _gaussian(state), tensor(state.samples)
            gradients = gaussian.compute_gradients(
                samples, tensor(weights), objective_sense="max", ranking_method="raw"
            )
            if self.ranking == "nes":  # evotorch divides by the sum of the weights unless it ranked by nes itself
                gradients = {name: gradient * np.abs(weights).sum() for name, gradient in gradients.items()}
            moved = gaussian.update_parameters(gradients, learning_rates=rates)
        state.center, state.sigma = moved.mu.numpy(), moved.sigma.numpy()

    def report(self, state: StrategyState) -> Report:
        return strategy.reported(state)


def _gaussian(state: StrategyState) -> Any:
    """evotorch's distribution of the state's arrays."""
    from evotorch.distributions import ExpSeparableGaussian

    return ExpSeparableGaussian({"mu": tensor(state.center), "sigma": tensor(state.sigma)})
