"""qd.load: a run from its folder, with its experiment; also one that is going, was cut off, or is of another format."""

import json
import shutil

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.loading import experiment_of
from qd.store.files import RunFolder

BUDGET = 300


def arm(**settings):
    given = {"seed": 3, "checkpoint_seconds": 0, **settings}
    return qd.Experiment(
        qd.problems.PlanarArm(), qd.algorithms.MapElites(batch_size=50, dims=(10, 10)), BUDGET, **given
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("load") / "arm"
    return path, qd.run(arm(), path)


@pytest.fixture
def copy(finished, tmp_path):
    """The finished run, to be damaged."""
    shutil.copytree(finished[0], tmp_path / "run")
    return tmp_path / "run"


def test_a_run_from_python_comes_back_whole(finished):
    path, live = finished
    loaded = qd.load(path)
    assert loaded.state == live.state == "finished"
    assert loaded.experiment == live.experiment
    assert loaded.digest == live.digest
    for name in ("solution", "objective", "measures"):
        assert np.array_equal(loaded.archive.fields[name], live.archive.data(name))
    assert loaded.best["id"] == live.best["id"]
    assert len(loaded.metrics) == BUDGET // 50


def test_elites_are_a_frame_the_best_first(finished):
    live, loaded = finished[1].elites, qd.load(finished[0]).elites
    assert list(live.columns) == list(loaded.columns)
    assert np.array_equal(live.to_numpy(), loaded.to_numpy())
    assert loaded["objective"].is_monotonic_decreasing
    assert "x [reach]" in loaded.columns


def test_an_elite_by_place_by_number_and_by_evaluation(finished):
    result = qd.load(finished[0])
    row = result.elites.iloc[0]
    cell = int(row["index"])
    for elite in (result.elite(cell=cell), result.elite(cell=divmod(cell, 10)), result.elite(id=int(row["id"]))):
        assert elite["objective"] == row["objective"]
        assert elite["solution"].shape == (10,)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one of cell= and id="),
        ({"cell": 1, "id": 2}, "one of cell= and id="),
        ({"cell": 100_000}, "not there"),
        ({"cell": (10, 0)}, "below"),
        ({"cell": (1,)}, "wanted 2 numbers"),
        ({"id": 10**9}, "is no elite"),
        ({"cell": 1, "archive": "elite"}, "elites"),
    ],
)
def test_an_elite_that_is_not_there_is_an_error_that_says_so(finished, given, words):
    with pytest.raises(QDError, match=words):
        qd.load(finished[0]).elite(**given)


def test_without_executing_there_is_no_experiment(finished):
    result = qd.load(finished[0], execute=False)
    assert result.experiment is None
    with pytest.raises(QDError, match=r"qd\.load\(folder, experiment\)"):
        _ = result.problem
    with pytest.raises(QDError, match="without its experiment"):
        result.policy()
    assert qd.load(finished[0], arm()).problem.name == "PlanarArm"


def test_a_run_of_the_command_comes_back_with_its_overrides(call, caplog):
    assert call("run", "sphere.py", "--out", "r", "--algorithm.batch_size", "7", "--evaluations", "40")[0] == 0
    result = qd.load("r")
    assert result.experiment.algorithm.batch_size == 7
    assert result.experiment.budget == 40
    assert call("resume", "r", "--evaluations", "60")[0] == 0
    assert qd.load("r").experiment.budget == 60


def test_a_function_of_the_user_is_not_made_up(tmp_path, caplog):
    problem = qd.problem(lambda x: -(x**2).sum(), low=-1, high=1, length=2)
    experiment = qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=10), 20)
    qd.run(experiment, tmp_path / "r")
    result = qd.load(tmp_path / "r")
    assert result.experiment is None
    assert "hand it in" in caplog.text
    assert qd.load(tmp_path / "r", experiment).problem is problem


@pytest.mark.parametrize("path", ["os:system", "subprocess:Popen", "qd.space:Nothing", "builtins:eval"])
def test_settings_name_parts_of_qd_and_nothing_else(copy, path):
    config = json.loads((copy / "config.json").read_text())
    config["settings"]["problem"] = {"class": path, "joints": 3}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(QDError):
        experiment_of(copy)
    assert qd.load(copy).experiment is None


class _StopError(Exception):
    pass


def cut_off(path, monkeypatch, after=4, start=lambda path: qd.run(arm(), path)):
    """A run whose process dies in the middle: its tables and checkpoints are there, and nothing else."""
    from qd import loop

    told = 0
    tell = qd.algorithms.MapElites.tell

    def dying(self, state, request, evaluation):
        nonlocal told
        told += 1
        if told > after:
            raise _StopError
        return tell(self, state, request, evaluation)

    with monkeypatch.context() as patch:
        patch.setattr(qd.algorithms.MapElites, "tell", dying)
        patch.setattr(loop._Loop, "_checkpoint_after_error", lambda self: None)
        with pytest.raises(_StopError):
            start(path)


@pytest.mark.parametrize("execute", [True, False])
def test_a_run_that_was_cut_off_shows_its_newest_checkpoint(tmp_path, monkeypatch, execute):
    cut_off(tmp_path / "r", monkeypatch)
    result = qd.load(tmp_path / "r", execute=execute)
    assert result.state == "going"
    assert result.summary["evaluations"] == 200
    same = qd.run(arm(), tmp_path / "same")  # its first generations are the same
    before = same.elites[same.elites["id"] < 200]
    assert set(before["id"]) <= set(result.archive.fields["id"])
    assert result.best["objective"] == result.archive.fields["objective"].max() == result.summary["best_objective"]
    assert len(result.positions["id"]) == 200
    with pytest.raises(QDError, match="no digest yet"):
        _ = result.digest
    assert list(result.archives) == (["elites"] if execute else ["archive"])
    table = tmp_path / "r" / "metrics.csv"
    rows = len(qd.load(tmp_path / "r").metrics)
    table.write_bytes(table.read_bytes() + b"9,9")  # half a row
    assert len(result.metrics) == rows
    assert "not ended" in result.report().read_text()


def test_a_search_without_cells_that_is_going_has_its_coverage(tmp_path, monkeypatch):
    search = qd.algorithms.NoveltySearch()
    experiment = qd.Experiment(qd.problems.PlanarArm(), search, 500, seed=1, checkpoint_seconds=0)
    qd.run(experiment, tmp_path / "r")
    ended = qd.load(tmp_path / "r").summary
    (tmp_path / "r" / "summary.json").unlink()
    going = qd.load(tmp_path / "r", execute=False)
    assert going.state == "going"
    for name in ("coverage", "qd_score", "best_objective", "evaluations", "statuses", "best"):
        assert going.summary[name] == ended[name], name


def test_a_finished_run_that_was_taken_up_again_is_going(copy, monkeypatch):
    cut_off(copy, monkeypatch, 3, lambda path: qd.resume(path, arm(), evaluations=900))
    result = qd.load(copy)
    assert (result.state, result.summary["evaluations"]) == ("going", BUDGET + 150)
    assert result.experiment.budget == 900
    qd.resume(copy, arm(), evaluations=900)
    assert qd.load(copy).state == "finished"


def test_the_newest_checkpoint_may_be_damaged(tmp_path, monkeypatch):
    cut_off(tmp_path / "r", monkeypatch)
    newest = max((tmp_path / "r" / "checkpoints").glob("*.qdc"))
    newest.write_bytes(newest.read_bytes()[:100])
    assert qd.load(tmp_path / "r").summary["evaluations"] == 150


def test_a_run_without_anything_yet_says_so(copy):
    (copy / "summary.json").unlink()
    for file in (copy / "checkpoints").glob("*.qdc"):
        file.unlink()
    with pytest.raises(QDError, match="nothing to read yet"):
        qd.load(copy)


def test_a_newer_format_is_refused_and_an_older_one_read(copy, caplog):
    config = json.loads((copy / "config.json").read_text())
    for form in (99, 0):
        config["format"] = form
        (copy / "config.json").write_text(json.dumps(config))
        if form:
            with pytest.raises(QDError, match="update qd"):
                qd.load(copy)
    assert qd.load(copy).state == "finished"
    assert "some of it may not be read" in caplog.text


@pytest.mark.parametrize("name", ["config.json", "summary.json"])
@pytest.mark.parametrize("data", [b"", b"{", b"[1", b"\xff\xfe"])
def test_a_damaged_file_is_named(copy, name, data):
    (copy / name).write_bytes(data)
    with pytest.raises(QDError, match=name):
        qd.load(copy)


def test_a_folder_without_a_run_is_an_error(tmp_path):
    with pytest.raises(QDError, match="not the folder of a run"):
        qd.load(tmp_path)
    with pytest.raises(QDError, match="not the folder of a run"):
        qd.load(tmp_path / "nowhere")
    assert not RunFolder(tmp_path).config.exists()


def test_no_elites_at_all(tmp_path):
    def fails(x):
        raise ValueError("no")

    problem = qd.problem(fails, low=-1, high=1, length=2, measures={"x": (-1, 1), "y": (-1, 1)})
    experiment = qd.Experiment(problem, qd.algorithms.MapElites(batch_size=5, dims=(4, 4)), 10)
    qd.run(experiment, tmp_path / "r")
    result = qd.load(tmp_path / "r", experiment)
    assert len(result.elites) == 0
    with pytest.raises(QDError, match="empty or not there"):
        result.elite(cell=0)
    with pytest.raises(QDError, match="no evaluation came out well"):
        result.policy()


def test_a_search_goes_on_from_the_elites_of_another(finished):
    elites = finished[1].archive.data()
    search = qd.algorithms.MapElites(batch_size=50, dims=(10, 10), start=elites["solution"])
    again = qd.run(qd.Experiment(qd.problems.PlanarArm(), search, len(elites["solution"]), seed=9))
    assert sorted(again.archive.data("index")) == sorted(elites["index"])
    assert again.summary["qd_score"] == pytest.approx(finished[1].summary["qd_score"])
    longer = qd.algorithms.MapElites(batch_size=50, dims=(10, 10), start=elites["solution"][:3], initial=20)
    first = qd.run(qd.Experiment(qd.problems.PlanarArm(), longer, 60, seed=9)).metrics
    assert first["evaluations"].tolist() == [20, 60]
    for start in (np.zeros((2, 3)), np.zeros(10), np.zeros((0, 10))):
        with pytest.raises(QDError, match=r"MapElites\.start"):
            qd.run(qd.Experiment(qd.problems.PlanarArm(), qd.algorithms.MapElites(start=start), 10))


@pytest.mark.parametrize(
    "name", ["novelty_search_hard_maze", "serene_curling", "cma_mae_sphere", "reward_programs_key_door"]
)
def test_settings_of_qds_own_parts_make_the_same_experiment(name):
    from qd.experiment_file import load_experiment
    from qd.loading import rebuilt
    from qd.store.settings import described

    settings = json.loads(json.dumps(described(load_experiment(name)[0])))
    assert described(rebuilt(settings)) == settings
