"""PGPE, policy gradients with parameter-based exploration: Sehnke et al. 2010, with ClipUp, Toklu et al. 2020.

https://doi.org/10.1016/j.neunet.2009.12.004 and https://arxiv.org/abs/2008.02387. A Gaussian with a deviation a gene;
the centre follows the gradient through an optimiser, samples come in mirrored pairs, objectives count by their order.
Made for the weights of policies: thousands of genes and noisy objectives. The arithmetic is that of evotorch's
functional form. Where we differ from evotorch's searcher: bounds, ties, failures and restarts
(``qd/algorithms/_strategy.py`` says how and why).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.algorithms import _strategy as strategy
from qd.algorithms._strategy import Ranking, StrategyState
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError, nearest
from qd.interop.surroundings import one_thread, tensor

_OPTIMIZERS = ("adam", "clipup", "sgd")


@dataclass(frozen=True)
class PGPE(Algorithm):
    """Mirrored pairs around a centre that an optimiser moves.

    >>> PGPE(population_size=200, sigma=0.02, center_learning_rate=0.01).optimizer
    'clipup'
    """

    population_size: int = 100
    """Solutions a generation; even where pairs are mirrored."""
    sigma: float = 0.1
    """Standard deviation of every gene at a start, in the genes' own unit."""
    center_learning_rate: float = 0.1
    """Step of the optimiser. ClipUp: the step's length, half of its top speed unless ``max_speed`` says otherwise."""
    sigma_learning_rate: float = 0.1
    """Step of the deviations along their gradient; 0 keeps them as they are."""
    optimizer: Literal["clipup", "adam", "sgd"] = "clipup"
    """What moves the centre along its gradient."""
    momentum: float = 0.9
    """clipup and sgd: share of the velocity that stays; adam: its beta1."""
    max_speed: float = 0.0
    """clipup: the longest step of the centre; 0: twice the learning rate."""
    symmetric: bool = True
    """Draw mirrored pairs around the centre."""
    ranking: Ranking = "centered"
    """How objectives become utilities: nes, centered, linear (by order), normalized, raw (by value)."""
    sigma_max_change: float = 0.2
    """A generation changes no deviation by more than this share of it."""
    sigma_min: float = 0.0
    """Deviations go no lower."""
    patience: int = 0
    """Generations without a better objective or mean after which the search begins anew elsewhere; 0 for never."""
    population_growth: float = 1.0
    """Solutions a generation after a restart, times so many."""

    State = StrategyState

    def __post_init__(self) -> None:
        strategy.check_settings(self)
        positive(self, "population_size", "center_learning_rate", "sigma_max_change")
        if self.symmetric and self.population_size % 2:
            raise QDError(f"PGPE.population_size: got {self.population_size}, wanted an even number: samples come in "
                          "mirrored pairs; or set symmetric=False")  # fmt: skip
        if self.optimizer not in _OPTIMIZERS:
            raise QDError(f"PGPE.optimizer: got {self.optimizer!r}, {nearest(self.optimizer, _OPTIMIZERS)}")
        for name in ("sigma_learning_rate", "sigma_min", "max_speed"):
            if not getattr(self, name) >= 0:
                raise QDError(f"PGPE.{name}: got {getattr(self, name)}, wanted 0 or more")
        if not 0 <= self.momentum < 1:
            raise QDError(f"PGPE.momentum: got {self.momentum}, wanted a number from 0 up to, not including, 1")

    def init(self, problem: Problem, seed: int) -> StrategyState:
        return strategy.begin(self, problem, seed)

    def ask(self, state: StrategyState, left: int) -> Request | None:
        from evotorch.distributions import SeparableGaussian, SymmetricSeparableGaussian

        if left <= 0:
            return None
        kind = SymmetricSeparableGaussian if self.symmetric else SeparableGaussian
        with one_thread():
            gaussian = kind({"mu": tensor(state.center), "sigma": tensor(state.sigma)})
            drawn = gaussian.sample(state.population_size, generator=strategy.torch_generator(state))
        return strategy.asked(state, drawn)

    def tell(self, state: StrategyState, request: Request, evaluation: Evaluation) -> None:
        weights = strategy.told(state, request, evaluation, self.ranking)
        if weights is not None:
            self._update(state, weights)
        if strategy.ended(state, self.patience):
            strategy.restart(state, self.sigma, self.population_growth)

    def _update(self, state: StrategyState, weights: NDArray[np.float64]) -> None:
        import torch
        from evotorch.algorithms.functional import pgpe_tell

        assert state.samples is not None
        with one_thread():
            utilities = torch.from_numpy(weights.astype(state.center.dtype))
            moved = pgpe_tell(self._pgpe(state), tensor(state.samples), utilities)
        state.sigma = moved.stdev.numpy()
        optimizer = {name: value.numpy() for name, value in moved.optimizer_state._asdict().items()}
        # ClipUp divides by the gradient's length, which is 0 where the two of every pair came out equal
        if np.isfinite(optimizer["center"]).all() or not np.isfinite(state.sigma).all():
            state.center = optimizer.pop("center")
            state.memory = optimizer

    def _pgpe(self, state: StrategyState) -> Any:
        """evotorch's functional state of the state's arrays."""
        from evotorch.algorithms.functional import pgpe

        config = {"adam": {"beta1": self.momentum}}.get(self.optimizer, {"momentum": self.momentum})
        if self.optimizer == "clipup" and self.max_speed:
            config["max_speed"] = self.max_speed
        whole = pgpe(
            center_init=tensor(state.center),
            center_learning_rate=self.center_learning_rate,
            stdev_learning_rate=self.sigma_learning_rate,
            objective_sense="max",
            ranking_method="raw",  # utilities are given
            optimizer=self.optimizer,
            optimizer_config=config,
            stdev_init=tensor(state.sigma),
            stdev_min=self.sigma_min,
            stdev_max_change=self.sigma_max_change,
            symmetric=self.symmetric,
        )
        kept = {name: tensor(value) for name, value in state.memory.items()}
        return whole._replace(optimizer_state=whole.optimizer_state._replace(**kept))

    def report(self, state: StrategyState) -> Report:
        return strategy.reported(state)
