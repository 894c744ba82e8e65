"""What the evolution strategies on evotorch's distributions share: bounds, utilities, restarts, one thread of torch.

Bounds. evotorch's strategies refuse bounded problems. Here what is drawn beyond a bound is mirrored back into the box
before it is evaluated, and the distribution is told the point as it was drawn. The search then works on the problem
continued periodically by its mirror images: a function without bounds and without steps, whose gradient the update
estimates without bias. Clipping would pile solutions up on the bounds and tell the distribution of steps that were
not evaluated; drawing again would cut the tails off and shift the mean.

Failures and ties. Failed rows rank below all others. Rows with equal objectives share the mean of the utilities that
their places have, so the order of rows decides nothing, and a batch without differences moves nothing.

Restarts. A search begins anew from a fresh solution where its deviations have become too small for the dtype to tell
solutions apart, where its numbers are no longer finite, and after ``patience`` generations in which neither a solution
nor the mean of a generation was better than before: while a wide distribution closes in, only the mean rises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Report, positive
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.interop.surroundings import one_thread
from qd.rng import generator
from qd.space import Box

Ranking = Literal["nes", "centered", "linear", "normalized", "raw"]
RANKINGS = ("nes", "centered", "linear", "normalized", "raw")
_BY_VALUE = ("normalized", "raw")  # the others look at the order alone


@dataclass
class StrategyState:
    """A search distribution as plain arrays, and how the search is doing."""

    seed: int
    space: Box
    population_size: int  # of this start
    center: NDArray[Any]  # (d,)
    sigma: NDArray[Any]  # (d,) the standard deviation of each gene
    memory: dict[str, Any] = field(default_factory=dict)  # what else the algorithm keeps, as arrays
    samples: NDArray[Any] | None = None  # (n, d) what was asked, before mirroring
    generation: int = 0  # requests so far
    updates: int = 0  # of the distribution since its start
    restarts: int = 0
    skipped: int = 0  # generations that moved nothing: all rows failed, or all were equal
    best: float = -math.inf  # of this start
    best_mean: float = -math.inf  # of a generation of this start
    best_generation: int = 0  # when either was
    mean_objective: float = math.nan  # of the last generation's good rows


def check_settings(owner: Any) -> None:
    """Refuse settings that no strategy can work with, by name."""
    positive(owner, "sigma", "population_growth")
    if owner.population_size < 0 or owner.population_size == 1:
        raise QDError(f"{owner.name}.population_size: got {owner.population_size}, wanted at least 2, or 0 for the "
                      "rule 4 + 3 ln(genes)")  # fmt: skip
    if owner.patience < 0:
        raise QDError(f"{owner.name}.patience: got {owner.patience}, wanted generations, or 0 for never")
    if owner.population_growth < 1:
        raise QDError(f"{owner.name}.population_growth: got {owner.population_growth}, wanted at least 1")
    if getattr(owner, "ranking", "nes") not in RANKINGS:
        raise QDError(f"{owner.name}.ranking: got {owner.ranking!r}, wanted one of {', '.join(RANKINGS)}")


def begin(owner: Any, problem: Problem, seed: int) -> StrategyState:
    """The state before the first start, which ``restart`` makes."""
    space = problem.space()
    if not isinstance(space, Box):
        raise QDError(f"{owner.name} searches real vectors, not {space!r}")
    d = space.length
    size = owner.population_size or 4 + math.floor(3 * math.log(d))
    return StrategyState(seed, space, size, *_fresh(space, seed, 0, owner.sigma))


def restart(state: StrategyState, sigma: float, growth: float) -> None:
    """Begin anew elsewhere, with ``growth`` times as many solutions a generation; the even stay even."""
    state.restarts += 1
    state.center, state.sigma = _fresh(state.space, state.seed, state.restarts, sigma)
    if growth != 1:
        half = 2 - state.population_size % 2
        state.population_size = half * math.ceil(state.population_size * growth / half)
    state.memory, state.updates = {}, 0
    state.best = state.best_mean = -math.inf
    state.best_generation = state.generation


def _fresh(space: Box, seed: int, start: int, sigma: float) -> tuple[NDArray[Any], NDArray[Any]]:
    center = np.asarray(space.sample(1, generator(seed, "start", start)))[0]
    return center, np.full(space.length, sigma, space.dtype)


def asked(state: StrategyState, samples: Any) -> Request:
    """The request of samples (n, d), a tensor or an array: mirrored into the box."""
    from operators.mirror import mirror

    state.generation += 1
    state.samples = np.asarray(samples, state.space.dtype)
    inside = mirror(np.nan_to_num(state.samples, nan=0.0), *state.space.bounds)
    return Request(inside.astype(state.space.dtype, copy=False), operators="sample")


def told(state: StrategyState, request: Request, evaluation: Evaluation, ranking: str) -> NDArray[np.float64] | None:
    """(n,) utilities of the samples, higher for better; None where there is nothing to learn.

    That is so where all rows failed or are equal, and where the budget cut the request: it was the run's last.
    """
    good = evaluation.objective[evaluation.ok]
    if len(good):
        state.mean_objective = float(good.mean())
        if good.max() > state.best or state.mean_objective > state.best_mean:
            state.best_generation = state.generation
        state.best = max(state.best, float(good.max()))
        state.best_mean = max(state.best_mean, state.mean_objective)
    assert state.samples is not None
    weights = None if len(request) < len(state.samples) else utilities(evaluation.objective, evaluation.ok, ranking)
    if weights is None:
        state.skipped += 1
    else:
        state.updates += 1
    return weights


def utilities(objective: NDArray[np.float64], ok: NDArray[np.bool_], ranking: str) -> NDArray[np.float64] | None:
    """(n,) evotorch's fitness shaping, equal for equal rows, failed rows last; None where no two rows differ.

    ``normalized`` and ``raw`` look at the values: there a failed row has the worst that came out well.
    """
    levels, level = np.unique(np.where(ok, objective, -np.inf), return_inverse=True)
    values = level.astype(np.float64)
    if ranking in _BY_VALUE and ok.any():
        values = np.where(ok, objective, objective[ok].min())
    if len(levels) < 2 or values.min() == values.max():
        return None
    import torch
    from evotorch.tools.ranking import rank

    with one_thread():
        weights: NDArray[np.float64] = rank(torch.from_numpy(values), ranking, higher_is_better=True).numpy()
    return np.asarray((np.bincount(level, weights) / np.bincount(level))[level])


def ended(state: StrategyState, patience: int) -> bool:
    """Whether this start has nothing more to give."""
    finite = np.isfinite(state.center).all() and np.isfinite(state.sigma).all()
    if not finite or state.sigma.max() <= np.finfo(state.center.dtype).eps * max(1.0, np.abs(state.center).max()):
        return True
    return 0 < patience <= state.generation - state.best_generation


def torch_generator(state: StrategyState) -> Any:
    """torch's generator of this generation, at an address like every other."""
    import torch

    seed = generator(state.seed, "torch", state.generation).integers(2**63)
    return torch.Generator().manual_seed(int(seed))


def reported(state: StrategyState) -> Report:
    """The metrics that every strategy shows, and its distribution."""
    from operators.mirror import mirror

    low, high = state.space.bounds
    center = mirror(np.nan_to_num(state.center), low, high)
    metrics = {
        "sigma": float(state.sigma.mean()),
        "center_norm": float(np.linalg.norm(center)),
        "mean_objective": state.mean_objective,
        "population_size": float(state.population_size),
        "restarts": float(state.restarts),
        "skipped_updates": float(state.skipped),
    }
    return Report(metrics=metrics, populations={"center": center, "sigma": state.sigma})
