"""Choosing by what was not searched on, then one test: for any search, on masks with hand-made numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import qd
from qd.algorithms import MapElites, RandomSearch, Selected
from qd.algorithms.selected import whole_values
from qd.contracts import Problem
from qd.errors import QDError


class Judged(Problem):
    """Masks: the search likes ones, selection likes the first half, the test counts what it was asked."""

    solution_space = qd.Mask(8)
    test_columns = ("scores",)
    columns = {"scores": "(n, 2) a number an example"}
    costs = {"examples": 4.0}
    deterministic = True
    batching = "rows"

    def __init__(self):
        self.seen = []

    @property
    def start(self):
        return np.ones((1, 8), np.uint8)

    def cost_bounds(self, request):
        each = {"search": 4.0, "validate": 4.0, "select": 10.0, "test": 20.0}[request.purpose]
        return {"examples": np.full(len(request), each)}

    def evaluate(self, request, seeds):
        masks = np.asarray(request.solutions, float)
        self.seen.append((request.purpose, len(masks)))
        value = {"search": masks.sum(1), "validate": masks.sum(1), "select": masks[:, :4].sum(1) - masks[:, 4:].sum(1),
                 "test": 100 + masks.sum(1)}[request.purpose]  # fmt: skip
        columns = {"scores": np.stack([value, value], 1)} if "scores" in request.columns else {}
        return qd.Evaluation(value, columns=columns, cost=self.cost_bounds(request))


def made(search=None, budget=60, **settings):
    problem = Judged()
    selected = Selected(search or RandomSearch(batch_size=10), **settings)
    return problem, qd.run(qd.Experiment(problem, selected, budget, seed=3), progress=False)


def test_the_best_by_the_search_are_judged_anew_and_one_is_tested_beside_the_start():
    problem, result = made(percent=20, candidates=5)
    asked = [purpose for purpose, _ in problem.seen]
    assert asked.count("test") == 1 and problem.seen[-1] == ("test", 2)
    assert ("select", 5) in problem.seen
    assert sum(rows for purpose, rows in problem.seen if purpose == "search") == 60 - 5 - 2
    chosen = result.populations["selected"][0]
    metrics = result.summary["metrics"]
    assert metrics["test_objective"] == 100 + chosen.sum() and metrics["compared_test_objective"] == 108
    assert metrics["select_objective"] == chosen[:4].sum() * 1.0 - chosen[4:].sum()
    assert result.populations["test_scores"].tolist() == [[100 + chosen.sum()] * 2, [108.0] * 2]
    assert result.summary["best_objective"] == result.best["objective"] <= 8  # of the search alone


def test_the_choice_is_the_best_finalist_and_finalists_are_the_best_of_the_history():
    class Remembering(RandomSearch):
        def tell(self, state, request, evaluation):
            told.append((np.asarray(request.solutions).copy(), evaluation.objective.copy()))

    told = []
    _, result = made(Remembering(batch_size=10), percent=10, candidates=4)
    masks = np.concatenate([one for one, _ in told])
    value = np.concatenate([one for _, one in told])
    _, first = np.unique(masks, axis=0, return_index=True)
    first = np.sort(first)
    best = first[np.argsort(-value[first], kind="stable")][: min(4, max(1, round(len(first) * 0.1)))]
    anew = masks[best][:, :4].sum(1) * 1.0 - masks[best][:, 4:].sum(1)
    assert np.array_equal(result.populations["selected"][0], masks[best[anew.argmax()]])


def test_a_search_that_ends_early_is_followed_by_its_selection_at_full_size():
    class Short(RandomSearch):
        def ask(self, state, left):
            return super().ask(state, left) if state.generation < 2 else None

    problem, _ = made(Short(batch_size=10), budget=24 + 7, percent=100, candidates=5)
    assert problem.seen == [("search", 10), ("search", 10), ("select", 5), ("test", 2)]


def test_a_budget_in_examples_keeps_back_what_the_closing_rows_cost():
    problem, result = made(budget={"examples": 200}, percent=100, candidates=5)
    assert result.summary["cost"]["examples"] <= 200
    assert ("select", 5) in problem.seen and ("test", 2) in problem.seen
    assert sum(rows for purpose, rows in problem.seen if purpose == "search") == (200 - 50 - 40) // 4


def test_without_a_test_nothing_is_tested():
    problem, result = made(test=False)
    assert all(purpose != "test" for purpose, _ in problem.seen)
    assert np.isnan(result.summary["metrics"]["test_objective"]) or result.summary["metrics"]["test_objective"] is None


def test_the_test_is_read_once_a_run():
    class Greedy(RandomSearch):
        def ask(self, state, left):
            request = super().ask(state, left)
            return request and replace(request, purpose="test")

    problem = Judged()
    with pytest.raises(QDError, match=r"Request\.purpose.*second time.*'test'"):
        qd.run(qd.Experiment(problem, Greedy(batch_size=4), 40), progress=False)
    assert problem.seen == [("test", 4)]


def test_a_killed_run_does_not_test_twice_and_ends_the_same(tmp_path):
    experiment = qd.Experiment(Judged(), Selected(RandomSearch(batch_size=10)), 60, seed=3, checkpoint_seconds=0)
    whole = qd.run(experiment, out=tmp_path / "whole", progress=False)

    class Interrupted(Judged):
        down = False

        def evaluate(self, request, seeds):
            if request.purpose == "test" and not self.down:
                self.down = True
                raise KeyboardInterrupt
            return super().evaluate(request, seeds)

    broken = replace(experiment, problem=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        qd.run(broken, out=tmp_path / "broken", progress=False)
    assert broken.problem.down
    resumed = qd.resume(tmp_path / "broken", broken, progress=False)
    assert resumed.digest == whole.digest
    assert sum(purpose == "test" for purpose, _ in broken.problem.seen) == 1


def test_failed_rows_are_no_finalists_and_a_run_of_failures_chooses_nothing():
    class Failing(Judged):
        def evaluate(self, request, seeds):
            evaluation = super().evaluate(request, seeds)
            evaluation.status[:] = qd.Status.FAILED
            return evaluation

    result = qd.run(qd.Experiment(Failing(), Selected(RandomSearch(batch_size=10)), 60), progress=False)
    assert "selected" not in result.populations and result.summary["failed"] == result.summary["evaluations"]


def test_halves_of_one_solution_make_a_whole():
    masks = np.array([[1, 0], [0, 1], [1, 0], [1, 1], [0, 1]], np.uint8)
    objective = np.array([2.0, 9.0, 6.0, 5.0, np.nan])
    rows, value = whole_values(masks, objective, np.array([1, 1, 3, 4, 3]), 4)
    assert rows.tolist() == [0, 3] and value.tolist() == [(2 * 1 + 6 * 3) / 4, 5.0]  # [0, 1] never was judged whole
    rows, value = whole_values(masks[:3], objective[:3], np.zeros(3, np.int64), 0)
    assert rows.tolist() == [0, 1] and value.tolist() == [2.0, 9.0]  # no parts: the first of equal solutions counts


def test_it_wraps_a_search_with_an_archive():
    class Measured(Judged):
        measure_space = qd.Measures(("ones",), (0.0,), (8.0,), (9,))

        def evaluate(self, request, seeds):
            evaluation = super().evaluate(request, seeds)
            evaluation.measures = np.asarray(request.solutions, float).sum(1, keepdims=True)
            return evaluation

    result = qd.run(qd.Experiment(Measured(), Selected(MapElites(batch_size=10)), 80), progress=False)
    assert result.summary["archives"]["elites"] > 3 and "selected" in result.populations


@pytest.mark.parametrize(("settings", "named"), [({"percent": 0}, "percent"), ({"candidates": 0}, "candidates")])
def test_bad_settings_are_named(settings, named):
    with pytest.raises(QDError, match=f"Selected.{named}"):
        Selected(RandomSearch(), **settings)
    with pytest.raises(QDError, match=r"Selected\.algorithm"):
        Selected("ga")
