"""Standardised observations as a part of any search: Salimans, Ho, Chen, Sidor and Sutskever 2017, section 2.1.

https://arxiv.org/abs/1703.03864. Networks learn far better from observations of mean 0 and spread 1, but mean and
spread are only known once networks have seen some. Here they are state of the search: they travel to every rank in
``Request.context``, every evaluation brings back the statistics of what its network saw, and these are folded in by
the order of the rows (Chan, Golub and LeVeque 1979). So a run has the same bits on any number of ranks and after a
resume. With ``repeats``, the first episode of each row counts.

A solution means what it meant when it was judged only under the statistics of that moment. So by default they are
settled first, by ``warm_up`` random solutions, and then stay as they are: every elite was judged under the same
ones. With ``freeze_after`` they follow the search for longer, as in evolution strategies, where the answer is
the last distribution; elites that an archive took in before they were frozen then have an objective that they may
not reach again. The statistics are among the report's populations and stored with the archive: ``render`` and a
request's context take them to replay a solution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Space

COLUMNS = ("observation_count", "observation_mean", "observation_squares")
_CONSTANT = 1e-8  # a spread below this, beside the mean, is that of a constant: it is not divided by


@dataclass
class NormalisedState:
    """The inner search's state, field by field, and the statistics of all observations so far."""

    seed: int
    space: Space
    inner: dict[str, Any]
    phase: str = "begin"  # begin, warm_up (waiting for it), search
    evaluated: int = 0  # rows of the inner search that were told
    count: int = 0  # observations
    mean: NDArray[np.float64] | None = None  # (o,)
    squares: NDArray[np.float64] | None = None  # (o,) sum of squared distances from the mean


@dataclass(frozen=True)
class ObservationNormalised(Algorithm):
    """Any search, with observations standardised by statistics that are part of its state.

    The problem offers the columns ``observation_count``, ``observation_mean`` and ``observation_squares``, and reads
    ``observation_mean``, ``observation_std`` and ``observation_clip`` from the context, as ``qd.problems.Gym`` does.

    >>> from qd.algorithms import MapElites
    >>> ObservationNormalised(MapElites(batch_size=64)).name
    'ObservationNormalised(MapElites)'
    """

    algorithm: Algorithm
    """The search itself."""
    warm_up: int = 200
    """Random solutions, out of the budget, whose observations are known before the search begins; 0 for none."""
    freeze_after: int = 0
    """Evaluations of the search itself after which the statistics stay as they are; -1 for never."""
    clip: float = 5.0
    """Standardised observations are cut to -clip..clip."""

    State = NormalisedState

    def __post_init__(self) -> None:
        if not isinstance(self.algorithm, Algorithm):
            raise QDError(
                f"ObservationNormalised.algorithm: got {type(self.algorithm).__name__}, wanted a qd.Algorithm"
            )
        if self.warm_up < 0:
            raise QDError(f"ObservationNormalised.warm_up: got {self.warm_up}, wanted 0 or more")
        if self.freeze_after < -1:
            raise QDError(f"ObservationNormalised.freeze_after: got {self.freeze_after}, wanted 0 or more, or -1")
        if self.warm_up == 0 and self.freeze_after == 0:
            raise QDError("ObservationNormalised: warm_up = 0 and freeze_after = 0 leave no statistics to standardise "
                          "by; raise one of them")  # fmt: skip
        if not self.clip > 0:
            raise QDError(f"ObservationNormalised.clip: got {self.clip}, wanted a number above 0")

    @property
    def name(self) -> str:
        """With the inner search's."""
        return f"ObservationNormalised({self.algorithm.name})"

    @property
    def in_flight(self) -> int:  # type: ignore[override]
        """That of the inner search."""
        return self.algorithm.in_flight

    @property
    def uses_budget(self) -> bool:  # type: ignore[override]
        """That of the inner search."""
        return self.algorithm.uses_budget

    def init(self, problem: Problem, seed: int) -> NormalisedState:
        missing = [column for column in COLUMNS if column not in problem.columns]
        if missing:
            raise QDError(f"ObservationNormalised: {problem.name} does not offer the column {missing[0]!r}, so there "
                          "is nothing to standardise by; use the search without it")  # fmt: skip
        return NormalisedState(seed, problem.space(), vars(self.algorithm.init(problem, seed)))

    def ask(self, state: NormalisedState, left: int) -> Request | None:
        if state.phase == "warm_up" and left > 0:
            return None
        if state.phase == "begin" and self.warm_up and left > 0:
            state.phase = "warm_up"
            drawn = state.space.sample(self.warm_up, generator(state.seed, "warm_up"))
            # Judged without statistics, so not to be compared with what the search finds: a purpose of its own.
            return Request(drawn, operators="warm_up", purpose="validate", columns=COLUMNS)
        state.phase = "search"
        inner = self._inner(state)
        request = self.algorithm.ask(inner, left)
        state.inner = vars(inner)
        if request is None:
            return None
        context = {**request.context, **self._context(state)}
        return replace(request, columns=(*request.columns, *COLUMNS), context=context)

    def tell(self, state: NormalisedState, request: Request, evaluation: Evaluation) -> None:
        warming = request.operators == "warm_up"
        if warming or self.freeze_after < 0 or state.evaluated < self.freeze_after:
            self._fold(state, evaluation)
        if warming:
            state.phase = "search"
            return
        state.evaluated += len(request)
        inner = self._inner(state)
        self.algorithm.tell(inner, *self._own(request, evaluation))
        state.inner = vars(inner)

    def dropped(self, state: NormalisedState, request: Request) -> None:
        state.phase = "search"
        if request.operators == "warm_up":
            return
        inner = self._inner(state)
        self.algorithm.dropped(inner, replace(request, columns=request.columns[: -len(COLUMNS)]))
        state.inner = vars(inner)

    def report(self, state: NormalisedState) -> Report:
        report = self.algorithm.report(self._inner(state))
        populations = dict(report.populations)
        populations.update(self._context(state))  # to replay a solution with
        return Report(report.archives, {**report.metrics, "observations": state.count}, populations)

    def reserve(self, problem: Problem) -> int:
        return self.algorithm.reserve(problem)

    def _inner(self, state: NormalisedState) -> Any:
        return self.algorithm.State(**state.inner)

    def _own(self, request: Request, evaluation: Evaluation) -> tuple[Request, Evaluation]:
        """As the inner search asked: it sees no columns but its own."""
        columns = request.columns[: -len(COLUMNS)]
        seen = {name: evaluation.columns[name] for name in columns if name in evaluation.columns}
        return replace(request, columns=columns), replace(evaluation, columns=seen)

    def _context(self, state: NormalisedState) -> dict[str, NDArray[Any]]:
        """What rows are standardised by; nothing before the first observation."""
        if state.mean is None or state.squares is None:
            return {}
        std = np.sqrt(state.squares / state.count)
        std = np.where(std > _CONSTANT * np.maximum(1.0, np.abs(state.mean)), std, 1.0)
        return {"observation_mean": state.mean, "observation_std": std, "observation_clip": np.array(self.clip)}

    def _fold(self, state: NormalisedState, evaluation: Evaluation) -> None:
        """Add the rows' statistics, one after the other: sums have a fixed order whoever evaluated the rows."""
        counts, means, squares = (evaluation.columns.get(name) for name in COLUMNS)
        if counts is None or means is None or squares is None:
            return  # every row was lost
        for row in np.flatnonzero(evaluation.ok & (np.asarray(counts) > 0)):
            count = int(counts[row])
            if state.mean is None or state.squares is None:
                state.count, state.mean, state.squares = count, means[row].copy(), squares[row].copy()
                continue
            total = state.count + count
            apart = means[row] - state.mean  # (o,)
            state.squares = state.squares + squares[row] + apart**2 * (state.count * count / total)
            state.mean = state.mean + apart * (count / total)
            state.count = total
