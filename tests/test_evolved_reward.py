"""The outer problem of rewards: true and paid stay apart, layouts are held out, what fails costs nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import qd
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.learners import KeyDoor, LayoutTask, QLearning, TableTask
from qd.problems.evolved_reward import HELD_OUT, EvolvedReward
from qd.rewards import Feature, Reward, Steps, WeightedSum

SMALL = KeyDoor(size=6, horizon=40)
LEARNER = QLearning(steps=600)


def made(**settings: Any) -> EvolvedReward:
    reward = Reward(
        (Feature("toward_key"), Feature("toward_door"), Feature("toward_goal_open"), Feature("step")), WeightedSum(0.1)
    )
    few: dict[str, Any] = {"layouts": 2, "seeds": 2, "select_seeds": 3, "held_out": 3, "test_seeds": 2}
    return EvolvedReward(SMALL, reward, LEARNER, **(few | settings))


def seeds(n: int) -> NDArray[np.uint64]:
    return np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def test_it_keeps_the_contract_of_problems() -> None:
    qd.check_problem(made())


def test_the_true_success_is_judged_not_what_is_paid() -> None:
    problem = made()
    teaching = problem.reward.solution({f"{n}.weight": 1.0 for n in ("toward_key", "toward_door", "toward_goal_open")})  # type: ignore[attr-defined]
    paying = problem.reward.solution({"step.weight": 5.0})  # type: ignore[attr-defined]
    names = ("area", "final", "farming", "correlation")
    result = problem.evaluate(Request(np.stack([teaching, paying]), columns=names), seeds(2))
    assert result.columns["area"][0] > 0.2 and result.columns["area"][1] < 0.05
    assert result.objective[0] > result.objective[1]
    assert abs(result.objective[0] - result.columns["area"][0]) < 2e-3
    assert result.columns["farming"][1] > 0.9, "paid best for staying"


@pytest.mark.parametrize(("purpose", "cells"), [("search", 4), ("validate", 4), ("select", 6), ("test", 6)])
def test_purposes_train_as_many_learners_as_they_say_on_their_layouts(
    purpose: Any, cells: int, monkeypatch: Any
) -> None:
    problem, seen = made(), []
    train = QLearning.train

    def spied(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(args)
        return train(self, *args, **kwargs)

    monkeypatch.setattr(QLearning, "train", spied)
    request = Request(problem.space().sample(2, np.random.default_rng(0)), purpose=purpose)
    result = problem.evaluate(request, seeds(2))
    ((_, _, _, which, layouts, cell_seeds, *_),) = seen
    assert len(which) == 2 * cells and len(np.unique(cell_seeds)) == 2 * cells
    numbers = {*range(HELD_OUT, HELD_OUT + 3)} if purpose == "test" else {0, 1}
    assert set(layouts.tolist()) == numbers
    bound = problem.cost_bounds(request)["steps"]
    assert (result.cost["steps"] <= bound).all() and (result.cost["steps"] >= cells * 600).all()
    assert np.isfinite(result.columns["held_out_success"]).all() == (purpose == "test")


@pytest.mark.parametrize(
    ("worth", "reason"), [(np.nan, "not finite"), (np.inf, "not finite"), (1e9, "more than limit")]
)
def test_a_reward_that_is_no_number_is_refused_and_shifts_nobody(
    worth: float, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = made()
    solutions = problem.space().sample(5, np.random.default_rng(1))
    whole = problem.evaluate(Request(solutions), seeds(5))
    values = Reward.values

    def third_breaks(self: Reward, rows: Any, steps: Steps) -> NDArray[np.float64]:
        paid = np.array(values(self, rows, steps))
        paid[(np.asarray(rows) == solutions[2]).all(axis=1), 3] = worth
        return paid

    monkeypatch.setattr(Reward, "values", third_breaks)
    result = problem.evaluate(Request(solutions), seeds(5))
    assert result.status.tolist() == [0, 0, Status.INVALID, 0, 0]
    assert reason in result.reasons[2] and result.cost["steps"][2] == 0
    rest = [0, 1, 3, 4]
    np.testing.assert_array_equal(result.objective[rest], whole.objective[rest])
    np.testing.assert_array_equal(result.measures[rest], whole.measures[rest])


def test_the_inner_budget_is_a_fidelity_a_row() -> None:
    problem = made()
    solutions = problem.space().sample(2, np.random.default_rng(1))
    request = Request(solutions, fidelity={"steps": np.array([100, 600])})
    result = problem.evaluate(request, seeds(2))
    alone = problem.evaluate(Request(solutions), seeds(2))
    assert result.objective[1] == alone.objective[1]
    assert (result.cost["steps"] <= problem.cost_bounds(request)["steps"]).all()
    assert result.cost["steps"][0] < result.cost["steps"][1]


def test_a_second_learner_is_tested_and_paid_for() -> None:
    problem = made(second=QLearning(steps=400, rate=0.5))
    request = Request(problem.space().sample(2, np.random.default_rng(1)), purpose="test")
    result = problem.evaluate(request, seeds(2))
    assert np.isfinite(result.columns["second_learner"]).all()
    assert (result.cost["steps"] <= problem.cost_bounds(request)["steps"]).all()
    assert (result.cost["steps"] >= 6 * 1000).all()


def test_a_run_says_what_was_reached_on_held_out_layouts(tmp_path: Any) -> None:
    search = qd.algorithms.Selected(qd.algorithms.RandomSearch(batch_size=8), percent=100, candidates=2)
    experiment = qd.Experiment(made(), search, 20, seed=1)
    result = qd.run(experiment, tmp_path / "run", progress=False)
    metrics = result.summary["metrics"]
    assert 0 <= metrics["held_out_success"] <= 1 and metrics["compared_held_out_success"] == 0.0
    assert qd.Result.load(tmp_path / "run").populations["test_curve"].shape == (2, 10)
    assert replace(experiment, seed=2) != experiment


@dataclass(frozen=True)
class Walled(LayoutTask):
    """A layout without a way."""

    variables = KeyDoor.variables

    def layout(self, number: int) -> TableTask:
        table = SMALL.layout(number)
        return table if number != 1 else replace(table, success=np.zeros_like(table.success))


def test_bad_settings_are_named() -> None:
    with pytest.raises(QDError, match=r"no variable 'toward_kee'.*'toward_key'"):
        EvolvedReward(SMALL, Reward((Feature("toward_kee"),)))
    with pytest.raises(QDError, match="layout 1 cannot be solved"):
        EvolvedReward(Walled(), Reward((Feature("bump"),)))
    with pytest.raises(QDError, match=r"layout 0 cannot be solved.*horizon 3"):
        EvolvedReward(KeyDoor(horizon=3), Reward((Feature("bump"),)))
    with pytest.raises(QDError, match="held_out"):
        made(held_out=0)
    with pytest.raises(QDError, match=r"no gene .bumb\.weight."):
        Reward((Feature("bump"),), default={"bumb.weight": 1.0})
    with pytest.raises(QDError, match=r"wanted -5\.0 \.\. 5\.0"):
        Reward((Feature("bump"),)).solution({"bump.weight": 7.0})


def test_a_solution_outside_the_bounds_of_its_genes_is_invalid() -> None:
    result = qd.evaluate_batch(made(), Request(np.array([[0.0, 0.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0]])))
    assert result.status.tolist() == [Status.OK, Status.INVALID]
