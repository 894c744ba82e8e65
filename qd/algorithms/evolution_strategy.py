"""Evolution strategies for one objective: CMA-ES, separable CMA-ES and (1+1)-ES, started again when they stop.

Hansen 2016, https://arxiv.org/abs/1604.00772; Ros and Hansen 2008; Rechenberg 1973: see `operators.cma_es`,
`operators.sep_cma_es` and `operators.one_plus_one_es`. Restarts with a growing population are those of Auger and Hansen
2005 (IPOP-CMA-ES, https://doi.org/10.1109/CEC.2005.1554902). The first choice for real vectors on an objective alone:
``"cma"`` up to a few hundred genes, ``"sep_cma"`` beyond, ``"one_plus_one"`` for several plain climbers side by side.

The strategy works in widths of the box, so that genes of different ranges are alike to it. Bounds mirror: a sample
outside is evaluated where its reflection lies inside, and the strategy is told the sample itself. So it climbs a
function that continues beyond the box as in a mirror, its distribution stays normal, and an optimum on the bound takes
as many evaluations as one inside; told the reflections, its steps would look shorter than they were, and it would stall
there. Its standard deviations stay below a third of the box. (1+1)-ES, which learns from its parent alone, is told the
reflections.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box

Array = NDArray[np.float64]


@dataclass
class EvolutionStrategyState:
    """The strategy between two generations, in widths of the box, and the best so far."""

    seed: int
    space: Box
    strategy: Any  # the state of the module of operators
    generation: int = 0
    restarts: int = 0
    stopped: dict[str, int] = field(default_factory=dict)  # stop reason -> how often
    best: NDArray[Any] | None = None  # (d,)
    best_objective: float = float("nan")
    best_id: int = -1  # evaluation number


@dataclass(frozen=True)
class EvolutionStrategy(Algorithm):
    """A distribution, or a few climbers, that move uphill.

    >>> EvolutionStrategy("sep_cma", population_size=20).population_growth
    2
    """

    strategy: Literal["cma", "sep_cma", "one_plus_one"] = "cma"
    """What is adapted: a full covariance, one variance a gene, or a step size alone."""
    population_size: int = 0
    """Solutions a generation; 4 + 3 ln d by default. one_plus_one: so many parents, each with a child."""
    sigma: float = 0.3
    """First step size, in widths of the box gene by gene; in units of its init_sigma where a bound is infinite."""
    active: bool = True
    """cma, sep_cma: the worse half of a generation weighs against."""
    population_growth: int = 2
    """cma, sep_cma: a restart's population is so many times as large; 1 keeps it."""

    State = EvolutionStrategyState

    def __post_init__(self) -> None:
        positive(self, "sigma")
        if self.strategy not in ("cma", "sep_cma", "one_plus_one"):
            raise QDError(
                f"EvolutionStrategy.strategy: got {self.strategy!r}, wanted 'cma', 'sep_cma' or 'one_plus_one'"
            )
        least = 1 if self.strategy == "one_plus_one" else 2
        if self.population_size != 0 and self.population_size < least:
            raise QDError(f"EvolutionStrategy.population_size: got {self.population_size}, wanted at least {least}, or "
                          "0 for the default")  # fmt: skip
        if self.population_growth < 1:
            raise QDError(f"EvolutionStrategy.population_growth: got {self.population_growth}, wanted at least 1")

    def init(self, problem: Problem, seed: int) -> EvolutionStrategyState:
        space = problem.space()
        if not isinstance(space, Box):
            raise QDError(f"EvolutionStrategy adapts real vectors, not {space!r}")
        state = EvolutionStrategyState(seed, space, None)
        state.strategy = self._started(state, self._population(space.length))
        return state

    def _population(self, d: int) -> int:
        from operators.cma_parameters import default_population

        return self.population_size or default_population(d)

    def _started(self, state: EvolutionStrategyState, n: int) -> Any:
        """A new strategy of population n at a random place; the place depends on how many restarts came before."""
        from operators import cma_es, one_plus_one_es, sep_cma_es

        count = n if self.strategy == "one_plus_one" else 1
        starts = _to_widths(state.space, self._sampled(state, count))
        if self.strategy == "one_plus_one":
            return one_plus_one_es.init(starts, self.sigma)
        module = cma_es if self.strategy == "cma" else sep_cma_es
        return module.init(starts, self.sigma, n, self.active)

    def _sampled(self, state: EvolutionStrategyState, count: int) -> Array:
        return np.asarray(state.space.sample(count, generator(state.seed, "start", state.restarts)), np.float64)

    def ask(self, state: EvolutionStrategyState, left: int) -> Request | None:
        if left <= 0:
            return None
        return Request(_to_genes(state.space, self._samples(state)), operators=self.strategy)

    def _samples(self, state: EvolutionStrategyState) -> Array:
        """(n, d) this generation's samples in widths, before reflection: made again when they are told."""
        from operators import cma_es, one_plus_one_es, sep_cma_es
        from operators.normals import standard_normals

        rng, strategy = generator(state.seed, "samples", state.generation), state.strategy
        if self.strategy == "one_plus_one":
            return one_plus_one_es.ask(strategy, standard_normals(rng, strategy.mean.size).reshape(strategy.mean.shape))
        normals = standard_normals(rng, strategy.n * strategy.d).reshape(1, strategy.n, strategy.d)
        module = cma_es if self.strategy == "cma" else sep_cma_es
        return module.ask(strategy, normals)[0]

    def tell(self, state: EvolutionStrategyState, request: Request, evaluation: Evaluation) -> None:
        from operators import cma_es, sep_cma_es

        samples = self._samples(state)
        objective = np.full(len(samples), np.nan)  # a request cut short leaves its last rows without a number
        objective[: len(request)] = np.where(evaluation.ok, evaluation.objective, np.nan)
        self._keep_best(state, request, objective)
        state.generation += 1
        if self.strategy == "one_plus_one":
            self._tell_parents(state, samples, objective)
            return
        module = cma_es if self.strategy == "cma" else sep_cma_es
        module.tell(state.strategy, samples[None], objective[None])
        low, high = _sides(state.space)
        module.limit(state.strategy, (high - low) / 3)
        reason = str(module.stop_reasons(state.strategy)[0])
        if reason:
            self._count(state, reason)
            state.strategy = self._started(state, state.strategy.n * self.population_growth)

    def _tell_parents(self, state: EvolutionStrategyState, samples: Array, objective: Array) -> None:
        from operators import mirror, one_plus_one_es

        parents = state.strategy
        one_plus_one_es.tell(parents, mirror(samples, *_sides(state.space)), objective)
        reasons = one_plus_one_es.stop_reasons(parents)
        stopped = np.flatnonzero(reasons != "")
        for row in stopped:
            self._count(state, str(reasons[row]))
            start = _to_widths(state.space, self._sampled(state, 1))
            one_plus_one_es.restart(parents, [row], start, self.sigma)

    @staticmethod
    def _count(state: EvolutionStrategyState, reason: str) -> None:
        state.restarts += 1
        state.stopped[reason] = state.stopped.get(reason, 0) + 1

    @staticmethod
    def _keep_best(state: EvolutionStrategyState, request: Request, objective: Array) -> None:
        if np.isnan(objective).all():
            return
        row = int(np.nanargmax(objective))
        if not objective[row] <= state.best_objective:
            state.best, state.best_objective = np.array(np.asarray(request.solutions)[row]), float(objective[row])
            state.best_id = int(request.ids[row])

    def report(self, state: EvolutionStrategyState) -> Report:
        metrics = {
            "best": state.best_objective,
            "sigma": float(np.median(state.strategy.sigma)),
            "restarts": float(state.restarts),
            "population_size": float(len(state.strategy.mean) * state.strategy.n),
        }
        populations = {} if state.best is None else {"solutions": state.best[None], "ids": np.array([state.best_id])}
        return Report(metrics=metrics, populations=populations)


def _frame(space: Box) -> tuple[Array, Array]:
    """(d,) where a gene's 0 lies, and how long its unit is: the box, or init_sigma where a bound is infinite."""
    low, high = np.asarray(space.low, np.float64), np.asarray(space.high, np.float64)
    boxed = np.isfinite(low) & np.isfinite(high)
    sigma = np.asarray(1.0 if space.init_sigma is None else space.init_sigma, np.float64)
    sigma = np.where(sigma > 0, sigma, sigma.max())  # a gene that starts at 0, as biases do, has the largest unit
    return np.where(boxed, low, 0.0), np.where(boxed, high - low, sigma)


def _to_widths(space: Box, genes: Array) -> Array:
    zero, unit = _frame(space)
    return np.asarray((genes - zero) / unit)


def _sides(space: Box) -> tuple[Array, Array]:
    """The bounds in widths."""
    low, high = (np.asarray(bound, np.float64) for bound in (space.low, space.high))
    return _to_widths(space, low), _to_widths(space, high)


def _to_genes(space: Box, samples: Array) -> NDArray[Any]:
    """Samples in widths as solutions: mirrored into the bounds."""
    from operators import mirror

    zero, unit = _frame(space)
    genes = (zero + unit * mirror(samples, *_sides(space))).astype(space.dtype)
    return np.clip(genes, space.low, space.high)  # rounding may step across a bound
