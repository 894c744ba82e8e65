"""Problems with the measures of a fixed encoder: what is passed on, what is truth, and what searches see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import qd
from qd.behavior import PCA, Samples, Signature, Whitened
from qd.commands.settings import Table, overridden, read_flags
from qd.problems import Encoded, HardMaze, PlanarArm
from qd.store.settings import described

MAZE = HardMaze(steps=200, frames=20)


@dataclass(frozen=True)
class Walk(qd.Problem):
    """Paths of four points; the measures are the last one. Counts what it is asked."""

    broken: bool = False

    solution_space = qd.Box(-1.0, 1.0, 8)
    measure_space = qd.Measures(("x", "y"), (-4.0, -4.0), (4.0, 4.0), dims=(8, 8))
    reward_areas = ("right",)
    columns = {"trajectory": "(n, 4, 2) the points", "first": "(n,) the first gene"}
    costs = {"steps": 4.0}
    deterministic = True
    batching = "rows"
    chunk_size = 16

    def evaluate(self, request: qd.Request, seeds: NDArray[np.uint64]) -> qd.Evaluation:
        x = np.asarray(request.solutions)
        path = x.reshape(-1, 4, 2).cumsum(axis=1)
        objective, measures = path[:, -1, 0].copy(), path[:, -1].copy()
        status = np.zeros(len(x), np.int8)
        if self.broken:
            status[0] = qd.Status.FAILED
            objective[0] = measures[0] = path[0] = np.nan
            measures[1] = np.inf
            path[2, 1], path[3, 1] = np.nan, np.inf
        columns = {"trajectory": path, "first": x[:, 0]}
        area = np.where(objective > 1, 0, -1)
        return qd.Evaluation(objective, measures, status, {name: columns[name] for name in request.columns},
                             {"steps": np.full(len(x), 4.0)}, {"reward_area": area})  # fmt: skip


def evaluated(problem: qd.Problem, n: int = 6, columns: tuple[str, ...] = ()) -> qd.Evaluation:
    solutions = problem.space().sample(n, qd.rng.generator(1, "test"))
    return qd.evaluate_batch(problem, qd.Request(solutions, columns=columns))


def test_measures_are_the_encoders_and_the_problems_own_are_truth() -> None:
    problem = Encoded(Walk(), Signature(depth=2))
    plain, encoded = evaluated(Walk(), columns=("trajectory",)), evaluated(problem)
    np.testing.assert_array_equal(encoded.measures, Signature(depth=2).encode({}, plain.columns["trajectory"]))
    np.testing.assert_array_equal(encoded.truth["measures"], plain.measures)
    np.testing.assert_array_equal(encoded.truth["reward_area"], plain.truth["reward_area"])
    np.testing.assert_array_equal(encoded.objective, plain.objective)
    np.testing.assert_array_equal(encoded.cost["steps"], plain.cost["steps"])
    assert not encoded.columns
    asked = evaluated(problem, columns=("first", "trajectory"))
    assert list(asked.columns) == ["first", "trajectory"]


@pytest.mark.parametrize("problem", [
    Encoded(Walk(), Signature(depth=3)),
    Encoded(Walk(), Samples(count=2), low=-3, high=3, dims=(4, 4, 4, 4)),
    Encoded(MAZE, Signature(depth=3, time=True, log=True)),
], ids=lambda problem: problem.name)  # fmt: skip
def test_the_contract_of_problems_holds(problem: Encoded) -> None:
    problem.prepare()
    assert qd.check_problem(problem) == []


def test_what_a_problem_declares_is_passed_on() -> None:
    problem = Encoded(Walk(), Samples(count=4))
    for name in ("solution_space", "columns", "costs", "reward_areas", "deterministic", "chunk_size", "batching"):
        assert getattr(problem, name) == getattr(Walk(), name), name
    assert problem.truth_space == Walk.measure_space
    assert problem.scene() == {}
    assert Encoded(MAZE, Samples()).releases_gil
    assert Encoded(MAZE, Samples()).scene()["circles"]


def test_the_space_is_unbounded_unless_bounds_are_given() -> None:
    free = Encoded(Walk(), Samples(count=2)).measure_space
    assert free.size == 4 and not free.bounded and free.dims is None
    problem = Encoded(Walk(), Samples(count=2), low=(-1, -1, -2, -2), high=0.5, dims=(2, 2, 2, 2))
    space = problem.measure_space
    assert space.low == (-1, -1, -2, -2) and space.high == (0.5,) * 4 and space.dims == (2,) * 4
    measures = evaluated(problem, 50).measures
    free_measures = evaluated(Encoded(Walk(), Samples(count=2)), 50).measures
    np.testing.assert_array_equal(measures, np.clip(free_measures, space.low, space.high))
    assert (measures != free_measures).any()
    assert (evaluated(problem, 50).status == qd.Status.OK).all()


def test_rows_that_are_not_finite_fail_by_themselves() -> None:
    for bounds in ({}, {"low": -3, "high": 3}):
        encoded = evaluated(Encoded(Walk(broken=True), Samples(count=4), shape=(4, 2), **bounds))
        # failed by itself; a truth and paths that are not finite
        assert encoded.status.tolist() == [1, 1, 1, 1, 0, 0]
        assert np.isnan(encoded.measures[:4]).all() and np.isfinite(encoded.measures[4:]).all()


def test_no_search_sees_the_truth_and_metrics_do(tmp_path: Any) -> None:
    problem = Encoded(Walk(), Signature(depth=2))
    seen: list[qd.Evaluation] = []

    class Watching(qd.algorithms.NoveltySearch):
        def tell(self, state: Any, request: qd.Request, evaluation: qd.Evaluation) -> None:
            seen.append(evaluation)
            super().tell(state, request, evaluation)

    result = qd.run(qd.Experiment(problem, Watching(population_size=20), 200), out=tmp_path / "run", progress=False)
    assert all(not evaluation.truth and evaluation.measures.shape[1] == 6 for evaluation in seen)
    positions = result.positions["measures"]
    assert positions.shape == (200, 2)
    cells = np.unique(np.clip(((positions + 4) * 1).astype(int), 0, 7), axis=0)
    assert result.summary["truth_coverage"] == result.summary["coverage"] == len(cells) / 64
    assert result.metrics["truth_coverage"].iloc[-1] == len(cells) / 64
    assert qd.Result.load(tmp_path / "run").positions["measures"].shape == (200, 2)


def test_map_elites_fills_the_encoders_grid_while_the_truths_is_counted() -> None:
    problem = Encoded(Walk(), Signature(depth=1, scaling="factorial"), low=-4, high=4, dims=(4, 4))
    result = qd.run(qd.Experiment(problem, qd.algorithms.MapElites(batch_size=20), 400), progress=False)
    assert result.archive.dims.tolist() == [4, 4]
    positions = result.positions["measures"]
    assert result.summary["truth_coverage"] == len(np.unique(np.floor(positions).clip(-4, 3), axis=0)) / 64
    assert result.summary["coverage"] != result.summary["truth_coverage"]


def test_a_search_with_a_grid_says_that_bounds_are_missing() -> None:
    problem = Encoded(Walk(), Signature(depth=1))
    with pytest.raises(qd.QDError, match="bounds are infinite"):
        qd.algorithms.MapElites(dims=(4, 4)).init(problem, 0)


def test_a_run_goes_on_from_its_checkpoint_to_the_same_end(tmp_path: Any) -> None:
    problem = Encoded(Walk(), Signature(depth=2, log=True))
    search = qd.algorithms.NoveltySearch(population_size=20)
    whole = qd.run(qd.Experiment(problem, search, 300), progress=False)
    qd.run(qd.Experiment(problem, search, 140), out=tmp_path / "run", progress=False)
    more = qd.resume(tmp_path / "run", qd.Experiment(problem, search, 140), evaluations=300, progress=False)
    assert more.digest == whole.digest
    assert more.summary["truth_coverage"] == whole.summary["truth_coverage"]


def test_settings_are_described_and_given_on_the_command_line() -> None:
    experiment = qd.Experiment(Encoded(MAZE, Signature(depth=5)), qd.algorithms.NoveltySearch(), 100)
    about = described(experiment)["problem"]
    assert about["encoder"]["class"] == "qd.behavior.signature:Signature"
    assert about["encoder"]["depth"] == 5 and about["problem"]["steps"] == 200 and about["low"] is None
    words = ["--problem.encoder.depth", "4", "--problem.encoder.log", "true", "--problem.problem.steps", "100",
             "--problem.low", "-1", "--problem.high=2,2,2,2,2,2,2,2"]  # fmt: skip
    given = overridden(experiment, read_flags(words, Table.of(experiment))).problem
    assert given.encoder == Signature(depth=4, log=True)
    assert given.problem == HardMaze(steps=100, frames=20)
    assert given.measure_space.low == (-1.0,) * 8 and given.measure_space.high == (2.0,) * 8


def test_bad_settings_are_refused_by_name() -> None:
    walk = Walk()
    for message, make in {
        r"Encoded.problem: got int": lambda: Encoded(3, Samples()),  # type: ignore[arg-type]
        r"Encoded.encoder: got str": lambda: Encoded(walk, "pca"),  # type: ignore[arg-type]
        r"PCA learns.*TAXONS, STAX or AURORA": lambda: Encoded(walk, PCA()),
        r"Whitened learns": lambda: Encoded(walk, Whitened(Signature())),
        r"'images' is not a column of Walk": lambda: Encoded(walk, Samples(), "images"),
        r"'trajectory' is not a column of PlanarArm": lambda: Encoded(PlanarArm(), Samples()),
        r"Encoded.low, high": lambda: Encoded(walk, Samples(), low=0.0),
        r"Encoded.dims": lambda: Encoded(walk, Samples(), dims=(3, 3)),
        r"Encoded.low: got 3 numbers.*makes 8": lambda: Encoded(walk, Samples(4), low=(0, 0, 0), high=1).measure_space,
        r"Samples.count: got 5": lambda: Encoded(walk, Samples(5)).measure_space,
    }.items():
        with pytest.raises(qd.QDError, match=message):
            make()


def test_measures_without_bounds_have_no_grid() -> None:
    free = qd.Measures(("x",), (-np.inf,), (1.0,))
    assert not free.bounded
    with pytest.raises(qd.QDError, match="bounds are infinite"):
        _ = free.ranges
    with pytest.raises(qd.QDError, match=r"Measures\.dims"):
        qd.Measures(("x",), (-np.inf,), (1.0,), dims=(3,))
    with pytest.raises(qd.QDError, match="low must be below high"):
        qd.Measures(("x",), (np.nan,), (1.0,))


def test_infinite_measures_fail_where_there_are_no_bounds() -> None:
    class Far(Walk):
        measure_space = qd.Measures(("x", "y"), (-np.inf, -np.inf), (np.inf, np.inf))

        def evaluate(self, request: qd.Request, seeds: NDArray[np.uint64]) -> qd.Evaluation:
            evaluation = super().evaluate(request, seeds)
            evaluation.measures[1, 0] = np.inf
            return evaluation

    request = qd.Request(np.zeros((3, 8)))
    assert qd.evaluate_batch(Far(), request).status.tolist() == [0, 1, 0]
