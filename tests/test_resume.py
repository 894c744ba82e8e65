"""Checkpoints and resuming: to the bit, from any moment, through damage, never executing anything."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qd
from qd.errors import CheckpointError, StoppedError
from qd.store.checkpoint import checkpoints, read_checkpoint, read_newest, write_checkpoint
from tests import bank, launching

NAMES = list(bank.experiments())


class EndedError(Exception):
    """Stands for the end of the process."""


def stop_after(experiment: qd.Experiment, tells: int) -> qd.Experiment:
    """The experiment whose search dies in the given tell."""
    kind: Any = type(experiment.algorithm)
    count = [0]

    def tell(self: Any, state: Any, request: Any, evaluation: Any) -> None:
        if count[0] == tells:
            raise EndedError
        count[0] += 1
        kind.tell(self, state, request, evaluation)

    dying = type(kind.__name__, (kind,), {"tell": tell})
    settings = {name: getattr(experiment.algorithm, name) for name in kind.__dataclass_fields__}
    return replace(experiment, algorithm=dying(**settings), checkpoint_seconds=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.thorough
def test_a_run_cut_off_and_resumed_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    experiment = bank.experiments()[name]
    whole = qd.run(experiment, tmp_path / "whole")
    for tells in (0, 1, 3):
        out = tmp_path / f"cut{tells}"
        with pytest.raises(EndedError):
            qd.run(stop_after(experiment, tells), out)
        # the error came in the middle of a tell: no checkpoint holds what was half told
        assert read_newest(out / "checkpoints")["recorder"]["requests"] == tells
        shutil.copy(tmp_path / "whole" / "config.json", out / "config.json")
        resumed = qd.resume(out, experiment)
        assert resumed.digest == whole.digest
        for key in ("evaluations", "coverage", "qd_score", "best_objective", "best", "statuses", "metrics", "cost"):
            assert np.array_equal(str(resumed.summary[key]), str(whole.summary[key])), key
        columns = [c for c in whole.metrics.columns if c != "seconds"]
        assert resumed.metrics[columns].equals(whole.metrics[columns])


def test_raising_the_budget_gives_the_uninterrupted_digest(tmp_path: Path) -> None:
    for name in ("map_elites", "novelty_search", "random_search", "pipeline", "map_elites_cvt"):
        experiment = bank.experiments()[name]
        assert isinstance(experiment.budget, int)
        longer = experiment.budget + 333
        qd.run(experiment, tmp_path / name)
        resumed = qd.resume(tmp_path / name, experiment, evaluations=longer)
        whole = qd.run(replace(experiment, budget=longer))
        assert resumed.digest == whole.digest, name
        assert resumed.summary["evaluations"] == longer
        again = qd.resume(tmp_path / name, experiment)  # finished: nothing to do, at the raised budget
        assert again.digest == whole.digest


def test_a_closing_stage_forbids_a_longer_run(tmp_path: Path) -> None:
    experiment = bank.experiments()["phases"]
    qd.run(experiment, tmp_path / "run")
    with pytest.raises(qd.QDError, match="used the budget of 100"):
        qd.resume(tmp_path / "run", experiment, evaluations=200)
    with pytest.raises(qd.QDError, match="can only be raised"):
        qd.resume(tmp_path / "run", replace(experiment, algorithm=bank.Phases()), evaluations=50)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    experiment = bank.experiments()["map_elites"]
    first = qd.run(experiment, tmp_path / "run")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*") if file.is_file()}
    again = qd.resume(tmp_path / "run", experiment)
    assert again.digest == first.digest
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*") if file.is_file()}


def test_another_experiment_is_refused(tmp_path: Path) -> None:
    experiment = bank.experiments()["map_elites"]
    qd.run(experiment, tmp_path / "run")
    with pytest.raises(qd.QDError, match=r"seed: 7 -> 8"):
        qd.resume(tmp_path / "run", replace(experiment, seed=8))
    with pytest.raises(qd.QDError, match=r"algorithm.line_sigma: 0.2 -> 0.3"):
        changed = replace(experiment.algorithm, line_sigma=0.3)  # type: ignore[type-var]
        qd.resume(tmp_path / "run", replace(experiment, algorithm=changed))
    with pytest.raises(qd.QDError, match="not the folder of a run"):
        qd.resume(tmp_path, experiment)


def test_damaged_checkpoints_are_named_and_the_one_before_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        write_checkpoint(tmp_path, number, {"value": number, "array": np.arange(100)}, touched=False)
    newest, before = checkpoints(tmp_path)
    assert read_newest(tmp_path)["value"] == 3
    data = newest.read_bytes()
    newest.write_bytes(data[:-10])
    assert read_newest(tmp_path)["value"] == 2
    assert newest.name in caplog.text and "cut short or changed" in caplog.text
    newest.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    assert read_newest(tmp_path)["value"] == 2
    newest.write_bytes(b"qd checkpoint 99\n" + data[16:])
    with pytest.raises(CheckpointError, match="another format"):
        read_checkpoint(newest)
    before.write_bytes(b"")
    with pytest.raises(CheckpointError, match="no good checkpoint"):
        read_newest(tmp_path)


def test_two_checkpoints_and_the_newest_untouched_one_are_kept(tmp_path: Path) -> None:
    for number, touched in enumerate((False, False, False, True, True, True)):
        write_checkpoint(tmp_path, number, {}, touched)
    assert [file.stem for file in checkpoints(tmp_path)] == ["00000005-touched", "00000004-touched", "00000002-clean"]


def test_a_run_on_a_full_disk_stops_with_the_last_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = replace(bank.experiments()["map_elites"], checkpoint_seconds=0)
    whole = qd.run(experiment)
    real, calls = os.fsync, [0]

    def full(fd: int) -> None:
        calls[0] += 1
        if calls[0] > 25:
            raise OSError(28, "No space left on device")
        real(fd)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises((StoppedError, OSError), match="No space left"):
        qd.run(experiment, tmp_path / "run")
    monkeypatch.undo()
    assert not list((tmp_path / "run" / "checkpoints").glob(".*part"))
    assert read_newest(tmp_path / "run" / "checkpoints")["loop"]["number"] > 0
    assert qd.resume(tmp_path / "run", experiment).digest == whole.digest


def test_checkpoint_writing_follows_the_clock_not_the_generations(tmp_path: Path) -> None:
    experiment = replace(bank.experiments()["map_elites"], budget=5000, checkpoint_seconds=3600)
    qd.run(experiment, tmp_path / "run")
    assert (
        read_newest(tmp_path / "run" / "checkpoints")["loop"]["saved"] == 2
    )  # before the first evaluation, at the end


@pytest.mark.launch
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_checkpoint_and_a_clean_end(number: int, tmp_path: Path) -> None:
    out = tmp_path / "run"
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "import qd\n"
        "e = qd.Experiment(qd.problems.HardMaze(steps=500), qd.algorithms.NoveltySearch(20), 20_000, seed=3)\n"
        f"r = qd.run(e, {str(out)!r})\n"
        "sys.exit(128 + r.stopped_by if r.stopped_by else 0)\n"
    )
    process = launching.start(0, "-c", code)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (
        (out / "metrics.csv").exists() and len((out / "metrics.csv").read_text().splitlines()) > 3
    ):
        time.sleep(0.05)
    launching.kill(process, number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err
    experiment = qd.Experiment(qd.problems.HardMaze(steps=500), qd.algorithms.NoveltySearch(20), 20_000, seed=3)
    told = read_newest(out / "checkpoints")["recorder"]["evaluations"]
    assert 0 < told < 20_000
    short = qd.Experiment(experiment.problem, experiment.algorithm, 20_000, seed=3)
    assert qd.resume(out, short).digest == qd.run(experiment).digest
