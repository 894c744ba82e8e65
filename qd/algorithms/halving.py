"""Successive halving inside any search: short evaluations first, whole ones for those that do well in them.

Jamieson and Talwalkar 2016, https://arxiv.org/abs/1502.07943; Karnin, Koren and Somekh 2013. Of a generation all rows
are evaluated at the first rung of a fidelity (how many steps a learner gets, how many examples a prompt is judged on),
the best 1 / eta of them at the next, and so on to the problem's full fidelity. Good where a bad solution shows early
and a whole evaluation is dear: with three rungs a third apart a generation of 27 costs what 9 whole evaluations do.

The inner search is told a generation once it is over. Who fell at an earlier rung never stands above one that went on:
its objective is cut to the least of theirs, since the same number means less at a lower fidelity. Each rung is
evaluated anew, with seeds of its own, so that luck at one does not carry on to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report
from qd.contracts import SEARCHING, Evaluation, Problem, Request, Status
from qd.errors import QDError, nearest
from qd.ragged import Solutions


@dataclass
class HalvingState:
    """The inner search's state, field by field, and the generation that is being evaluated."""

    inner: dict[str, Any]
    rung: int = -1  # the one that is asked for; -1: no generation is under way
    asked: dict[str, Any] = field(default_factory=dict)  # the inner search's request, field by field
    solutions: Solutions | None = None  # (n, ...)
    alive: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # rows that are still in
    reached: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,) last rung of each
    objective: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # (n,) there
    measures: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))  # (n, m) there
    status: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))  # (n,) there
    saved: float = 0.0  # whole evaluations that were not made


@dataclass(frozen=True)
class Halving(Algorithm):
    """Any search, with its generations raced.

    >>> from qd.algorithms import GeneticAlgorithm
    >>> Halving(GeneticAlgorithm(population_size=27, parents=9), "steps", (333, 1000)).name
    'Halving(GeneticAlgorithm)'
    """

    algorithm: Algorithm
    """The search itself."""
    fidelity: str = "steps"
    """What the problem offers to do less of."""
    rungs: tuple[int, ...] = (333, 1000)
    """How much of it, least first; the full fidelity follows."""
    eta: float = 3.0
    """One of so many goes on to the next rung; at least one."""

    State = HalvingState

    def __post_init__(self) -> None:
        if not isinstance(self.algorithm, Algorithm):
            raise QDError(f"Halving.algorithm: got {type(self.algorithm).__name__}, wanted a qd.Algorithm")
        if not self.rungs or list(self.rungs) != sorted(set(self.rungs)) or self.rungs[0] < 1:
            raise QDError(f"Halving.rungs: got {self.rungs}, wanted whole numbers above 0, least first")
        if not self.eta > 1:
            raise QDError(f"Halving.eta: got {self.eta}, wanted more than 1")

    @property
    def name(self) -> str:
        """With the inner search's."""
        return f"Halving({self.algorithm.name})"

    @property
    def uses_budget(self) -> bool:  # type: ignore[override]
        """That of the inner search."""
        return self.algorithm.uses_budget

    def init(self, problem: Problem, seed: int) -> HalvingState:
        if self.fidelity not in problem.fidelities:
            raise QDError(f"Halving.fidelity: {problem.name} offers no {self.fidelity!r}, "
                          f"{nearest(self.fidelity, [*problem.fidelities, 'repeats'])}")  # fmt: skip
        if len(problem.objectives) > 1:
            raise QDError(f"Halving: {problem.name} has several objectives, so nobody is the best third")
        return HalvingState(vars(self.algorithm.init(problem, seed)))

    def ask(self, state: HalvingState, left: int) -> Request | None:
        if state.rung >= 0 and left <= 0:
            self._give_up(state)
        if state.rung < 0:
            inner = self.algorithm.State(**state.inner)
            request = self.algorithm.ask(inner, left)
            state.inner = vars(inner)
            if request is None or request.purpose not in SEARCHING or request.fidelity:
                return request
            n = len(request)
            state.rung, state.solutions, state.alive = 0, request.solutions, np.arange(n)
            state.reached, state.objective = np.full(n, -1), np.full(n, np.nan)
            state.measures, state.status = np.zeros((n, 0)), np.full(n, Status.FAILED, np.int8)
            state.asked = {name: getattr(request, name) for name in ("parents", "operators", "purpose", "emitter")}
            if request.columns or request.context or request.role:
                raise QDError(f"Halving: {self.algorithm.name} asks for columns, a context or a role, which a race "
                              "does not keep apart; use the search without it")  # fmt: skip
        assert state.solutions is not None
        rows = state.alive
        parents, emitter = state.asked["parents"], state.asked["emitter"]
        operators = state.asked["operators"]
        return Request(
            state.solutions[rows],
            parents=None if parents is None else parents[rows],
            operators=operators if isinstance(operators, str) else [operators[int(row)] for row in rows],
            purpose=state.asked["purpose"],
            fidelity={self.fidelity: self.rungs[state.rung]} if state.rung < len(self.rungs) else {},
            emitter=None if emitter is None else emitter[rows],
        )

    def tell(self, state: HalvingState, request: Request, evaluation: Evaluation) -> None:
        if state.rung < 0:
            inner = self.algorithm.State(**state.inner)
            self.algorithm.tell(inner, request, evaluation)
            state.inner = vars(inner)
            return
        rows = state.alive[: len(evaluation)]  # the budget may have cut it shorter
        if state.measures.shape[1] != evaluation.measures.shape[1]:
            state.measures = np.full((len(state.objective), evaluation.measures.shape[1]), np.nan)
        if state.rung == 0:
            state.asked["first"], state.asked["number"] = request.first, request.number
        state.objective[rows], state.measures[rows] = evaluation.objective, evaluation.measures
        state.status[rows], state.reached[rows] = evaluation.status, state.rung
        if state.rung == len(self.rungs):
            self._finish(state)
            return
        good = rows[evaluation.ok]
        best = good[np.argsort(-state.objective[good], kind="stable")]
        kept = best[: max(1, int(len(state.alive) / self.eta))]
        state.saved += len(state.alive) - len(kept)
        state.alive, state.rung = np.sort(kept), state.rung + 1
        if len(kept) == 0:
            self._finish(state)

    def _finish(self, state: HalvingState) -> None:
        """Tell the inner search its generation; who fell earlier does not stand above who went on."""
        objective, least = state.objective.copy(), np.inf
        for rung in range(len(self.rungs), -1, -1):
            here = (state.reached == rung) & (state.status == Status.OK)
            objective[here] = np.minimum(objective[here], least)
            least = min(least, float(objective[here].min(initial=np.inf)))
        lost = state.status != Status.OK
        objective[lost], state.measures[lost] = np.nan, np.nan
        assert state.solutions is not None
        told = replace(Request(state.solutions), **state.asked)
        reasons = {int(row): "it failed at an earlier rung, or the budget ended" for row in np.flatnonzero(lost)}
        inner = self.algorithm.State(**state.inner)
        self.algorithm.tell(inner, told, Evaluation(objective, state.measures, state.status, reasons=reasons))
        state.inner, state.rung = vars(inner), -1

    def _give_up(self, state: HalvingState) -> None:
        """The budget does not pay for the rungs that are left: what was seen at lower ones is no result."""
        assert state.solutions is not None
        inner = self.algorithm.State(**state.inner)
        self.algorithm.dropped(inner, Request(state.solutions))
        state.inner, state.rung = vars(inner), -1

    def dropped(self, state: HalvingState, request: Request) -> None:
        if state.rung >= 0:
            self._give_up(state)
        else:
            inner = self.algorithm.State(**state.inner)
            self.algorithm.dropped(inner, request)
            state.inner = vars(inner)

    def report(self, state: HalvingState) -> Report:
        report = self.algorithm.report(self.algorithm.State(**state.inner))
        metrics = {**report.metrics, "rung": float(state.rung), "whole_evaluations_saved": state.saved}
        return Report(report.archives, metrics, report.populations)

    def reserve(self, problem: Problem) -> int:
        return self.algorithm.reserve(problem)

    def reserved_cost(self, problem: Problem, unit: str) -> float:
        return self.algorithm.reserved_cost(problem, unit)

    def in_closing_stage(self, state: HalvingState) -> bool:
        return self.algorithm.in_closing_stage(self.algorithm.State(**state.inner))
