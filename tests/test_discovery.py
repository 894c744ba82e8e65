"""Ground covered and reward areas found: hand-worked counts, and that searches never see them."""

import numpy as np
import pytest

import qd
from qd.contracts import Evaluation, Request
from qd.store.discovery import Discovery


def told(
    discovery: Discovery, first: int, objective: list, area: list, cells: list, emitter: list | None = None
) -> None:
    request = Request(np.zeros((len(objective), 1)), first=first)
    request.emitter = None if emitter is None else np.array(emitter)
    status = np.where(np.isnan(objective), 1, 0).astype(np.int8)
    evaluation = Evaluation(np.array(objective), status=status, truth={"reward_area": np.array(area)})
    discovery.record(request, evaluation, np.array(cells))


def test_counts_of_a_hand_worked_run() -> None:
    found = Discovery(("near", "far"), cells=4)
    told(found, 0, [0.0, 0.3, np.nan], [-1, 0, 1], [0, 1, 2])  # the failed row counts for nothing
    told(found, 3, [0.96, 0.2], [0, 1], [3, 3], emitter=[1, 1])  # made by the emitter of evaluation 1, in "near"
    told(found, 5, [0.4, 0.0], [1, -1], [3, 1], emitter=[4, -1])  # by that of evaluation 4, in "far"; one explores
    assert found.coverage == 0.75
    assert found.coverage_exploration == 0.5
    summary = found.summary()
    near, far = summary["reward_areas"]
    assert (near["best"], near["touched_after"], near["reached_after"], near["emitter_evaluations"]) == (0.96, 2, 4, 2)
    assert (far["best"], far["touched_after"], far["reached_after"], far["emitter_evaluations"]) == (0.4, 5, None, 1)
    assert summary["exploration_evaluations"] == 4
    assert found.metrics()["share_near"] == pytest.approx(2 / 7)


def test_uniformity_is_one_for_even_visits_and_that_of_scipy_else() -> None:
    from scipy.spatial.distance import jensenshannon

    found = Discovery(("a",), cells=5)
    assert np.isnan(found.uniformity)
    found.explored[:] = 3
    assert found.uniformity == pytest.approx(1.0)
    found.explored[:] = [7, 0, 1, 2, 0]
    assert found.uniformity == pytest.approx(1 - jensenshannon(found.explored / 10, np.full(5, 0.2), base=2))


def test_a_run_reports_its_areas_and_goes_on_with_them(tmp_path) -> None:
    experiment = qd.Experiment(qd.problems.HardMaze(steps=300), qd.algorithms.NoveltySearch(population_size=20), 200)
    result = qd.run(experiment, tmp_path / "run")
    discovery = result.summary["discovery"]
    assert discovery["coverage_exploration"] == result.summary["coverage"] > 0
    assert [area["name"] for area in discovery["reward_areas"]] == ["area 1", "area 2"]
    assert "best_area_2" in result.metrics.columns
    whole = qd.resume(tmp_path / "run", experiment, evaluations=400)
    again = qd.run(qd.Experiment(experiment.problem, experiment.algorithm, 400))
    assert whole.summary["discovery"] == again.summary["discovery"]


def test_areas_without_their_truth_are_refused() -> None:
    class Forgets(qd.Problem):
        solution_space = qd.Box(-1, 1, 2)
        reward_areas = ("somewhere",)

        def evaluate(self, request, seeds):
            return Evaluation(np.zeros(len(request)))

    with pytest.raises(qd.ProblemError, match="reward_area"):
        qd.run(qd.Experiment(Forgets(), qd.algorithms.RandomSearch(), 10))
