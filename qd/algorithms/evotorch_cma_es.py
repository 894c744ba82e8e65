"""CMA-ES in evotorch's form, full or separable: Hansen and Ostermeier 2001; Ros and Hansen 2008 for the separable one.

https://arxiv.org/abs/1604.00772 is the tutorial. A Gaussian whose covariance and step size adapt from the paths that
its mean takes; active: the worst half of the samples counts against their directions. The arithmetic is that of
``evotorch.algorithms.CMAES``, called part by part on arrays. Where we differ from its ``step``: bounds, ties, failures
and restarts (``qd/algorithms/_strategy.py`` says how and why).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report
from qd.algorithms import _strategy as strategy
from qd.algorithms._strategy import StrategyState
from qd.contracts import Evaluation, Problem, Request
from qd.interop.surroundings import one_thread, quiet, tensor

_PATHS = ("p_sigma", "p_c")


@dataclass(frozen=True)
class EvotorchCMAES(Algorithm):
    """evotorch's CMA-ES; with ``separable`` for thousands of genes.

    >>> EvotorchCMAES(sigma=1.0, separable=True).active
    True
    """

    population_size: int = 0
    """Solutions a generation; 0: 4 + 3 ln(genes)."""
    sigma: float = 0.3
    """Step size at a start, in the genes' own unit."""
    separable: bool = False
    """Adapt the deviation of each gene alone: time and memory linear in the genes."""
    active: bool = True
    """Count the worst samples against their directions."""
    patience: int = 0
    """Generations without a better objective or mean after which the search begins anew elsewhere; 0 for never."""
    population_growth: float = 1.0
    """Solutions a generation after a restart, times so many; 2 is the IPOP of Auger and Hansen 2005."""

    State = StrategyState

    def __post_init__(self) -> None:
        strategy.check_settings(self)

    def init(self, problem: Problem, seed: int) -> StrategyState:
        return strategy.begin(self, problem, seed)

    def ask(self, state: StrategyState, left: int) -> Request | None:
        import torch

        if left <= 0:
            return None
        if not state.memory:
            state.memory = self._first(state)
        n, d = state.population_size, len(state.center)
        with one_thread():
            z = torch.empty((n, d), dtype=tensor(state.center).dtype)
            z.normal_(generator=strategy.torch_generator(state))
            y = self._shaped(state, z)
            x = tensor(state.center) + tensor(state.memory["step"]) * y
        state.memory["z"] = z.numpy()
        return strategy.asked(state, x)

    def tell(self, state: StrategyState, request: Request, evaluation: Evaluation) -> None:
        steps = state.updates
        weights = strategy.told(state, request, evaluation, "linear")
        if weights is not None:
            self._update(state, weights, steps)
        if strategy.ended(state, self.patience):
            strategy.restart(state, self.sigma, self.population_growth)

    def _first(self, state: StrategyState) -> dict[str, Any]:
        d, dtype = len(state.center), state.center.dtype
        shape = np.ones(d, dtype) if self.separable else np.eye(d, dtype=dtype)
        paths = {name: np.zeros(d, dtype) for name in _PATHS}
        return {"step": np.array(self.sigma, dtype), "C": shape, "A": shape.copy(), **paths}

    def _shaped(self, state: StrategyState, z: Any) -> Any:
        """(n, d) standard normals with the covariance C."""
        root = tensor(state.memory["A"])
        return root * z if self.separable else (root @ z.T).T

    def _update(self, state: StrategyState, weights: NDArray[np.float64], steps: int) -> None:
        """The parts of evotorch's ``_step`` after the evaluation, in its order."""
        import torch
        from evotorch.algorithms.cmaes import _h_sig

        with one_thread():
            searcher = _searcher(
                len(state.center), state.population_size, self.separable, self.active, str(state.center.dtype)
            )
            memory = {name: tensor(value) for name, value in state.memory.items()}
            searcher.m, searcher.sigma = tensor(state.center), memory["step"]
            searcher.C, searcher.A = memory["C"], memory["A"]
            searcher.p_sigma, searcher.p_c = memory["p_sigma"], memory["p_c"]
            z = memory["z"]
            y = self._shaped(state, z)
            assigned = self._assigned(searcher, weights)
            local, shaped = searcher.update_m(z, y, assigned)
            searcher.update_p_sigma(local)
            searcher.update_sigma()
            stall = _h_sig(searcher.p_sigma, searcher.c_sigma, steps)
            searcher.update_p_c(shaped, stall)
            searcher.update_C(z, y, assigned, stall)
            if (steps + 1) % searcher.decompose_C_freq == 0:
                try:
                    searcher.decompose_C()
                except torch.linalg.LinAlgError:  # C has lost its positive definiteness: this start is over
                    searcher.m = torch.full_like(searcher.m, torch.nan)
        names = {"step": "sigma", "C": "C", "A": "A", "p_sigma": "p_sigma", "p_c": "p_c"}
        state.memory = {name: getattr(searcher, attribute).numpy() for name, attribute in names.items()}
        state.center = searcher.m.numpy()
        variance = state.memory["C"] if self.separable else np.diag(state.memory["C"])
        state.sigma = state.memory["step"] * np.sqrt(np.maximum(variance, 0.0))

    def _assigned(self, searcher: Any, weights: NDArray[np.float64]) -> Any:
        """(n,) the recombination weights of the samples' places, equal ones sharing their mean."""
        import torch

        order = np.argsort(-weights, kind="stable")
        by_place = searcher.weights.numpy()
        level = np.unique(-weights, return_inverse=True)[1]
        assigned = np.empty_like(by_place)
        assigned[order] = by_place
        return torch.from_numpy((np.bincount(level, assigned) / np.bincount(level))[level].astype(by_place.dtype))

    def report(self, state: StrategyState) -> Report:
        return strategy.reported(state)


@lru_cache(8)
def _searcher(d: int, n: int, separable: bool, active: bool, dtype: str) -> Any:
    """evotorch's searcher, for its constants and the parts of its step; what it keeps is replaced before each use."""
    from evotorch import Problem as EvotorchProblem
    from evotorch.algorithms import CMAES

    with quiet():
        problem = EvotorchProblem("max", solution_length=d, initial_bounds=(-1, 1), dtype=dtype, eval_dtype=dtype)
        start = {"stdev_init": 1.0, "center_init": [0.0] * d}
        return CMAES(problem, popsize=n, separable=separable, active=active, **start)
