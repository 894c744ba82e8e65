"""Rubrics and policies evolved against each other: what is asked when, what is refused, what comes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import qd
from qd.algorithms import RubricCoevolution
from qd.algorithms.rubric_coevolution import _remembered
from qd.problems import JudgedReports
from qd.problems.judged import from_context

PROBLEM = JudgedReports(pairs=12, variants=6)
SMALL: dict[str, Any] = {"policies": 10, "parents": 4, "rubrics": 5, "rubric_children": 5, "judges": 2, "interval": 2}


def run(algorithm: qd.Algorithm, evaluations: int = 200, seed: int = 0, problem: qd.Problem = PROBLEM) -> qd.Result:
    return qd.run(qd.Experiment(problem, algorithm, evaluations, seed=seed), progress=False)


def driven(algorithm: RubricCoevolution, requests: int, lost: int = -1) -> list[qd.Request]:
    """The first requests of a search; the rows of one of them all fail."""
    state, asked, first = algorithm.init(PROBLEM, 3), [], 0
    for number in range(requests):
        request = algorithm.ask(state, 1000)
        assert request is not None
        request.number, request.first = number, first
        first += len(request)
        evaluation = PROBLEM.evaluate(request, np.zeros(len(request), np.uint64))
        if number == lost:
            evaluation.objective[:], evaluation.status[:] = np.nan, qd.Status.FAILED
        evaluation.truth = {}
        algorithm.tell(state, request, evaluation)
        asked.append(request)
    return asked


def told(request: qd.Request) -> str:
    return "again" if request.operators == "again" else request.role


def test_rounds_of_rubrics_come_between_generations_of_policies() -> None:
    asked = driven(RubricCoevolution(**SMALL), 9)
    assert [told(request) for request in asked] == [
        "rubric", "policy", "policy", "rubric", "again", "policy", "policy", "rubric", "again"
    ]  # fmt: skip
    judges = [from_context("rubrics", request.context) for request in asked if request.role == "policy"]
    counted = [len(batch) for batch in judges if batch is not None]
    assert counted == [2, 2, 3, 3, 3, 4]  # the best two, and the old ones that there are
    np.testing.assert_array_equal(judges[0], judges[1])  # the same judges until the next round
    assert not np.array_equal(judges[0], judges[2])
    again = next(request for request in asked if told(request) == "again")
    assert len(again) == 4  # the parents, scored anew by the new judges


def test_a_rubric_that_stays_is_never_asked_about() -> None:
    asked = driven(RubricCoevolution("fixed", "oracle", **SMALL), 6)
    assert {told(request) for request in asked} == {"policy"}
    for request in asked:
        np.testing.assert_array_equal(from_context("rubrics", request.context), PROBLEM.rubrics("oracle"))


def test_a_single_rubric_spends_what_a_population_spends() -> None:
    single, population = (driven(RubricCoevolution(mode, **SMALL), 9) for mode in ("single", "population"))
    assert [len(r) for r in single if r.role == "rubric"] == [10, 10, 10]
    assert [len(r) for r in population if r.role == "rubric"] == [10, 10, 10]
    judges = [from_context("rubrics", request.context) for request in single if request.role == "policy"]
    assert {len(batch) for batch in judges if batch is not None} == {1}


def test_random_search_varies_nothing() -> None:
    for request in driven(RubricCoevolution("random", **SMALL), 8):
        assert set([request.operators] if isinstance(request.operators, str) else request.operators) <= {
            "sample", "kept", "again"
        }  # fmt: skip


@pytest.mark.parametrize("lost", range(6))
def test_it_survives_a_request_whose_rows_all_failed(lost: int) -> None:
    asked = driven(RubricCoevolution(**SMALL), 10, lost)
    assert sum(request.role == "rubric" for request in asked) >= 2


def test_the_hall_of_fame_keeps_all_of_the_past_thinly() -> None:
    hall = None
    for number in range(40):
        hall = _remembered(hall, np.array([[number]]), 6)
        assert len(hall) <= 6 and hall[-1, 0] == number
    kept = np.asarray(hall)[:, 0]
    assert (np.diff(kept) > 0).all() and kept[0] < 10  # the newest, and something of the beginning


def test_it_closes_on_what_is_true() -> None:
    result = run(RubricCoevolution("fixed", "oracle", policies=20, parents=5), 800)
    metrics = result.summary["metrics"]
    test = next(best for best in result.summary["best"] if best["purpose"] == "test")
    assert metrics["test_best_gold"] == test["objective"]
    assert 0.85 < metrics["test_gold"] <= metrics["test_best_gold"] and metrics["test_exploit_rate"] == 0
    assert result.summary["evaluations"] == 800


def test_the_naive_rubric_is_exploited_and_coevolved_ones_are_less() -> None:
    fixed, evolved = (
        run(RubricCoevolution(mode), 2000, 1, JudgedReports(anchor_seed=1)) for mode in ("fixed", "population")
    )
    naive, ours = fixed.summary["metrics"], evolved.summary["metrics"]
    assert naive["test_gold"] < 0.65 and naive["test_exploit_rate"] > 0.8
    assert ours["test_gold"] > naive["test_gold"] + 0.1 and ours["test_exploit_rate"] < naive["test_exploit_rate"]
    gold = fixed.positions["measures"][:, 0]
    assert gold[-100:].mean() < gold.max()  # the judges' score rose all along


def test_no_search_reads_what_is_true() -> None:
    """Another truth, the same requests: nothing that the search does may differ before the closing test."""

    class Blind(JudgedReports):
        def true_worth(self, outputs: Any, purpose: str) -> Any:
            if not outputs or self.__dict__.get("_drawn") is None:  # the labels come from it, once
                return super().true_worth(outputs, purpose)
            return np.zeros(len(outputs)), np.zeros(len(outputs))

    blind, seeing = Blind(pairs=12, variants=6), JudgedReports(pairs=12, variants=6)
    for problem in (blind, seeing):
        problem.anchored()
    states = []
    for problem in (blind, seeing):
        algorithm = RubricCoevolution(**SMALL)
        result = run(replace(algorithm), 150, 2, problem)
        states.append(result.populations["policies"])
    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"mode": "both"}, "mode"),
        ({"parents": 50}, "parents"),
        ({"judges": 13}, "judges"),
        ({"interval": 0}, "interval"),
        ({"remembered": -1}, "remembered"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], names: str) -> None:
    with pytest.raises(qd.QDError, match=names):
        RubricCoevolution(**settings)


def test_problems_without_the_roles_are_refused() -> None:
    with pytest.raises(qd.QDError, match="policy and rubric"):
        run(RubricCoevolution(), problem=qd.problems.Sphere(dimension=3))
    with pytest.raises(qd.QDError, match="'naive'"):
        run(RubricCoevolution(start="naiv"))
