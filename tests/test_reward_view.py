"""Pictures of evolved rewards: curves with intervals, a map of sketches, one reward and what it teaches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.learners import KeyDoor, QLearning
from qd.rewards import Feature, Reward, WeightedSum
from qd.view.reward_plots import SKETCHES, selected_curves, sketch_map, spread_out, success_figure
from qd.view.space_axes import measure_axes

pytestmark = pytest.mark.drawing


@pytest.fixture(scope="module")
def result() -> Any:
    names = ("toward_key", "toward_door", "toward_goal_open", "step")
    reward = Reward(tuple(Feature(name) for name in names), WeightedSum(0.1))
    problem = qd.problems.EvolvedReward(
        KeyDoor(size=6, horizon=40), reward, QLearning(steps=400), held_out=3, test_seeds=2, select_seeds=2
    )
    search = qd.algorithms.Selected(qd.algorithms.MapElites(batch_size=10, initial=60), percent=100, candidates=2)
    return qd.run(qd.Experiment(problem, search, 84, seed=2), progress=False)


def test_the_tested_reward_and_the_first_have_a_curve_with_an_interval(result: Any) -> None:
    axes = selected_curves(result).axes[0]
    assert [line.get_label() for line in axes.get_lines()] == ["evolved", "to begin with"]
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), result.populations["test_curve"][0])
    assert len(axes.collections) == 2
    assert selected_curves(SimpleNamespace(populations={}, summary={})) is None


def test_an_interval_of_one_arm_is_drawn_within_0_and_1() -> None:
    fig = success_figure({"$a": (np.array([0.1, 0.95]), np.array([0.3, np.nan]))}, {"algorithm": "x", "problem": "y"})
    low, high = np.array(fig.axes[0].collections[0].get_paths()[0].vertices)[:, 1].min(), 1.0
    assert low == 0.0 and high <= 1.0
    assert fig.axes[0].get_legend().get_texts()[0].get_text() == r"\$a"


def test_the_map_has_a_sketch_for_the_best_of_each_part(result: Any) -> None:
    drawn = sketch_map(result, measure_axes(result))
    archive = next(iter(result.archives.values()))
    chosen = spread_out(archive.data("measures"), archive.data("objective"))
    assert len(drawn.axes[0].collections) == len(chosen) <= SKETCHES**2
    assert len(drawn.axes[0].get_lines()) == 3 * len(chosen)  # two parts of the wall, and the way
    assert sketch_map(SimpleNamespace(experiment=None), measure_axes(result)) is None


def test_spread_out_takes_the_best_of_a_part() -> None:
    measures = np.array([[0.0, 0.0], [0.01, 0.01], [1.0, 1.0], [0.5, 0.0]])
    assert spread_out(measures, np.array([1.0, 2.0, 0.0, 5.0])).tolist() == [1, 2, 3]


def test_a_reward_is_drawn_with_its_formula_terms_and_ways(result: Any) -> None:
    problem = result.experiment.problem
    solution = result.best["solution"]
    fig = problem.render(solution, 3)
    assert fig.get_suptitle().replace("\n", " ") == problem.reward.formula(solution)
    assert [text.get_text() for text in fig.axes[3].get_yticklabels()][::-1] != []
    assert len(fig.axes) == 5
    sketch = problem.sketch(solution, 3)
    assert sketch["lines"][-1][0].tolist() == list(sketch["points"][0][:2]), "the way begins at the start"
    with pytest.raises(QDError, match="sketch"):
        qd.problems.PlanarArm().sketch(np.zeros(10), 0)
