"""`qd sweep`: what is planned, what is refused before any work, failures, resuming; on children and on ranks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qd.commands.sweep_plan import planned, read_plan
from tests.command import SPHERE, digest, summary
from tests.launching import environment, kill, launch, needs_mpi, start

BREAKS = SPHERE.replace("import qd\n", "import os\nimport qd\n").replace(
    'problem = qd.problem(', 'if os.path.exists("broken"):\n    raise OSError("no data")\nproblem = qd.problem('
)  # fmt: skip
SLOW = SPHERE.replace("import qd\n", "import time\nimport qd\n").replace(
    "    return", "    time.sleep(0.02)\n    return"
)


def words(out="out", *more):
    return ("sweep", "sphere.py", "--seeds", "2", "--out", out, "--no-plots", *more)


# ---------------------------------------------------------------- plans


def test_every_combination_with_every_seed(folder):
    plan = planned("sphere.py", "3,5", ["algorithm.batch_size=10,20", "evaluations=50"], ["--problem.timeout=1"][:0])
    assert [(run.folder, run.seed) for run in plan.runs] == [
        ("batch_size=10,budget=50-3", 3), ("batch_size=20,budget=50-3", 3),
        ("batch_size=10,budget=50-5", 5), ("batch_size=20,budget=50-5", 5),
    ]  # fmt: skip
    experiment, source = plan.experiment(plan.runs[3])
    assert (experiment.algorithm.batch_size, experiment.budget, experiment.seed) == (20, 50, 5)
    assert source["overrides"] == ["algorithm.batch_size=20", "budget=50", "seed=5"]
    assert [run.folder for run in planned("sphere.py", "2", [], []).runs] == ["sphere-0", "sphere-1"]


def test_values_that_are_lists_come_as_json():
    plan = planned("map_elites_planar_arm", "1", ["algorithm.dims=[[8,8],[16,16]]"], [])
    assert [plan.experiment(run)[0].algorithm.dims for run in plan.runs] == [(8, 8), (16, 16)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--grid", "algorithm.batch_sze=1,2"), "did you mean 'batch_size'"),
        (("--grid", "algorithm.batch_size=10,many"), "got 'many', wanted a whole number"),
        (("--grid", "algorithm.batch_size"), "wanted NAME=VALUE,VALUE"),
        (("--grid", "algorithm.batch_size=10,10.0"), "the same value twice"),
        (("--grid", "algorithm.batch_size=10,0"), "batch_size"),
        (("--grid", "algorithm.batch_size=1,2", "--grid", "algorithm.batch_size=3"), "given twice"),
        (("--grid", "algorithm.batch_size=1,2", "--algorithm.batch_size", "3"), "also varied by --grid"),
        (("--grid", "seed=1,2"), "given by --seeds"),
        (("--seed", "1"), "given by --seeds"),
        (("--seeds", "many"), "wanted a number of seeds"),
        (("--seeds", "0"), "wanted a number of seeds"),
        (("--seeds", "1,1"), "a seed is given twice"),
        (("--parallel", "0"), "wanted a whole number"),
        (("--ranks-per-run", "2"), "needs a launcher"),
        (("--reference", "x.json", "--grid", "algorithm.batch_size=1,2"), "without --grid"),
        (("--algorithm.sigma", "1"), "no such setting"),
    ],
)
def test_what_is_refused_before_any_work(refused, more, said):
    assert said in refused(*words("out", *more))
    assert not Path("out").exists()


def test_the_folder_of_another_sweep_is_refused(call, refused, folder):
    assert call(*words())[0] == 0
    assert "holds another sweep (settings: none -> --budget=50)" in refused(*words("out", "--evaluations", "50"))
    assert "holds another sweep (grid" in refused(*words("out", "--grid", "algorithm.batch_size=5,10"))
    (folder / "sphere.py").write_text(SPHERE + "\n")
    assert "sphere.py has changed" in refused(*words())
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.tex").write_text("")
    assert "holds no sweep" in refused(*words("mine"))


# ---------------------------------------------------------------- runs


def test_runs_are_those_of_qd_run_and_are_not_made_twice(call, folder):
    code, out, err = call(*words("out", "--grid", "algorithm.batch_size=10,25"))
    assert code == 0, err
    assert "4 of 4 runs finished, 0 failed" in out and "| RandomSearch batch_size=25 | 2 |" in out
    assert (folder / "out" / "table.csv").exists()
    assert call("run", "sphere.py", "--seed", "1", "--algorithm.batch_size", "25", "--out", "alone")[0] == 0
    assert digest("out/batch_size=25-1") == digest("alone")
    before = {file: file.stat().st_mtime_ns for file in (folder / "out").glob("*/summary.json")}
    assert call(*words("out", "--grid", "algorithm.batch_size=10,25"))[0] == 0
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert call(*words("out", "--grid", "algorithm.batch_size=10,25", "--seeds", "3"))[0] == 0  # more seeds are welcome
    assert len(read_plan(folder / "out").runs) == 6 and len(list((folder / "out").glob("*/summary.json"))) == 6


def test_a_run_cut_off_goes_on_to_the_same_digest(call, folder):
    assert call(*words())[0] == 0
    wanted = digest("out/sphere-1")
    whole = folder / "out" / "sphere-1"
    (whole / "summary.json").unlink()  # as if killed after its last checkpoint but one
    newest = sorted((whole / "checkpoints").iterdir())[-1]
    newest.unlink()
    assert call(*words())[0] == 0
    assert digest("out/sphere-1") == wanted and summary("out/sphere-1")["finished"]


def test_a_run_that_fails_ends_nothing_and_is_made_again_when_asked(call, folder):
    (folder / "sphere.py").write_text(BREAKS)
    assert call(*words("out", "--seeds", "1"))[0] == 0
    (folder / "broken").touch()
    assert call(*words())[0] == 2  # the file itself cannot be read: said at once
    (folder / "broken").unlink()
    (folder / "out" / "sphere-1").write_text("a file where the folder should be")
    code, out, err = call(*words())
    assert code == 1 and "1 of 2 runs finished, 1 failed" in out
    assert "sphere-1 failed" in err and "--retry" in err
    (folder / "out" / "sphere-1").unlink()
    assert call(*words())[0] == 1  # not without being asked
    assert call(*words("out", "--retry"))[0] == 0
    assert summary("out/sphere-1")["finished"]


def test_a_reference_of_the_runs(call, folder):
    assert call(*words("out", "--reference", "sphere.json"))[0] == 0
    assert json.loads((folder / "sphere.json").read_text())["command"] == "qd sweep sphere --seeds 2"
    code, out, err = call("compare", "out", "--with", "sphere.json", "--no-plots", "--out", "c")
    assert code == 0, err
    assert "| RandomSearch (sphere) | 2 |" in out


# ---------------------------------------------------------------- processes and ranks


def begun(out: Path, seconds: float = 60) -> None:
    """Wait until both seeds' runs are some generations old."""
    until = time.monotonic() + seconds
    while any(len(list((out / f"sphere-{seed}" / "checkpoints").glob("*.qdc"))) < 2 for seed in (0, 1)):
        assert time.monotonic() < until, "the runs did not begin"
        time.sleep(0.01)


@pytest.mark.launch
@needs_mpi
def test_killed_on_two_ranks_it_goes_on_to_the_digests_of_one_process(call, folder):
    assert call(*words("here"))[0] == 0
    (folder / "sphere.py").write_text(SLOW)
    process = start(2, "-m", "qd", *words("ranks"), cwd=folder)
    begun(folder / "ranks")  # each rank has taken a run
    kill(process)
    process.communicate()
    assert not any((folder / "ranks" / f"sphere-{seed}" / "summary.json").exists() for seed in (0, 1))
    done = launch(2, "-m", "qd", *words("ranks", "--ranks-per-run", "2"), cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 of 2 runs finished") == 1
    for seed in (0, 1):
        assert summary(f"ranks/sphere-{seed}")["ranks"] == 2
        assert digest(f"ranks/sphere-{seed}") == digest(f"here/sphere-{seed}")


@pytest.mark.launch
def test_children_whose_parent_was_killed_leave_the_runs_to_the_next(call, folder):
    assert call(*words("here"))[0] == 0
    (folder / "sphere.py").write_text(SLOW)
    command = [sys.executable, "-m", "qd", *words("out", "--parallel", "2")]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun(folder / "out")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    code, _, err = call(*words("out"))
    assert code == 2 and "another qd sweep is at work there" in err  # the children write a checkpoint and leave
    until = time.monotonic() + 60
    while "is at work there" in err and time.monotonic() < until:
        time.sleep(0.1)
        code, _, err = call(*words("out"))
    assert code == 0, err
    assert [digest(f"out/sphere-{seed}") for seed in (0, 1)] == [digest(f"here/sphere-{seed}") for seed in (0, 1)]
