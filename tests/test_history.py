"""history.bin: a record an evaluation, from which maps, lineages and evaluations can be had again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import qd
from qd.contracts import Request
from qd.errors import QDError
from qd.rng import row_seeds
from qd.store.files import RunFolder
from qd.store.history import History, read_history, setting_of
from qd.store.recorder import grid_cells

ARM = qd.Experiment(qd.problems.PlanarArm(joints=4), qd.algorithms.MapElites(batch_size=64), 1000, seed=3)


def history(out: Path) -> History:
    read = read_history(RunFolder(out))
    assert read is not None
    return read


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("history") / "run"
    qd.run(ARM, out)
    return out


def test_a_row_an_evaluation(run: Path) -> None:
    read, result = history(run), qd.Result.load(run)
    assert len(read) == 1000
    assert (np.diff(read.generation) >= 0).all()
    assert read.generation[-1] + 1 == result.summary["generations"]
    assert read.operators[0] == "sample"
    assert set(read.settings) == {"|search|"}
    assert read.objective.max() == result.summary["best_objective"]


def test_the_map_of_the_last_generation_is_the_archive(run: Path) -> None:
    read, stored = history(run), qd.Result.load(run).archive
    space = ARM.problem.measure_space
    assert space is not None
    best = np.full(int(np.prod(space.dims or ())), -np.inf)
    np.maximum.at(best, grid_cells(space, read.measures), read.objective)
    kept = np.full(len(best), -np.inf)
    kept[stored.fields["index"]] = stored.fields["objective"]
    np.testing.assert_array_equal(best, kept)


def test_lineages_lead_to_a_sample(run: Path) -> None:
    read = history(run)
    born = read.generation > 0
    assert (read.parents[born, 0] >= 0).all()
    assert (read.generation[read.parents[born, 0]] < read.generation[born]).all()
    line = list(read.ancestors(999))
    assert line == sorted(line, reverse=True)
    assert read.operator_of(line[-1]) == "sample"
    assert read.parents[line[-1], 0] == -1


def test_an_evaluation_can_be_made_again(tmp_path: Path) -> None:
    problem = qd.problems.Noisy(qd.problems.PlanarArm(joints=3), objective_sigma=0.1, measure_sigma=0.1)
    experiment = qd.Experiment(problem, qd.algorithms.MapElites(batch_size=16), 48, seed=8)
    result = qd.run(experiment, tmp_path / "run")
    read = history(tmp_path / "run")
    best = result.best
    seeds = row_seeds(8, read.draw[[best["id"]]])
    again = problem.evaluate(Request(best["solution"][None]), seeds)
    assert again.objective[0] == read.objective[best["id"]]
    np.testing.assert_array_equal(again.measures[0], read.measures[best["id"]])


def test_a_resumed_run_has_the_same_bytes(run: Path, tmp_path: Path) -> None:
    qd.run(replace(ARM, budget=500), tmp_path / "run")
    with open(tmp_path / "run" / "history.bin", "ab") as file:
        file.write(b"x" * 1234)  # what a run writes after its last checkpoint
    qd.resume(tmp_path / "run", ARM, evaluations=1000)
    assert (tmp_path / "run" / "history.bin").read_bytes() == (run / "history.bin").read_bytes()
    assert (tmp_path / "run" / "history.json").read_bytes() == (run / "history.json").read_bytes()


def test_failures_and_several_objectives(tmp_path: Path) -> None:
    def moody(x: np.ndarray) -> tuple[float, np.ndarray]:
        if x[0] > 0.5:
            raise RuntimeError("no")
        return float(x.sum()), x[:1]

    problem = qd.problem(moody, low=0, high=1, length=2, measures={"x": (0, 1)})
    qd.run(qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=20), 40), tmp_path / "moody")
    read = history(tmp_path / "moody")
    lost = read.status != 0
    assert 0 < lost.sum() < 40
    assert np.isnan(read.objective[lost]).all()
    assert np.isnan(read.measures[lost]).all()
    assert np.isfinite(read.objective[~lost]).all()
    two = qd.Experiment(qd.problems.ZDT1(), qd.algorithms.NSGA2(population_size=8), 24)
    qd.run(two, tmp_path / "two")
    assert history(tmp_path / "two").objective.shape == (24, 2)


def test_none_where_it_is_not_wanted(tmp_path: Path) -> None:
    qd.run(replace(ARM, budget=128, history=0), tmp_path / "run")
    assert read_history(RunFolder(tmp_path / "run")) is None
    assert not (tmp_path / "run" / "history.bin").exists()
    qd.resume(tmp_path / "run", ARM, evaluations=256)  # a history that lacks its beginning is none
    assert read_history(RunFolder(tmp_path / "run")) is None


def test_no_more_than_is_wanted(run: Path, tmp_path: Path) -> None:
    qd.run(replace(ARM, history=100), tmp_path / "run")
    few, full = history(tmp_path / "run"), history(run)
    assert len(few) == 100
    np.testing.assert_array_equal(few.objective, full.objective[:100])
    with pytest.raises(QDError, match=r"Experiment\.history: got -1, wanted a number of evaluations"):
        replace(ARM, history=-1)


def test_a_fidelity_is_named() -> None:
    request = Request(np.zeros((2, 1)), purpose="select", role="judge")
    assert setting_of(request) == "judge|select|"
    request = replace(request, fidelity={"repeats": np.int64(3), "examples": np.arange(2)})
    assert setting_of(request) == 'judge|select|{"examples": "per row", "repeats": 3}'


def copied(run: Path, to: Path) -> RunFolder:
    for name in ("history.bin", "history.json"):
        (to / name).write_bytes((run / name).read_bytes())
    return RunFolder(to)


def test_a_record_that_is_being_written_is_left_out(run: Path, tmp_path: Path) -> None:
    folder = copied(run, tmp_path)
    folder.history.write_bytes(folder.history.read_bytes()[:-5])
    read = read_history(folder)
    assert read is not None
    assert len(read) == 999
    with pytest.raises(QDError, match=r"evaluation 999: not in this run, which has 0 \.\. 998"):
        next(read.ancestors(999))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "is of format 99, wanted"),
        ({"measures": 9e9}, "is of format"),
        ({"measures": "many"}, "is damaged"),
        ({"operators": []}, "a row's operator is not in history.json"),
    ],
)
def test_damage_is_named(run: Path, tmp_path: Path, change: dict[str, object], message: str) -> None:
    folder = copied(run, tmp_path)
    about = json.loads(folder.history_names.read_text())
    folder.history_names.write_text(json.dumps(about | change))
    with pytest.raises(QDError, match=message):
        read_history(folder)


def test_a_line_of_ancestors_ends_whatever_a_damaged_file_says(run: Path, tmp_path: Path) -> None:
    read = history(run)
    parents = read.parents.copy()
    parents[:, 0] = 999  # everybody's child
    assert list(replace(read, parents=parents).ancestors(5)) == []
