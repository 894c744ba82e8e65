"""Pictures of archives with several objectives: the right numbers are in them, live and stored; none has no picture."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection, QuadMesh

import operators as op
import qd
from archives import GridArchive, ParetoArchive
from qd.view.archive_plots import archive_figure
from qd.view.pareto_plots import cells_of, front_figure, fronts_of
from qd.view.scene import Scene
from qd.view.space_axes import MeasureAxes
from qd.view.style import style
from tests.test_view import SUMMARY, check_text, drawn

pytestmark = pytest.mark.drawing


def archive(n=300, k=2, **changes):
    settings = {"solution_dim": 1, "objective_dim": k, "dims": [5, 4], "ranges": [(0, 1)] * 2,
                "reference_point": [-5.0] * k, "extra_fields": {"id": ((), int)}}  # fmt: skip
    made = ParetoArchive(**settings | changes)
    r = np.random.default_rng(0)
    if n:
        made.add(np.zeros((n, 1)), r.normal(size=(n, k)), r.random((n, made.measure_dim)), id=np.arange(n))
    return made


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("n", [0, 1, 300])
def test_the_front_is_on_top_of_the_rest(k, n):
    made = archive(n, k)
    with style():
        fig = front_figure("kept", fronts_of(made), (), SUMMARY)
        check_text(fig)
    rest, front = drawn(fig.axes[0], PathCollection)
    objective = made.data("objective")
    first = op.non_dominated(objective)
    assert np.array_equal(np.asarray(rest.get_offsets()), objective[~first, :2])
    assert np.array_equal(np.asarray(front.get_offsets()), objective[first, :2])
    if n and k == 2 and first.sum() == 1:  # one evaluation number says nothing
        assert front.get_array() is None
    elif n:
        wanted = objective[first, 2] if k > 2 else made.data("id")[first]
        assert np.array_equal(np.asarray(front.get_array()), wanted)
    assert fig.axes[0].get_xlabel() == "objective 1"


def test_cells_show_their_hypervolume():
    made = archive()
    elites = cells_of(fronts_of(made))
    assert elites.index.tolist() == made.occupied_cells.tolist()
    assert np.allclose(elites.objective, made.hypervolumes)
    with style():
        fig = archive_figure("kept", elites, MeasureAxes(), Scene(), SUMMARY)
        check_text(fig)
    mesh = drawn(fig.axes[0], QuadMesh)[0]
    shown = np.ma.compressed(mesh.get_array())
    assert np.allclose(np.sort(shown[np.isfinite(shown)]), np.sort(made.hypervolumes))
    sizes = cells_of(fronts_of(archive(reference_point=None)))
    assert (sizes.label, sizes.objective.tolist()) == ("elites in the cell", made.front_sizes.tolist())
    assert cells_of(fronts_of(archive(dims=None, ranges=None, measure_dim=2))) is None
    points = np.random.default_rng(1).random((9, 2))
    assert cells_of(fronts_of(archive(dims=None, centroids=points))).shape == "cvt"


def test_archives_of_one_objective_are_left_alone():
    assert fronts_of(GridArchive(solution_dim=1, dims=[3], ranges=[(0, 1)])) is None
    assert fronts_of(object()) is None


def test_a_run_draws_the_same_live_and_stored(tmp_path):
    arm = qd.problems.PlanarArmTradeOff(joints=3)
    result = qd.run(qd.Experiment(arm, qd.algorithms.MOME(100, dims=(5, 5)), 600), tmp_path / "run", progress=False)
    live = result.plot()
    again = qd.Result.load(tmp_path / "run").plot(tmp_path / "again")
    names = ["objectives_elites.png", "archive_elites.png", "positions.png", "metrics.png"]
    assert [path.name for path in live] == [*names, "solution.png"]
    assert [path.name for path in again] == names
    for one, two in zip(live[:2], again[:2]):
        assert one.read_bytes() == two.read_bytes()
    front = qd.run(qd.Experiment(qd.problems.ZDT1(4), qd.algorithms.NSGA2(20), 100), tmp_path / "zdt", progress=False)
    assert [path.name for path in front.plot()] == ["objectives_front.png", "metrics.png"]
