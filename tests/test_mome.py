"""MOME on the planar arm and on small problems: better than random, failures, settings, what it reports and exports."""

import csv

import numpy as np
import pytest

import operators as op
import qd
from archives import ParetoArchive
from qd.problems.planar_arm_trade_off import PlanarArmTradeOff
from tests.twins.planar_arm import arm

pytestmark = pytest.mark.peer


def run(problem, budget=1000, seed=1, out=None, **settings):
    return qd.run(qd.Experiment(problem, qd.algorithms.MOME(**settings), budget, seed=seed), out, progress=False)


def two(function, **settings):
    defaults = {"low": 0, "high": 1, "length": 3, "objectives": ("a", "b"), "measures": {"x": (0, 1)}}
    return qd.problem(function, **defaults | settings)


@pytest.fixture(scope="module")
def result():
    return run(PlanarArmTradeOff(joints=6), 12_000, batch_size=200, dims=(8, 8), front_size=10)


def random_archive(problem, n):
    made = ParetoArchive(solution_dim=6, objective_dim=2, dims=(8, 8), ranges=problem.measure_space.ranges,
                         front_size=10, reference_point=problem.reference_point)  # fmt: skip
    x = problem.solution_space.sample(n, np.random.default_rng(0))
    evaluation = problem.evaluate(qd.Request(x), np.zeros(n, np.uint64))
    made.add(x, evaluation.objective, evaluation.measures)
    return made


def test_it_beats_random_search_on_the_arm(result):
    random = random_archive(PlanarArmTradeOff(joints=6), 12_000)
    assert result.summary["qd_score"] > 1.15 * random.moqd_score
    assert result.summary["coverage"] > random.coverage
    assert result.archive.front_sizes.max() <= 10
    assert (result.archive.front_sizes > 3).sum() > 20  # the objectives do pull apart


def test_what_it_reports(result):
    archive, metrics = result.archive, result.summary["metrics"]
    assert result.summary["qd_score"] == archive.moqd_score
    assert result.summary["coverage"] == archive.coverage
    assert metrics["hypervolume"] == pytest.approx(op.hypervolume(archive.data("objective"), [0.0, 0.0]))
    assert (metrics["elites"], metrics["front_size_max"]) == (len(archive), archive.front_sizes.max())
    assert result.metrics["qd_score"].iloc[-1] == pytest.approx(archive.moqd_score)
    data = archive.data()
    arm_ = PlanarArmTradeOff(joints=6).evaluate(qd.Request(data["solution"]), np.zeros(len(archive), np.uint64))
    assert np.array_equal(arm_.objective, data["objective"])
    assert np.array_equal(archive.index_of(arm_.measures), data["index"])


def test_without_a_limit_the_score_never_falls():
    rising = run(PlanarArmTradeOff(joints=4), 6000, batch_size=100, dims=(6, 6), front_size=0).metrics["qd_score"]
    assert (np.diff(rising) >= -1e-9).all()
    assert rising.iloc[-1] > rising.iloc[0]


@pytest.mark.parametrize("settings", [
    {"archive": "cvt", "centroids": 20, "centroid_samples": 200}, {"operator": "gaussian"}, {"selection": "crowding"},
    {"replacement": "random", "front_size": 2},
])  # fmt: skip
def test_its_other_settings_run(settings):
    found = run(PlanarArmTradeOff(joints=4), 2000, batch_size=100, dims=(4, 4), **settings)
    assert found.summary["qd_score"] > 5
    assert found.archive.cells == (20 if "archive" in settings else 16)


def test_masks():
    problem = qd.problem(lambda m: ((float(m[:4].sum()), -float(m.sum())), [float(m[4:].sum())]), space=qd.Mask(8),
                         objectives=("left", "small"), measures={"right": (0, 5)}, coverage_cells=5)  # fmt: skip
    found = run(problem, 1500, batch_size=30)
    for cell in range(5):
        members = found.archive.data("objective")[found.archive.data("index") == cell]
        assert {tuple(row) for row in members} == {(k, -k - cell) for k in range(5)}


def test_failed_rows_and_whole_failed_batches():
    found = run(two(lambda x: ((np.nan if x[0] > 0.5 else x[1], -x[1]), [x[0]])), 400, batch_size=40, dims=(4,))
    assert 0 < found.summary["failed"] < 400
    assert np.isfinite(found.archive.data("objective")).all()
    none = run(two(lambda x: ((np.nan, 0.0), [x[0]])), 100, batch_size=40, dims=(4,))
    assert none.summary["failed"] == 100
    assert len(none.archive) == 0


def test_the_reference_point_of_the_first_generation_stays():
    problem = two(lambda x: ((x[1], -x[1] - x[2]), [x[0]]))
    short, long = (run(problem, budget, batch_size=50, dims=(4,)) for budget in (50, 400))
    assert short.archive.reference_point.tolist() == long.archive.reference_point.tolist()
    assert run(problem, 50, reference_point=(-3.0, -3.0)).archive.reference_point.tolist() == [-3.0, -3.0]


def test_a_stored_run_loads_exports_and_plots(tmp_path):
    live = run(PlanarArmTradeOff(joints=3), 2000, out=tmp_path / "run", batch_size=100, dims=(5, 5))
    stored = qd.Result.load(tmp_path / "run")
    assert stored.archive.kind == "ParetoArchive"
    assert np.array_equal(stored.archive.fields["objective"], live.archive.data("objective"))
    assert stored.archive.meta["reference_point"] == [0.0, 0.0]
    from qd.store.export import elites, write_table

    write_table(elites(stored.archive), tmp_path / "elites.csv", "csv")
    with open(tmp_path / "elites.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(live.archive)
    assert {"objective_0", "objective_1", "solution_2", "x [reach]", "index"} <= rows[0].keys()


@pytest.mark.parametrize(("settings", "message"), [
    ({"batch_size": 0}, r"MOME\.batch_size"),
    ({"front_size": -1}, r"MOME\.front_size"),
    ({"iso_sigma": 0.0, "line_sigma": 0.0}, "not both 0"),
    ({"flip_probability": 2.0}, r"MOME\.flip_probability"),
])  # fmt: skip
def test_bad_settings_are_named(settings, message):
    with pytest.raises(qd.QDError, match=message):
        qd.algorithms.MOME(**settings)


def test_bad_problems_are_refused_before_any_work():
    with pytest.raises(qd.QDError, match="PlanarArm has one objective"):
        run(qd.problems.PlanarArm())
    with pytest.raises(qd.QDError, match="ZDT1 declares no measures"):
        run(qd.problems.ZDT1())
    with pytest.raises(qd.QDError, match=r"MOME\.dims: got 1 numbers"):
        run(PlanarArmTradeOff(), dims=(3,))
    with pytest.raises(qd.QDError, match=r"MOME\.reference_point"):
        run(PlanarArmTradeOff(), reference_point=(0.0, 0.0, 0.0))
    with pytest.raises(qd.QDError, match=r"MOME\.operator: 'bit_flip'"):
        run(PlanarArmTradeOff(), operator="bit_flip")


# ------------------------------------------------------------------ the problem


def test_the_two_objectives_of_the_arm():
    problem = PlanarArmTradeOff(joints=7)
    genes = problem.solution_space.sample(300, np.random.default_rng(0))
    found = problem.evaluate(qd.Request(genes), np.zeros(300, np.uint64))
    one = qd.problems.PlanarArm(joints=7).evaluate(qd.Request(genes), np.zeros(300, np.uint64))
    assert found.objective[:, 0].tobytes() == one.objective.tobytes()  # PlanarArm's own, to the bit
    assert found.measures.tobytes() == one.measures.tobytes()
    assert np.allclose(found.objective[:, 0], arm(genes)[0])
    assert np.allclose(found.objective[:, 1], 1 - 2 * np.abs(genes - 0.5).mean(axis=1))
    assert (found.objective > problem.reference_point).all()
    parts = [problem.evaluate(qd.Request(genes[i:j]), np.zeros(j - i, np.uint64)) for i, j in ((0, 1), (1, 300))]
    assert np.concatenate([part.objective for part in parts]).tobytes() == found.objective.tobytes()
    assert qd.check_problem(problem) == []
    assert "0." in problem.render(genes[0], 0).axes[0].get_title()
