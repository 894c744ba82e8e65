"""Emitters: small populations that climb a reward from where exploration first met it.

Those of SERENE (Paolo et al. 2021, https://arxiv.org/abs/2102.03140), with the choices of its released code and ours as
settings. An emitter starts around its founder, steps through ``ask`` and ``tell``, and keeps records of its rewards,
from which its improvement and its end are judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import positive
from qd.algorithms._members import Members
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box

Kind = Literal["elitist", "cma_es", "sep_cma_es", "iso_line"]
RECORDS = 3  # records at either end that an improvement is measured between
ENDS = 20  # records at either end of the window in which the published rule looks for stagnation
SAME_PLACE = 0.05  # step size where the nearest solution is the founder's twin


@dataclass(frozen=True)
class EmitterSettings:
    """How emitters step, how many step together, and when they end."""

    kind: Kind = "elitist"
    """Gaussian children of an elitist population, CMA-ES, separable CMA-ES, or children along lines between members."""
    population_size: int = 6
    """Members of an emitter (M_E)."""
    offspring: int = 2
    """elitist, iso_line: children a member and step."""
    sigma_rule: Literal["nearest", "per_gene"] = "per_gene"
    """First step size: a third of the distance to the nearest solution (the published rule, whose steps are about
    sqrt(genes) / 3 times as long as that distance), or that distance shared out among the genes."""
    sigma_scale: float = 2.0
    """per_gene: the step size in units of that share."""
    adapt_sigma: bool = True
    """elitist, iso_line: longer steps while more than a fifth of the children beat their parents, else shorter."""
    bootstrap_steps: int = 5
    """Steps after which a candidate is kept if it improved."""
    bootstrap_share: float = 1 / 3
    """Candidates are tried while more than this share of the exploitation chunk is left."""
    at_once: int = 8
    """Emitters that step together, evaluated as one batch."""
    turn: int = 10
    """Steps before emitters are chosen anew; 0: until the chunk is used up."""
    stop: Literal["plateau", "stagnation"] = "plateau"
    """plateau: no gain for a while; stagnation: the published rule over 20 genes / population_size + 120 steps."""
    plateau_steps: int = 30
    """plateau: steps without a gain."""
    plateau_gain: float = 1e-3
    """plateau: the least gain that counts, as a share of the best reward."""
    target: float = float("inf")
    """A reward at which an emitter has done its work."""
    max_steps: int = 0
    """Steps after which an emitter ends in any case; 0 for no limit."""
    keep_idle: bool = False
    """Emitters that no longer improve stay in the choice (the published code) instead of ending."""
    local_improvement: bool = False
    """Improvement is measured since it was last measured, not since the beginning."""
    merge_radius: float = 1.0
    """Candidates nearer to what an emitter has already stored than so many times the population's mean novelty are
    dropped; 0 keeps all."""
    max_candidates: int = 200
    """Candidates kept, the most novel; 0 for no limit."""

    def __post_init__(self) -> None:
        positive(self, "population_size", "offspring", "sigma_scale", "bootstrap_steps", "at_once", "plateau_steps")
        for name, known in (
            ("kind", ("elitist", "cma_es", "sep_cma_es", "iso_line")),
            ("sigma_rule", ("nearest", "per_gene")),
            ("stop", ("plateau", "stagnation")),
        ):
            if getattr(self, name) not in known:
                raise QDError(f"EmitterSettings.{name}: got {getattr(self, name)!r}, wanted one of {known}")
        for name in ("turn", "max_steps", "merge_radius", "max_candidates", "plateau_gain"):
            if not getattr(self, name) >= 0:
                raise QDError(f"EmitterSettings.{name}: got {getattr(self, name)!r}, wanted 0 or more")
        if not 0 <= self.bootstrap_share < 1:
            raise QDError(f"EmitterSettings.bootstrap_share: got {self.bootstrap_share!r}, wanted 0 to below 1")
        if self.kind in ("cma_es", "sep_cma_es") and self.population_size < 2:
            raise QDError("EmitterSettings.population_size: got 1, but CMA-ES ranks at least 2 solutions")

    @classmethod
    def faithful(cls, **changes: Any) -> EmitterSettings:
        """As the released code of SERENE and STAX: one emitter at a time, a chunk long, by the published rules."""
        published: dict[str, Any] = {
            "sigma_rule": "nearest", "adapt_sigma": False, "at_once": 1, "turn": 0, "stop": "stagnation",
            "keep_idle": True, "merge_radius": 0.0, "max_candidates": 0,
        }  # fmt: skip
        return cls(**published | changes)

    @property
    def step_size(self) -> int:
        """Evaluations of one step."""
        return self.population_size * (self.offspring if self.kind in ("elitist", "iso_line") else 1)


@dataclass
class Emitter:
    """One emitter and its past. A record is the rewards of its population after a step, NaN where it is smaller."""

    founder: Members  # one row
    novelest: Members  # one row: the most novel it has made, the founder at first
    sigma: float
    solutions: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))  # (k, d) its population
    objective: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))  # (k,)
    steps: int = -1  # the first population is step 0
    first: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))  # (<= RECORDS, M_E)
    records: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))  # the latest, (<= window, M_E)
    improvement: float = 0.0
    best: float = float("-inf")
    quiet: int = 0  # steps since the best rose
    level: float = 0.0  # novelty of the most novel in this chunk
    novel: Members | None = None  # what may enter the novelty archive when it ends
    strategy: Any = None  # CMA-ES' state

    @property
    def id(self) -> int:
        """The evaluation number of its founder."""
        return int(self.founder.ids[0])


def first_sigma(settings: EmitterSettings, founder: NDArray[Any], others: NDArray[Any]) -> float:
    """The step size of an emitter around ``founder`` (d,), given the other solutions (n, d) of the generation."""
    nearest = float(np.sqrt(((others - founder) ** 2).sum(axis=1).min())) if len(others) else 0.0
    if settings.sigma_rule == "nearest":
        return nearest / 3.0 or SAME_PLACE
    return settings.sigma_scale * nearest / np.sqrt(len(founder)) or SAME_PLACE


def window(settings: EmitterSettings, genes: int) -> int:
    """T: the steps over which the published rule looks for stagnation."""
    return int(20 * genes / settings.population_size + 120)


def ask(settings: EmitterSettings, emitter: Emitter, space: Box, seed: int) -> NDArray[np.float64]:
    """(k, d) what to evaluate next: the first population, or the children of a step. The emitter stays as it is."""
    import operators

    rng = generator(seed, f"emitter {emitter.id}", emitter.steps + 1)
    low, high = space.bounds
    if settings.kind in ("cma_es", "sep_cma_es"):
        return operators.mirror(_sampled(settings, emitter, rng), low, high)
    if len(emitter.solutions) == 0:
        start = np.repeat(np.asarray(emitter.founder.solutions, np.float64), settings.population_size, axis=0)
        return operators.gaussian(start, rng, emitter.sigma, low, high)
    parents = _parents(settings, len(emitter.solutions))
    if settings.kind == "elitist":
        return operators.gaussian(emitter.solutions[parents], rng, emitter.sigma, low, high)
    partners = rng.integers(0, len(emitter.solutions), len(parents))
    return operators.iso_line_from(emitter.solutions, parents, partners, rng, emitter.sigma, 0.2, low, high)


def _parents(settings: EmitterSettings, members: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(members), settings.offspring)


def _sampled(settings: EmitterSettings, emitter: Emitter, rng: np.random.Generator) -> NDArray[np.float64]:
    from operators import cma_es, sep_cma_es
    from operators.normals import standard_normals

    module = cma_es if settings.kind == "cma_es" else sep_cma_es
    if emitter.strategy is None:
        start = np.asarray(emitter.founder.solutions, np.float64)
        emitter.strategy = module.init(start, emitter.sigma, settings.population_size)
    n, d = emitter.strategy.n, emitter.strategy.d
    return np.asarray(module.ask(emitter.strategy, standard_normals(rng, n * d).reshape(1, n, d))[0])


def tell(
    settings: EmitterSettings, emitter: Emitter, solutions: NDArray[Any], objective: NDArray[np.float64], seed: int
) -> NDArray[np.bool_]:
    """Take in what was asked for; returns which rows (k,) are members now.

    Args:
        settings: of all emitters.
        emitter: changed in place.
        solutions: (k, d) in the order of the ask, cut short at the end where the budget was.
        objective: (k,) with NaN for what failed.
        seed: the run's.
    """
    genes = emitter.founder.solutions.shape[1]
    rng = generator(seed, f"emitter {emitter.id}", emitter.steps + 1)
    fine = np.isfinite(objective)
    kept = np.zeros(len(objective), np.bool_)
    if settings.kind in ("cma_es", "sep_cma_es"):
        _tell_strategy(settings, emitter, objective, rng)
        emitter.solutions, emitter.objective = np.asarray(solutions[fine], np.float64), objective[fine]
        kept = fine
    else:
        if settings.adapt_sigma and len(emitter.objective):
            parents = emitter.objective[_parents(settings, len(emitter.solutions))][: len(objective)]
            success = float(np.mean(np.where(fine, objective, -np.inf) > parents)) if len(parents) else 0.0
            emitter.sigma *= float(np.exp((success - 0.2) / 0.8 * 0.4))
        both = np.concatenate([emitter.objective, objective[fine]])
        order = np.argsort(-both, kind="stable")[: settings.population_size]
        pool = np.asarray(solutions[fine], np.float64)
        pool = pool if len(emitter.objective) == 0 else np.concatenate([emitter.solutions, pool])
        new = order[order >= len(emitter.objective)] - len(emitter.objective)
        kept[np.flatnonzero(fine)[new]] = True
        emitter.solutions, emitter.objective = pool[order], both[order]
    emitter.steps += 1
    _record(settings, emitter, window(settings, genes))
    return kept


def _tell_strategy(
    settings: EmitterSettings, emitter: Emitter, objective: NDArray[np.float64], rng: np.random.Generator
) -> None:
    from operators import cma_es, sep_cma_es

    module = cma_es if settings.kind == "cma_es" else sep_cma_es
    samples = _sampled(settings, emitter, rng)  # as they were before reflection
    told = np.full(len(samples), np.nan)
    told[: len(objective)] = objective
    module.tell(emitter.strategy, samples[None], told[None])
    emitter.sigma = float(emitter.strategy.sigma[0])


def _record(settings: EmitterSettings, emitter: Emitter, length: int) -> None:
    row = np.full((1, settings.population_size), np.nan)
    row[0, : len(emitter.objective)] = emitter.objective
    if len(emitter.first) < RECORDS:
        emitter.first = row if len(emitter.first) == 0 else np.concatenate([emitter.first, row])
    emitter.records = row if len(emitter.records) == 0 else np.concatenate([emitter.records, row])[-length:]
    top = float(emitter.objective.max()) if len(emitter.objective) else -np.inf
    if top > emitter.best + settings.plateau_gain * abs(emitter.best) or emitter.best == -np.inf:
        emitter.best, emitter.quiet = max(top, emitter.best), 0
    else:
        emitter.quiet += 1


def improvement(settings: EmitterSettings, emitter: Emitter) -> float:
    """I: the mean of the last RECORDS records less that of the first, 0 at least; stored in the emitter."""
    if len(emitter.records) == 0 or np.isnan(emitter.records).all():
        return 0.0
    last, first = emitter.records[-RECORDS:], emitter.first
    if np.isnan(last).all() or np.isnan(first).all():
        return 0.0
    emitter.improvement = max(0.0, float(np.nanmean(last) - np.nanmean(first)))
    if settings.local_improvement:
        emitter.first = last.copy()
    return emitter.improvement


def ended(settings: EmitterSettings, emitter: Emitter) -> bool:
    """Whether an emitter has done its work."""
    if emitter.best >= settings.target or (settings.max_steps and emitter.steps >= settings.max_steps):
        return True
    if emitter.strategy is not None:
        from operators import cma_es, sep_cma_es

        module = cma_es if settings.kind == "cma_es" else sep_cma_es
        if str(module.stop_reasons(emitter.strategy)[0]):
            return True
    if settings.stop == "plateau":
        return emitter.quiet >= settings.plateau_steps
    return stagnated(emitter.records, emitter.steps, window(settings, emitter.founder.solutions.shape[1]))


def stagnated(records: NDArray[np.float64], steps: int, length: int) -> bool:
    """The published rule, on records (t, M_E): neither the median nor the maximum of the last ENDS of ``length`` rose.

    Either of the two that did not rise ends the emitter.
    """
    if steps <= length or len(records) < length:
        return False
    first, last = records[-length:][:ENDS], records[-ENDS:]
    return bool(np.nanmedian(first) >= np.nanmedian(last) or np.nanmax(first) >= np.nanmax(last))
