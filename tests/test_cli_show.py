"""The verbs beside run and resume: info, digest, export, plot, list, new, doctor."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import qd
from qd import experiment_file
from tests.command import SPHERE, digest, summary

pytestmark = pytest.mark.usefixtures("folder")


# ---------------------------------------------------------------- looking at runs


def test_info_of_a_finished_run(call):
    call("run", "sphere.py", "--out", "r", "--seed", 4)
    code, out, _ = call("info", "r")
    assert code == 0
    assert out.startswith("r: finished")
    assert "seed 4, budget 100" in out
    assert "overrides    seed=4" in out
    assert "RandomSearch(batch_size=10)" in out
    known = json.loads(call("info", "r", "--json")[1])
    assert known["state"] == "finished"
    assert known["progress"]["evaluations"] == 100
    assert known["summary"]["digest"] == digest("r")
    assert all(entry["good"] for entry in known["checkpoints"])


def test_digest_is_that_of_the_summary_and_only_at_the_end(call, refused):
    call("run", "sphere.py", "--out", "r")
    assert call("digest", "r") == (0, digest("r") + "\n", "")
    newest = sorted(Path("r/checkpoints").glob("*.qdc"))[-1]
    newest.unlink()  # as while a raised budget is being spent
    assert "is not finished" in refused("digest", "r")
    Path("r/summary.json").unlink()
    assert "has not ended yet" in refused("digest", "r")


GRID = SPHERE.replace("RandomSearch(batch_size=10)", "MapElites(batch_size=10)")


@pytest.fixture
def elites_run(call):
    """A run with an archive."""
    Path("grid.py").write_text(GRID)
    code, _, err = call("run", "grid.py", "--out", "r")
    assert code == 0, err
    return Path("r")


def test_export_writes_the_elites(call, refused, elites_run):
    code, out, _ = call("export", "r")
    assert code == 0
    assert out.startswith("r/elites.csv: ")
    head, *rows = Path("r/elites.csv").read_text().splitlines()
    assert head.startswith("solution_0,solution_1,solution_2,solution_3,objective,x,y,index")
    assert f": {len(rows)} elites" in out
    call("export", "r", "--out", "here.npz")
    with np.load("here.npz", allow_pickle=False) as file:
        assert len(file["objective"]) == len(rows)
    name = next(iter(summary("r")["archives"]))
    assert call("export", "r", "--archive", name, "--format", "csv")[0] == 0
    assert Path(f"r/elites-{name}.csv").read_text() == Path("r/elites.csv").read_text()
    assert "--archive nil: not in this run" in refused("export", "r", "--archive", "nil")
    assert "cannot be written" in refused("export", "r", "--out", "no/where.csv")


def test_export_without_an_archive_is_refused(call, refused):
    call("run", "sphere.py", "--out", "r")
    assert "keeps no archive" in refused("export", "r")


class Trap:
    """What makes a file when it is unpickled."""

    def __reduce__(self):
        return (open, ("sprung", "w"))


@pytest.fixture
def trapped(call):
    call("run", "sphere.py", "--out", "r")
    meta = {"archives": {"grid": {"kind": "GridArchive"}}, "measures": None}
    objects = np.array([Trap()], dtype=object)
    np.savez(
        "r/archive.npz", meta=np.array(json.dumps(meta)), **{"grid/objective": np.zeros(1), "grid/solution": objects}
    )
    np.load("r/archive.npz", allow_pickle=True)["grid/solution"]
    assert Path("sprung").exists()  # the trap works
    Path("sprung").unlink()


@pytest.mark.parametrize("verb", ["export", "info", "plot"])
def test_an_archive_with_a_pickle_is_refused_and_nothing_runs(trapped, refused, verb):
    assert "archive.npz: refused:" in refused(verb, "r")
    assert not Path("sprung").exists()


@pytest.mark.parametrize("verb", ["export", "info"])
def test_an_archive_that_is_a_pickle_is_refused_and_nothing_runs(call, refused, verb):
    call("run", "sphere.py", "--out", "r")
    Path("r/archive.npz").write_bytes(pickle.dumps(Trap()))
    assert "archive.npz: refused:" in refused(verb, "r")
    assert not Path("sprung").exists()


# ---------------------------------------------------------------- list, new, doctor, version


def test_list_reads_and_does_not_execute(call, monkeypatch, folder):
    (folder / "trap.py").write_text('"""Springs a trap.\n\nMore."""\nopen("sprung", "w")\n')
    monkeypatch.setattr(
        "qd.experiment_file.shipped", lambda: {"sphere": folder / "sphere.py", "trap": folder / "trap.py"}
    )
    assert call("list") == (0, "sphere  A sphere.\ntrap    Springs a trap.\n", "")
    assert not Path("sprung").exists()


def test_new_writes_an_experiment_that_runs(call, refused):
    assert call("new", "mine")[0] == 0
    assert call("run", "mine.py", "--evaluations", 300, "--problem.joints", 3, "--out", "r")[0] == 0
    assert summary("r")["coverage"] > 0
    assert "NAME" not in Path("mine.py").read_text()
    Path("mine.py").write_text("kept")
    assert "is there already" in refused("new", "mine")
    assert Path("mine.py").read_text() == "kept"


def test_what_new_writes_is_a_sound_problem(call):
    call("new", "mine.py")
    experiment, _ = experiment_file.load_experiment("mine.py")
    qd.check_problem(experiment.problem)


def test_new_goes_where_experiments_are_unless_told(call):
    Path("experiments").mkdir()
    call("new", "mine")
    call("new", "mine", "--here")
    assert Path("experiments/mine.py").exists()
    assert Path("mine.py").exists()


def test_version(call):
    assert call("--version") == (0, f"qd {qd.__version__}\n", "")


def test_doctor_without_mpi4py(call, monkeypatch):
    monkeypatch.setattr("qd.doctor.util.find_spec", lambda name: None)
    code, out, _ = call("doctor")
    assert code == 0
    assert "no mpi4py" in out
    assert all(line.split()[0] in ("ok", "warning") for line in out.splitlines())


def test_doctor_says_when_the_launcher_does_not_fit(call, monkeypatch, folder):
    monkeypatch.setattr("qd.doctor._torch", lambda: iter(()))
    monkeypatch.setattr("qd.doctor.sys.executable", str(folder / "bin" / "python"))
    launcher = folder / "bin" / "mpiexec"
    launcher.parent.mkdir()
    launcher.write_text("#!/bin/sh\necho '<1 other>'\necho '<1 other>'\n")
    launcher.chmod(0o755)
    code, out, _ = call("doctor")
    if "no mpi4py" in out:
        pytest.skip("no mpi4py")
    assert code == 1
    assert "does not fit mpi4py's MPI" in out
    launcher.write_text("#!/bin/sh\nsleep 60\n")
    monkeypatch.setattr("qd.doctor._LAUNCH_SECONDS", 0.2)
    assert "did not end within 0.2 s" in call("doctor")[1]
