"""The qd command: what it does, says and returns. Most tests call it in this process."""

import errno
import json
import os
from pathlib import Path

import pytest

import qd
from tests.command import SPHERE, digest, summary

pytestmark = pytest.mark.usefixtures("folder")


# ---------------------------------------------------------------- run


def test_run_says_how_to_go_on_then_what_came_out(call):
    code, out, err = call("run", "sphere.py")
    assert code == 0
    assert err.splitlines()[0] == "qd: sphere: if it is stopped, go on with: qd resume runs/sphere-1-1"
    assert "100 evaluations" in out
    assert digest("runs/sphere-1-1")[:12] in out
    assert "folder runs/sphere-1-1" in out


def test_folders_are_counted_up_and_named_by_seed(call):
    call("run", "sphere.py")
    call("run", "sphere.py")
    call("run", "sphere.py", "--seed", 3)
    assert sorted(path.name for path in Path("runs").iterdir()) == ["sphere-1-1", "sphere-1-2", "sphere-3-1"]
    assert digest("runs/sphere-1-1") == digest("runs/sphere-1-2") != digest("runs/sphere-3-1")


def test_overrides_reach_the_run_and_its_config(call):
    words = ("--evaluations", "1e2", "--algorithm.batch_size=20", "--evaluator.timeout", 3, "--name", "ball")
    assert call("run", "sphere.py", "--out", "r", *words)[0] == 0
    config = json.loads(Path("r/config.json").read_text())
    assert config["settings"]["algorithm"]["batch_size"] == 20
    assert config["settings"]["evaluator"]["timeout"] == 3.0
    assert config["source"]["overrides"] == [
        "budget=1e2",
        "algorithm.batch_size=20",
        "evaluator.timeout=3",
        "name=ball",
    ]
    assert Path("r/experiment.py").read_text() == SPHERE
    assert summary("r")["generations"] == 5


def test_evaluator_is_short_for_its_kind(call):
    assert call("run", "sphere.py", "--out", "p", "--evaluator", "processes", "--evaluator.workers", 1)[0] == 0
    assert summary("p")["evaluator"].startswith("processes")
    call("run", "sphere.py", "--out", "l")
    assert digest("p") == digest("l")


def test_quiet_says_nothing(call):
    assert call("run", "sphere.py", "--quiet") == (0, "", "")


def test_verbose_logs_what_runs(call):
    assert "RandomSearch on sphere" in call("run", "sphere.py", "--verbose")[2]
    assert "RandomSearch on sphere" not in call("run", "sphere.py")[2]


def test_help_of_a_file_lists_its_settings(call):
    code, out, _ = call("run", "sphere.py", "--help")
    assert code == 0
    assert "--algorithm.batch_size a whole number  [10]\n        Solutions a generation." in out
    assert "--evaluator.kind auto|local|processes|mpi  [auto]" in out
    assert "problem (FunctionProblem)" in out
    assert not Path("runs").exists()
    assert "--algorithm.sigma 0.1" in call("run", "--help")[1]


def test_every_evaluation_failed_is_3_with_the_reason(call):
    Path("bad.py").write_text(SPHERE.replace("return -(x**2).sum()", "raise OSError('no disc')\n    return 0"))
    code, out, err = call("run", "bad.py", "--out", "r")
    assert code == 3
    assert "100 evaluations failed (100.0%): see r/failures.jsonl" in out
    assert err.splitlines()[-1] == "qd: every evaluation failed; the first one: OSError: no disc"
    assert "OSError: no disc" in call("info", "r")[1]


def test_plots_are_drawn_when_asked(call, monkeypatch):
    drawn = []
    monkeypatch.setattr(qd.Result, "plot", lambda self, out=None: drawn.append(self.path) or [])
    call("run", "sphere.py", "--out", "a")
    assert not drawn  # quick runs are not drawn
    call("run", "sphere.py", "--out", "b", "--plots")
    assert drawn == [Path("b")]
    monkeypatch.setattr("qd.commands.run._PLOT_SECONDS", 0)
    call("run", "sphere.py", "--out", "c", "--no-plots")
    assert drawn == [Path("b")]
    call("run", "sphere.py", "--out", "d")
    assert drawn == [Path("b"), Path("d")]


def test_a_plot_that_fails_does_not_fail_the_run(call, monkeypatch):
    def plot(self, out=None):
        raise RuntimeError("no font")

    monkeypatch.setattr(qd.Result, "plot", plot)
    code, _, err = call("run", "sphere.py", "--out", "r", "--plots")
    assert code == 0
    assert "no font; again with: qd plot r" in err


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--algorithm.batchsize", "3"], "--algorithm.batchsize: no such setting, did you mean 'batch_size'?"),
        (["--batch_size", "3"], "--batch_size: no such setting, did you mean 'algorithm.batch_size'?"),
        (["--evaluater", "local"], "did you mean 'evaluator'?"),
        (["--algorithm.batch_size", "many"], "--algorithm.batch_size: got 'many', wanted a whole number"),
        (["--algorithm.batch_size", "1.5"], "got '1.5', wanted a whole number"),
        (["--algorithm.batch_size"], "--algorithm.batch_size: wants a value: a whole number"),
        (["--algorithm.batch_size", "3", "4"], "got 2 values (3 4), wanted a whole number"),
        (["--algorithm.batch_size", "0"], "RandomSearch.batch_size: got 0, wanted a number above 0"),
        (["--algorithm", "3"], "give one of its fields: --algorithm.batch_size"),
        (["--problem.function", "f"], "problem is a FunctionProblem made in the file"),
        (["--evaluations", "0"], "--evaluations 0: Experiment.budget: got 0 evaluations"),
        (["--evaluations", '{"steps": 3}'], "wanted a whole number"),
        (["--budget", '{"steps": 3}'], "sphere does not bound the cost 'steps'"),
        (["--seed", "-1"], "Experiment.seed: got -1"),
        (["--seed", "x"], "--seed: got 'x', wanted a whole number"),
        (["--evaluator", "proceses"], "wanted auto|local|processes|mpi"),
        (["--evaluator.timeout", "-1"], "evaluator.timeout: got -1.0, wanted 0 or more"),
        (["--evaluator", "mpi"], "mpi needs a launcher"),
        (["stray"], "'stray': not understood"),
        (["--out", "taken"], "--out taken: exists and is not empty"),
        (["--out", "taken", "--overwrite"], "--overwrite taken: holds no run, so it is left alone"),
        (["--out", "sphere.py"], "--out sphere.py: is a file"),
        (["--out", "sphere.py/run"], "--out sphere.py/run: cannot be written: Not a directory"),
    ],
)
def test_bad_settings_are_refused_in_one_line(refused, words, said):
    Path("taken").mkdir()
    Path("taken/mine.txt").write_text("mine")
    assert said in refused("run", "sphere.py", *words)
    assert Path("taken/mine.txt").read_text() == "mine"
    assert not list(Path().glob("runs/*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "name a file"),
        (["run", "novelty_serch"], "no experiment of this name ships"),
        (["run", "gone.py"], "gone.py: no such file"),
        (["run", "broken.py"], "broken.py:2: "),
        (["run", "empty.py"], "no value named `experiment`"),
        (["run", "--algorithm.batch_size", "3", "sphere.py"], "settings come after the file"),
        (["resume", "nowhere"], "nowhere: not the folder of a run"),
        (["info", "nowhere"], "nowhere: not the folder of a run"),
        (["digest", "nowhere"], "nowhere: not the folder of a run"),
        (["export", "nowhere"], "nowhere: not the folder of a run"),
        (["plot", "nowhere"], "nowhere: not the folder of a run"),
        (["info", "nowhere", "--jsn"], "'--jsn' is not known to qd info"),
        (["new", "a/b"], "wanted letters, digits and _"),
    ],
)
def test_bad_words_are_refused_in_one_line(refused, words, said):
    Path("broken.py").write_text("x = 1\nx = = 2\n")
    Path("empty.py").write_text("x = 1\n")
    assert said in refused(*words)


def test_unknown_verbs_are_refused(call):
    assert call("fly")[0] == 2
    assert call()[0] == 2


def test_an_occupied_folder_says_how_to_go_on(call, refused):
    call("run", "sphere.py", "--out", "r")
    assert "continue it with: qd resume r" in refused("run", "sphere.py", "--out", "r")
    assert call("run", "sphere.py", "--out", "r", "--overwrite", "--seed", 2)[0] == 0
    assert summary("r")["seed"] == 2


def test_verbose_adds_the_traceback(call):
    assert "Traceback" in call("run", "gone.py", "--verbose")[2]
    assert "Traceback" not in call("run", "gone.py")[2]


def test_an_unexpected_error_is_1_with_its_traceback(call, monkeypatch):
    monkeypatch.setattr("qd.experiment_file.shipped", lambda: {}["oops"])
    code, _, err = call("list")
    assert code == 1
    assert "Traceback" in err
    assert err.splitlines()[-1] == "qd: unexpected error: KeyError: 'oops'"


def test_ctrl_c_before_the_loop_is_130_without_a_traceback(call):
    Path("stop.py").write_text("raise KeyboardInterrupt\n")
    assert call("run", "stop.py") == (130, "", "qd: interrupted\n")


# ---------------------------------------------------------------- resume


def forget_the_end(out):
    """Leave a run as if it had been killed before its last checkpoint; gives that checkpoint."""
    (Path(out) / "summary.json").unlink()
    (Path(out) / "archive.npz").unlink()
    return sorted((Path(out) / "checkpoints").glob("*.qdc"))


def test_resume_goes_on_to_the_same_digest(call):
    call("run", "sphere.py", "--out", "r", "--seed", 5, "--algorithm.batch_size", 7)
    whole = digest("r")
    forget_the_end("r")[-1].unlink()
    assert "going, or ended" in call("info", "r")[1]
    code, out, _ = call("resume", "r")
    assert code == 0
    assert "100 evaluations" in out
    assert digest("r") == whole


def test_resume_of_a_finished_run_does_nothing(call):
    call("run", "sphere.py", "--out", "r")
    before = {path: path.stat().st_mtime_ns for path in Path("r").rglob("*")}
    code, out, _ = call("resume", "r")
    assert (code, out) == (0, "r is finished: nothing to do. A higher --evaluations goes on with it\n")
    assert {path: path.stat().st_mtime_ns for path in Path("r").rglob("*")} == before


def test_resume_with_a_higher_budget_equals_one_long_run(call):
    call("run", "sphere.py", "--out", "r")
    call("run", "sphere.py", "--out", "long", "--evaluations", 205)
    assert call("resume", "r", "--evaluations", 205)[0] == 0
    assert digest("r") == digest("long")
    assert call("resume", "r")[1].startswith("r is finished")  # the raised budget is remembered


def test_resume_may_change_the_evaluator_and_nothing_else(call, refused):
    call("run", "sphere.py", "--out", "r")
    assert call("resume", "r", "--evaluations", 120, "--evaluator", "processes", "--evaluator.workers", 1)[0] == 0
    assert summary("r")["evaluator"].startswith("processes")
    assert "a resumed run keeps its settings" in refused("resume", "r", "--seed", 2)
    assert "it can only be raised" in refused("resume", "r", "--evaluations", 50)
    assert "wanted a whole number" in refused("resume", "r", "--evaluations", "lots")


def test_resume_uses_the_copy_of_a_changed_file(call):
    call("run", "sphere.py", "--out", "r")
    whole = digest("r")
    forget_the_end("r")[-1].unlink()
    Path("sphere.py").write_text("nonsense(")
    code, _, err = call("resume", "r")
    assert code == 0
    assert "has changed since the run was started: going on with the copy r/experiment.py" in err
    assert digest("r") == whole
    assert call("resume", "r", "--quiet") == (0, "", "")


def test_a_recorded_evaluator_does_not_bind_a_resumed_run(call):
    call("run", "sphere.py", "--out", "r")
    config = json.loads(Path("r/config.json").read_text())
    config["source"]["overrides"] = ["evaluator.kind=mpi"]
    Path("r/config.json").write_text(json.dumps(config))
    assert call("resume", "r", "--evaluations", 110)[0] == 0


@pytest.mark.parametrize("damage", ["cut short", "changed"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(call, damage):
    call("run", "sphere.py", "--out", "r")
    whole = digest("r")
    newest = forget_the_end("r")[-1]
    data = newest.read_bytes()
    newest.write_bytes(data[:-20] if damage == "cut short" else data[:-20] + bytes(20))
    assert "its checksum does not match" in call("info", "r")[1]
    code, _, err = call("resume", "r")
    assert code == 0
    assert f"{newest}: its checksum does not match" in err
    assert "going on from the one before" in err
    assert digest("r") == whole


def test_without_a_good_checkpoint_resume_is_refused(call):
    call("run", "sphere.py", "--out", "r")
    for file in forget_the_end("r"):
        file.write_bytes(file.read_bytes()[:100])
    code, _, err = call("resume", "r")
    assert code == 2
    assert "no good checkpoint" in err.splitlines()[-1]


def test_a_full_disk_stops_the_run_with_a_code_of_its_own(call, monkeypatch):
    real, calls = os.fsync, [0]

    def full(fd):
        calls[0] += 1
        if calls[0] > 25:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd)

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = call("run", "sphere.py", "--out", "r")
    monkeypatch.undo()
    assert code == 4
    assert "No space left" in err.splitlines()[-1]
    assert "qd resume" in err.splitlines()[-1]
