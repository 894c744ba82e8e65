"""Our CMA-ES and separable CMA-ES as optimisers of pyribs' emitters.

pyribs 0.12's own multiply the rank-one learning rate in twice and feed the path of the covariance steps that are not
divided by sigma, which costs up to five times the evaluations on ill-conditioned objectives; these follow the tutorial
(see `operators.cma_es`).

    ribs.emitters.EvolutionStrategyEmitter(archive, x0=x0, sigma0=0.5, es=CMAES, bounds=[(-1, 1)] * d)

Bounds are kept by reflection where pyribs draws again: the strategy is told the points before reflection, and its
standard deviation is at most a third of the box.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from ribs.emitters.opt import EvolutionStrategyBase

from operators import cma_es, mirror, sep_cma_es
from operators.cma_parameters import default_population
from operators.normals import standard_normals
from qd.codec import register
from qd.errors import QDError
from qd.rng import generator

_FLAT = 1e-12  # distance of the best and the worst ranking value, as pyribs counts it


class _Strategy(EvolutionStrategyBase):
    """pyribs' interface of one instance. ``stop_reason`` says why the last check_stop asked for a restart."""

    strategy: Any  # the module of operators

    def __init__(
        self,
        sigma0: float,
        solution_dim: int,
        batch_size: int | None = None,
        seed: int | np.random.SeedSequence | None = None,
        dtype: Any = np.float64,
        lower_bounds: float | NDArray[Any] = -np.inf,
        upper_bounds: float | NDArray[Any] = np.inf,
        active: bool = True,
    ) -> None:
        """Settings as of pyribs' own optimisers.

        Args:
            sigma0: first step size.
            solution_dim: d, genes a solution.
            batch_size: n, solutions a generation, at least 2; 4 + floor(3 ln d) by default.
            seed: a number or numpy's SeedSequence; None draws one from the system.
            dtype: of the solutions; the strategy itself computes in float64.
            lower_bounds, upper_bounds: numbers or (d,), infinite ones are open.
            active: give the solutions that are not parents negative weights.
        """
        name = type(self).__name__
        if not 0 < sigma0 < np.inf:
            raise QDError(f"{name}.sigma0: got {sigma0!r}, wanted a finite number above 0")
        if not isinstance(solution_dim, int | np.integer):
            raise QDError(f"{name}.solution_dim: got {solution_dim!r}, wanted a whole number: solutions are vectors")
        if batch_size is not None and batch_size < 2:
            raise QDError(f"{name}.batch_size: got {batch_size}, wanted at least 2: a ranking of one says nothing")
        self.sigma0, self.solution_dim, self.dtype, self.active = (
            float(sigma0),
            int(solution_dim),
            np.dtype(dtype),
            active,
        )
        self.batch_size = default_population(self.solution_dim) if batch_size is None else int(batch_size)
        bounds = (np.asarray(bound, self.dtype) for bound in (lower_bounds, upper_bounds))
        self.lower_bounds, self.upper_bounds = bounds
        wrong = np.flatnonzero(~(self.lower_bounds < self.upper_bounds))
        if len(wrong):
            raise QDError(f"{name}.lower_bounds: gene {wrong[0]} has no room; wanted lower_bounds below upper_bounds")
        sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
        self.seed = int(sequence.generate_state(2, np.uint64)[0])
        self.asked = 0  # batches drawn, which with the seed addresses the next
        self.stop_reason = ""
        self.state: Any = None  # of the strategy, from reset on
        self._solutions: NDArray[np.float64] | None = None  # (n, d) before reflection

    def reset(self, x0: NDArray[Any]) -> None:
        """Start anew at x0 (d,), with the first step size."""
        self.state = self.strategy.init(np.asarray(x0, np.float64), self.sigma0, self.batch_size, self.active)
        self._solutions = None

    def ask(self, batch_size: int | None = None) -> NDArray[Any]:
        """(n, d) new solutions inside the bounds; n is the optimiser's own."""
        if batch_size not in (None, self.batch_size):
            raise QDError(f"{type(self).__name__}.ask: got batch_size {batch_size}, wanted {self.batch_size}: its "
                          "weights are of one population size; make another optimiser")  # fmt: skip
        rng = generator(self.seed, "ribs_es", self.asked)
        self.asked += 1
        shape = (1, self.batch_size, self.solution_dim)
        self._solutions = self.strategy.ask(
            self.state, standard_normals(rng, self.batch_size * self.solution_dim).reshape(shape)
        )[0]
        inside = mirror(self._solutions, self.lower_bounds, self.upper_bounds).astype(self.dtype)
        return np.clip(inside, self.lower_bounds, self.upper_bounds)  # float32 may round across a bound

    def tell(self, ranking_indices: NDArray[Any], ranking_values: NDArray[Any], num_parents: int) -> None:
        """One generation from the indices of the last batch, best first, of which num_parents are parents.

        Without parents nothing changes, as in pyribs.
        """
        if self._solutions is None:
            raise QDError(f"{type(self).__name__}.tell: nothing was asked since the reset; call ask first")
        if num_parents == 0:
            return
        ranks = np.empty((1, self.batch_size))
        ranks[0, ranking_indices] = -np.arange(self.batch_size)
        self.strategy.tell(self.state, self._solutions[None], ranks, parents=int(num_parents))
        self.strategy.limit(self.state, (self.upper_bounds - self.lower_bounds) / 3)

    def check_stop(self, ranking_values: NDArray[Any]) -> bool:
        """Whether to restart: a stop reason of the strategy, or sorted ranking values whose ends are equal."""
        self.stop_reason = str(self.strategy.stop_reasons(self.state)[0])
        if not self.stop_reason and len(ranking_values) >= 2:
            values = np.asarray(ranking_values, np.float64)
            if np.linalg.norm(values[0] - values[-1]) < _FLAT:
                self.stop_reason = "flat"
        return bool(self.stop_reason)


class CMAES(_Strategy):
    """CMA-ES for ``es=``: `operators.cma_es`, with the eigendecomposition as seldom as pyribs' own."""

    strategy = cma_es


class SepCMAES(_Strategy):
    """Separable CMA-ES for ``es=``: `operators.sep_cma_es`, for solutions of thousands of genes."""

    strategy = sep_cma_es


def _dump(optimiser: _Strategy) -> dict[str, Any]:
    return {**optimiser.__dict__, "dtype": optimiser.dtype.str}


def _load(kind: type[_Strategy]) -> Any:
    def load(state: dict[str, Any]) -> _Strategy:
        optimiser = kind.__new__(kind)
        optimiser.__dict__.update(state, dtype=np.dtype(state["dtype"]))
        return optimiser

    return load


for _kind in (CMAES, SepCMAES):
    register(f"{__name__}:{_kind.__name__}", f"ribs_es.{_kind.__name__}", _dump, _load(_kind))
