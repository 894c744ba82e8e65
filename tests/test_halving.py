"""Successive halving inside a search: who goes on, what the search is told, what it costs."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import qd
from qd.algorithms import GeneticAlgorithm, Halving, MapElites, RandomSearch, Selected
from qd.contracts import Evaluation, Problem, Request, Status
from qd.errors import QDError


class Slow(Problem):
    """The sum of genes; at fewer steps less of it shows, and what is left of the error is the steps' own."""

    solution_space = qd.Box(0.0, 1.0, 4)
    measure_space = qd.Measures(("first",), (0.0,), (1.0,), dims=(5,))
    fidelities = MappingProxyType({"steps": "how long"})
    costs = {"steps": 100.0}
    batching = "rows"

    def __init__(self) -> None:
        self.seen: list[tuple[Any, int]] = []

    def cost_bounds(self, request: Request) -> dict[str, NDArray[np.float64]]:
        return {"steps": np.full(len(request), float(request.fidelity.get("steps", 100)))}

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        x, steps = np.asarray(request.solutions), request.fidelity.get("steps", 100)
        self.seen.append((steps, len(x)))
        status = np.where((x[:, 3] > 0.9) & (steps == 30), Status.FAILED, Status.OK).astype(np.int8)
        objective = np.where(status == Status.OK, x.sum(axis=1) * (1 + (steps < 100)), np.nan)  # short ones look better
        measures = np.where(status[:, None] == Status.OK, x[:, :1], np.nan)
        return Evaluation(objective, measures, status, cost=self.cost_bounds(request))


class Listening(RandomSearch):
    """Keeps what it is told, outside the state."""

    told: list[tuple[Request, Evaluation]] = []

    def tell(self, state: Any, request: Request, evaluation: Evaluation) -> None:
        self.told.append((request, evaluation))
        super().tell(state, request, evaluation)


def test_a_third_goes_on_and_nobody_who_fell_stands_above_it() -> None:
    problem, Listening.told = Slow(), []
    qd.run(qd.Experiment(problem, Halving(Listening(batch_size=9), "steps", (10, 30)), 13, seed=3), progress=False)
    assert problem.seen == [(10, 9), (30, 3), (100, 1)]
    ((request, told),) = Listening.told
    sums = np.asarray(request.solutions).sum(axis=1)
    order = np.argsort(-sums)
    third = [row for row in order[:3] if request.solutions[row, 3] <= 0.9]
    winner = max(third, key=lambda row: sums[row])
    ok = told.ok
    assert ok.sum() == 9 - sum(request.solutions[row, 3] > 0.9 for row in order[:3])
    assert told.objective[winner] == sums[winner], "its own at the full fidelity, not the flattered one"
    assert (told.objective[ok] <= told.objective[winner]).all()
    np.testing.assert_array_equal(told.measures[ok], request.solutions[ok, :1])
    assert request.ids.tolist() == list(range(9))


def test_it_costs_what_its_rungs_cost() -> None:
    problem = Slow()
    search = Halving(GeneticAlgorithm(9, parents=3), "steps", (10, 30))
    result = qd.run(qd.Experiment(problem, search, {"steps": 1000}, seed=1), progress=False)
    generation = 9 * 10 + 3 * 30 + 100
    assert result.summary["cost"]["steps"] <= 1000
    assert sum(rows for steps, rows in problem.seen if steps == 100) >= 1000 // generation - 1
    assert result.metrics["whole_evaluations_saved"].iloc[-1] > 0


def test_a_race_that_the_budget_ends_tells_nothing() -> None:
    problem, Listening.told = Slow(), []
    qd.run(qd.Experiment(problem, Halving(Listening(batch_size=9), "steps", (10, 30)), 10, seed=3), progress=False)
    assert Listening.told == []


def test_it_finds_more_than_whole_evaluations_for_the_same_steps() -> None:
    halved, whole = (
        float(np.mean([
            qd.run(qd.Experiment(Slow(), search, {"steps": 4000}, seed=seed), progress=False).summary["best_objective"]
            for seed in range(8)
        ]))
        for search in (Halving(RandomSearch(27), "steps", (10, 31)), RandomSearch(27))
    )  # fmt: skip
    assert halved > whole


def test_an_archive_and_the_last_choice_go_with_it() -> None:
    search = Selected(Halving(MapElites(batch_size=9, initial=27), "steps", (10, 30)), candidates=2, test=False)
    result = qd.run(qd.Experiment(Slow(), search, 120, seed=1), progress=False)
    archive = result.archives["elites"]
    assert len(archive) >= 3 and archive.data("objective").max() <= 4.0
    metrics = result.summary["metrics"]
    assert metrics["select_objective"] <= 4.0
    whole = [rows for steps, rows in result.experiment.problem.seen if steps == 100]
    assert whole[-1] <= 2, "only what was evaluated whole is chosen from, not what looked better when it was short"
    assert metrics["select_objective"] == archive.data("objective").max()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"algorithm": 3}, "algorithm"),
        ({"rungs": ()}, "rungs"),
        ({"rungs": (30, 10)}, "rungs"),
        ({"eta": 1.0}, "eta"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(QDError, match=field):
        Halving(**({"algorithm": RandomSearch(4)} | settings))


def test_a_problem_without_the_fidelity_is_refused() -> None:
    with pytest.raises(QDError, match=r"Halving.fidelity: Slow offers no 'epochs'"):
        qd.run(qd.Experiment(Slow(), Halving(RandomSearch(4), "epochs"), 10), progress=False)
    with pytest.raises(QDError, match="asks for columns"):
        qd.run(qd.Experiment(Slow(), Halving(Columns(4)), 10), progress=False)


class Columns(RandomSearch):
    """Asks for a column."""

    def ask(self, state: Any, left: int) -> Request | None:
        request = super().ask(state, left)
        if request is not None:
            request.columns = ("repeat_count",)
        return request
