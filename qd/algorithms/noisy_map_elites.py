"""MAP-Elites for noisy problems: elites are evaluated again, and move to where their means say they belong.

Under noise plain MAP-Elites (https://arxiv.org/abs/1504.04909) keeps what was lucky: in objective, and in measures that
put a solution into a cell where it does not live. Here part of every generation goes to evaluating elites again, the
least evaluated first, with running means: a batched relation of adaptive sampling (Justesen, Risi and Mouret 2019,
https://doi.org/10.1145/3319619.3321904) and of archive sampling (Flageat and Cully 2023,
https://arxiv.org/abs/2302.00463). Re-evaluation alone is worse than plain MAP-Elites
(`benchmarks/noisy_map_elites.py`); three parts make it work:

- an elite whose mean measures leave its cell competes in the cell it comes to;
- the cell it leaves falls to one of the solutions waiting behind it (`depth` in all, as in Deep-Grid, Flageat and
  Cully 2020, https://arxiv.org/abs/2006.14253), instead of to nobody;
- solutions compete by their mean less `caution` standard errors, so that one lucky child does not displace an elite of
  many evaluations. The noise of one evaluation is estimated from all re-evaluations together.

With `reevaluation=0, depth=1, caution=0` and `repeats` above 1 it is MAP-Elites on means of repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive, probability
from qd.algorithms._children import check_iso_line, children_of, operator_of
from qd.contracts import REPEATS, Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box, Mask, Space


@dataclass
class NoisyMapElitesState:
    """Every solution kept, elites and those waiting behind them. ``ids`` are first evaluation numbers."""

    seed: int
    space: Space
    archive: Any  # the elites at their means, made anew in every tell
    solutions: NDArray[Any]  # (s, d)
    objective: NDArray[np.float64]  # (s,) mean
    measures: NDArray[np.float64]  # (s, m) mean
    counts: NDArray[np.int64]  # (s,) evaluations in the means
    ids: NDArray[np.int64]  # (s,)
    elite: NDArray[np.bool_]  # (s,) which are elites
    generation: int = 0
    again: bool = False  # whether the elites' turn is next
    looked_at: NDArray[np.int64] | None = None  # (n,) rows of the re-evaluation in flight
    squares: float = 0.0  # squared surprises of re-evaluations, each scaled to the variance of one evaluation
    looks: int = 0  # how many


@dataclass(frozen=True)
class NoisyMapElites(Algorithm):
    """An archive of elites that have to prove themselves again.

    >>> NoisyMapElites(batch_size=200, reevaluation=0.25).looks_a_generation
    50
    """

    batch_size: int = 1024
    """Rows a generation: children, and elites evaluated again."""
    dims: tuple[int, ...] = ()
    """Cells a measure of the grid; the problem's own declaration by default."""
    reevaluation: float = 0.5
    """Share of the batch that goes to evaluating elites again."""
    depth: int = 8
    """Solutions kept a cell: the elite, and those that wait behind it."""
    caution: float = 2.0
    """Standard errors taken off a mean objective before solutions compete."""
    repeats: int = 1
    """Evaluations of a row each time it is evaluated."""
    iso_sigma: float = 0.01
    """Real vectors: standard deviation of the isotropic part."""
    line_sigma: float = 0.2
    """Real vectors: standard deviation of the step along the line to a second elite."""
    flip_probability: float = 0.02
    """Of each gene, where solutions are masks."""

    State = NoisyMapElitesState

    def __post_init__(self) -> None:
        positive(self, "batch_size", "depth", "repeats")
        probability(self, "flip_probability")
        if not 0 <= self.reevaluation < 1:
            raise QDError(f"NoisyMapElites.reevaluation: got {self.reevaluation}, wanted a share from 0 to below 1")
        if not 0 <= self.caution < np.inf:
            raise QDError(f"NoisyMapElites.caution: got {self.caution}, wanted a number of 0 or more")
        check_iso_line(self)

    @property
    def looks_a_generation(self) -> int:
        """Elites evaluated again in a generation; the rest of the batch is children, at least one."""
        return min(int(self.reevaluation * self.batch_size), self.batch_size - 1)

    def init(self, problem: Problem, seed: int) -> NoisyMapElitesState:
        from archives import GridArchive

        space, measures = problem.space(), problem.measure_space
        if not isinstance(space, Box | Mask):
            raise QDError(f"{self.name} varies real vectors and masks, not {space!r}")
        if measures is None:
            raise QDError(f"{self.name}: {problem.name} declares no measures; give it a measure_space")
        dims = self.dims or measures.dims
        if dims is None or len(dims) != measures.size:
            raise QDError(f"{self.name}.dims: got {dims}, wanted a number of cells for each measure {measures.names}")
        archive = GridArchive(
            solution_dim=space.length, dims=dims, ranges=measures.ranges, solution_dtype=space.dtype,
            extra_fields={"id": ((), np.int64), "evaluations": ((), np.int64)},
        )  # fmt: skip
        return NoisyMapElitesState(
            seed, space, archive, np.empty((0, space.length), space.dtype), np.empty(0), np.empty((0, measures.size)),
            np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_),
        )  # fmt: skip

    def ask(self, state: NoisyMapElitesState, left: int) -> Request | None:
        if left <= 0:
            return None
        number = state.generation
        state.generation += 1
        fidelity = {REPEATS: self.repeats} if self.repeats > 1 else {}
        elites = np.flatnonzero(state.elite)
        if len(elites) == 0:
            drawn = state.space.sample(self.batch_size, generator(state.seed, "sample", number))
            state.again = self.looks_a_generation > 0
            return Request(drawn, operators="sample", fidelity=fidelity)
        if state.again:
            state.again = False
            lots = generator(state.seed, "looks", number).permutation(elites)
            rows = lots[np.argsort(state.counts[lots], kind="stable")][: self.looks_a_generation]
            state.looked_at = rows
            return Request(state.solutions[rows], parents=state.ids[rows][:, None], operators="again",
                           purpose="validate", fidelity=fidelity)  # fmt: skip
        state.again = self.looks_a_generation > 0
        children, parents, operator = self._children(state, elites, generator(state.seed, "variation", number))
        return Request(children, parents=parents, operators=operator, fidelity=fidelity)

    def _children(
        self, state: NoisyMapElitesState, elites: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[np.int64], str]:
        operator, count = operator_of(state.space)
        n = self.batch_size - self.looks_a_generation
        rows = elites[rng.integers(0, len(elites), (count, n))]
        children = children_of(self, state.space, operator, state.solutions, rows, rng)
        return children, state.ids[rows.T], operator

    def tell(self, state: NoisyMapElitesState, request: Request, evaluation: Evaluation) -> None:
        if state.looked_at is not None:
            self._average(state, state.looked_at[: len(request)], evaluation)
            state.looked_at = None
        else:
            ok = evaluation.ok
            state.solutions = np.concatenate([state.solutions, np.asarray(request.solutions)[ok]])
            state.objective = np.concatenate([state.objective, evaluation.objective[ok]])
            state.measures = np.concatenate([state.measures, evaluation.measures[ok]])
            state.counts = np.concatenate([state.counts, np.full(int(ok.sum()), self.repeats)])
            state.ids = np.concatenate([state.ids, request.ids[ok]])
        self._compete(state)

    def _average(self, state: NoisyMapElitesState, rows: NDArray[np.int64], evaluation: Evaluation) -> None:
        """Take new evaluations into the means of rows; what failed this time leaves."""
        ok = evaluation.ok
        fine, r = rows[ok], self.repeats
        surprise = evaluation.objective[ok] - state.objective[fine]
        old = state.counts[fine]
        state.squares += float((surprise**2 * old * r / (old + r)).sum())  # each has the variance of one evaluation
        state.looks += len(fine)
        weight = r / (old + r)
        state.objective[fine] += weight * surprise
        state.measures[fine] += weight[:, None] * (evaluation.measures[ok] - state.measures[fine])
        state.counts[fine] += r
        kept = np.ones(len(state.ids), np.bool_)
        kept[rows[~ok]] = False
        self._keep(state, np.flatnonzero(kept))

    def _compete(self, state: NoisyMapElitesState) -> None:
        """Every solution into the cell of its mean measures; the best few of each cell stay, the best is its elite."""
        archive = state.archive
        archive.clear()
        if len(state.ids) == 0:
            state.elite = np.empty(0, np.bool_)
            return
        noise = np.sqrt(state.squares / state.looks) if state.looks else 0.0
        worth = state.objective - self.caution * noise / np.sqrt(state.counts)
        cells = archive.index_of(state.measures)
        order = np.lexsort((-worth, cells))  # by cell, best first, of equal ones the older
        starts = np.flatnonzero(np.diff(cells[order], prepend=-1))
        places = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
        self._keep(state, order[places < self.depth])
        state.elite = places[places < self.depth] == 0
        best = np.flatnonzero(state.elite)
        archive.add(state.solutions[best], state.objective[best], state.measures[best],
                    id=state.ids[best], evaluations=state.counts[best])  # fmt: skip

    def _keep(self, state: NoisyMapElitesState, rows: NDArray[np.int64]) -> None:
        for name in ("solutions", "objective", "measures", "counts", "ids"):
            setattr(state, name, getattr(state, name)[rows])

    def report(self, state: NoisyMapElitesState) -> Report:
        counts = state.counts[state.elite]
        metrics = {
            "evaluations_an_elite": float(counts.mean()) if len(counts) else float("nan"),
            "waiting": float(len(state.ids) - len(counts)),
            "noise": float(np.sqrt(state.squares / state.looks)) if state.looks else float("nan"),
        }
        return Report({"elites": state.archive}, metrics)
