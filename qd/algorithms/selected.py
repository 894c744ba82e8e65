"""Choose by what was not searched on, then test once: the last stage of PromptQuine, for any search.

Wang et al. 2025, https://arxiv.org/abs/2506.17930, appendix on re-ranking: of everything that was evaluated, the best
tenth by the search's objective is evaluated anew on other examples, the best of these is the answer, and it alone is
tested. Good wherever the objective of the search is noisy or a stand-in for what counts. The problem says what the
purposes select and test mean: other examples, another objective, other layouts.

Where we differ: the number of those evaluated anew is bounded, since the budget pays for them; and the test has a
second row where the problem offers a solution to compare with (``problem.start``), so that the two are judged on the
same examples.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report
from qd.contracts import REPEATS, Evaluation, Problem, Request
from qd.errors import QDError
from qd.ragged import Ragged, Solutions, concatenate
from qd.rng import generator
from qd.space import Space


@dataclass
class SelectedState:
    """The inner search's state, field by field, all that it evaluated, and the last stage."""

    seed: int
    space: Space
    inner: dict[str, Any]
    phase: str = "search"  # search, select, test, done
    columns: tuple[str, ...] = ()  # that the test keeps
    metrics: tuple[str, ...] = ()  # columns of the test that become metrics
    compared: Any = None  # (1, d) what the test compares with
    full: int = 0  # examples of a whole evaluation, 0 where evaluations have no parts
    solutions: list[Any] = field(default_factory=list)  # batches, as they were told
    objective: list[NDArray[np.float64]] = field(default_factory=list)
    parts: list[NDArray[np.int64]] = field(default_factory=list)  # examples that each row was judged on
    ids: list[NDArray[np.int64]] = field(default_factory=list)
    parents: list[NDArray[np.int64]] = field(default_factory=list)  # the first of each row's, -1 for none
    finalists: Any = None  # solutions that select judges, best first
    finalist_ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    selected: Any = None  # (1, d)
    selected_id: int = -1
    select_value: float = float("nan")
    test_value: float = float("nan")
    compared_value: float = float("nan")
    kept: dict[str, NDArray[Any]] = field(default_factory=dict)  # columns of the test, a row each


@dataclass(frozen=True)
class Selected(Algorithm):
    """Any search, and then the choice among its best, and one test of it.

    >>> from qd.algorithms import RandomSearch
    >>> Selected(RandomSearch(batch_size=10), candidates=5).name
    'Selected(RandomSearch)'
    """

    algorithm: Algorithm
    """The search itself."""
    percent: float = 10.0
    """So many percent of the different solutions evaluated, the best by the search's objective, are judged anew."""
    candidates: int = 15
    """So many of them at most; at least one. They are paid for out of the budget."""
    test: bool = True
    """Test the one that is chosen."""

    State = SelectedState

    def __post_init__(self) -> None:
        if not isinstance(self.algorithm, Algorithm):
            raise QDError(f"Selected.algorithm: got {type(self.algorithm).__name__}, wanted a qd.Algorithm")
        if not 0 < self.percent <= 100:
            raise QDError(f"Selected.percent: got {self.percent}, wanted a number above 0, up to 100")
        if self.candidates < 1:
            raise QDError(f"Selected.candidates: got {self.candidates}, wanted at least 1")

    @property
    def name(self) -> str:
        """With the inner search's."""
        return f"Selected({self.algorithm.name})"

    @property
    def uses_budget(self) -> bool:  # type: ignore[override]
        """That of the inner search."""
        return self.algorithm.uses_budget

    def init(self, problem: Problem, seed: int) -> SelectedState:
        start = getattr(problem, "start", None)
        return SelectedState(
            seed,
            problem.space(),
            vars(self.algorithm.init(problem, seed)),
            columns=problem.test_columns,
            metrics=problem.test_metrics,
            compared=start,
            full=int(problem.costs.get("examples", 0)),
        )

    def ask(self, state: SelectedState, left: int) -> Request | None:
        if state.phase == "search":
            inner = self.algorithm.State(**state.inner)
            request = self.algorithm.ask(inner, left)
            state.inner = vars(inner)
            if request is not None:
                return request
            self._choose_finalists(state)
        if state.phase == "select":
            return Request(
                state.finalists, parents=state.finalist_ids[:, None], operators="selection", purpose="select"
            )
        if state.phase == "test":
            rows = state.selected if state.compared is None else concatenate([state.selected, state.compared])
            return Request(rows, operators="test", purpose="test", columns=(*state.columns, *state.metrics))
        return None

    def tell(self, state: SelectedState, request: Request, evaluation: Evaluation) -> None:
        if state.phase == "select":
            self._select(state, request, evaluation)
        elif state.phase == "test":
            state.test_value = float(evaluation.objective[0])
            if len(evaluation) > 1:
                state.compared_value = float(evaluation.objective[1])
            state.kept = {name: np.asarray(column) for name, column in evaluation.columns.items()}
            state.phase = "done"
        else:
            state.solutions.append(request.solutions)
            state.objective.append(np.where(evaluation.ok, evaluation.objective, np.nan))
            asked = request.fidelity.get("examples")
            counts = np.full(len(request), state.full) if asked is None else (np.asarray(asked) >= 0).sum(axis=1)
            if set(request.fidelity) - {"examples", REPEATS}:
                counts = np.full(len(request), -1)  # a race's short evaluations are no whole ones
            state.parts.append(counts[: len(evaluation)].astype(np.int64))
            state.ids.append(request.ids)
            firsts = np.full(len(request), -1) if request.parents is None else request.parents[:, 0]
            state.parents.append(np.asarray(firsts, np.int64))
            inner = self.algorithm.State(**state.inner)
            self.algorithm.tell(inner, request, evaluation)
            state.inner = vars(inner)

    def dropped(self, state: SelectedState, request: Request) -> None:
        if state.phase == "search":
            inner = self.algorithm.State(**state.inner)
            self.algorithm.dropped(inner, request)
            state.inner = vars(inner)
        else:
            state.phase = "done"

    def _choose_finalists(self, state: SelectedState) -> None:
        """The best of all that was evaluated whole, each once; halves that make a whole are averaged."""
        state.phase = "done"
        if not state.solutions:
            return
        solutions, objective = concatenate(state.solutions), np.concatenate(state.objective)
        parts, ids = np.concatenate(state.parts), np.concatenate(state.ids)
        rows, value = whole_values(solutions, objective, parts, state.full)
        if len(rows) == 0:
            return
        order = np.argsort(-value, kind="stable")  # ties: the earlier one first
        count = min(self.candidates, max(1, round(len(rows) * self.percent / 100)))
        chosen = rows[order[:count]]
        state.finalists, state.finalist_ids = solutions[chosen], ids[chosen]
        state.phase = "select"

    def _select(self, state: SelectedState, request: Request, evaluation: Evaluation) -> None:
        state.phase = "done"
        value = np.where(evaluation.ok, evaluation.objective, -np.inf)
        best = int(np.argmax(value))  # ties: the better one by the search
        if not np.isfinite(value[best]):
            return
        state.selected = request.solutions[np.array([best])]
        state.selected_id, state.select_value = int(state.finalist_ids[best]), float(value[best])
        state.phase = "test" if self.test else "done"

    def report(self, state: SelectedState) -> Report:
        report = self.algorithm.report(self.algorithm.State(**state.inner))
        metrics = {
            **report.metrics,
            "selected_evaluation": float(state.selected_id),
            "select_objective": state.select_value,
            "test_objective": state.test_value,
            "compared_test_objective": state.compared_value,
        }
        for name in state.metrics:  # of the one selected, then of what it is compared with
            first, *others = state.kept.get(name, [np.nan])
            metrics[name] = float(first)
            metrics[f"compared_{name}"] = float(others[0]) if others else float("nan")
        populations = dict(report.populations)
        if state.solutions and not isinstance(state.solutions[0], Ragged):
            for name in ("solutions", "objective", "parts", "ids", "parents"):  # where the winner came from
                populations[f"history_{name}"] = partial(concatenate, getattr(state, name))
        if state.selected is not None:
            first = state.selected
            populations["selected"] = first.values if isinstance(first, Ragged) else first
            populations.update({f"test_{name}": column for name, column in state.kept.items()})
        return Report(report.archives, metrics, populations)

    def in_closing_stage(self, state: SelectedState) -> bool:
        return state.phase != "search"

    def reserve(self, problem: Problem) -> int:
        return self.algorithm.reserve(problem) + self.candidates + self._tested(problem)

    def reserved_cost(self, problem: Problem, unit: str) -> float:
        """What the closing requests cost, by the problem's own bounds."""
        row = problem.space().sample(1, generator(0, "bound"))
        one = {purpose: float(problem.cost_bounds(replace(Request(row), purpose=purpose))[unit][0])
               for purpose in ("select", "test")}  # fmt: skip
        own = self.algorithm.reserved_cost(problem, unit)
        return own + self.candidates * one["select"] + self._tested(problem) * one["test"]

    def _tested(self, problem: Problem) -> int:
        return self.test * (2 if getattr(problem, "start", None) is not None else 1)


def whole_values(
    solutions: Solutions, objective: NDArray[np.float64], parts: NDArray[np.int64], full: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The different solutions of a history that were judged whole, and their objective.

    Args:
        solutions: n, in the order in which they were evaluated.
        objective: (n,) NaN where an evaluation failed.
        parts: (n,) examples that each row was judged on.
        full: examples of a whole evaluation; 0 where evaluations have no parts.

    Returns:
        (k,) the first row of each different solution, in order, and (k,) its objective: of its first whole row, else
        the mean of its parts, weighted by their examples.
    """
    rows: dict[bytes, list[int]] = {}
    for row in range(len(solutions)):
        key = (solutions.row(row) if isinstance(solutions, Ragged) else solutions[row]).tobytes()
        rows.setdefault(key, []).append(row)
    first, value = [], []
    for group in rows.values():
        good = [row for row in group if np.isfinite(objective[row])]
        entire = next((row for row in good if parts[row] >= full), None)
        if entire is not None:
            first.append(entire)
            value.append(objective[entire])
        elif sum(parts[row] for row in good) >= full and good:
            weights = parts[good]
            first.append(good[0])
            value.append(float((objective[good] * weights).sum() / weights.sum()))
    order = np.argsort(first, kind="stable") if first else np.zeros(0, np.int64)
    return np.array(first, np.int64)[order], np.array(value, np.float64)[order]
