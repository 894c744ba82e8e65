"""Trackers: what TensorBoard, Weights & Biases and MLflow are told is in metrics.csv; broken ones are dropped."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import qd
from qd import tracking
from qd.errors import QDError

ARM = qd.Experiment(qd.problems.PlanarArm(joints=4), qd.algorithms.MapElites(batch_size=50), 500, seed=2)


@pytest.fixture(autouse=True)
def every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "_SECONDS", 0.0)
    for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


class Told(tracking.Tracker):
    """Keeps what it is told; breaks in one call where it is asked to."""

    def __init__(self, breaks: str = "") -> None:
        self.breaks = breaks
        self.said: list[tuple[Any, ...]] = []

    def _take(self, call: str, *given: Any) -> None:
        self.said.append((call, *given))
        if call == self.breaks:
            raise RuntimeError("the service is gone")

    def begin(self, settings: dict[str, Any], folder: Path | None, evaluations: int) -> None:
        self._take("begin", settings, folder, evaluations)

    def row(self, evaluations: int, numbers: dict[str, float]) -> None:
        self._take("row", evaluations, numbers)

    def end(self, summary: dict[str, Any] | None) -> None:
        self._take("end", summary)


def test_a_hook_is_told_from_the_beginning_to_the_end() -> None:
    told = Told()
    result = qd.run(ARM, trackers=[told])
    assert [said[0] for said in told.said] == ["begin", *["row"] * 10, "end"]
    assert told.said[0][3] == 0 and told.said[0][1]["seed"] == 2
    assert [said[1] for said in told.said[1:-1]] == list(range(50, 501, 50))
    assert told.said[-2][2]["coverage"] == result.summary["coverage"]
    assert told.said[-1][1]["digest"] == result.digest


@pytest.mark.parametrize("call", ["begin", "row", "end"])
def test_one_that_breaks_is_dropped_and_changes_nothing(call: str, caplog: pytest.LogCaptureFixture) -> None:
    broken, whole = Told(breaks=call), Told()
    with caplog.at_level(logging.WARNING, "qd"):
        result = qd.run(ARM, trackers=[broken, whole])
    assert result.digest == qd.run(ARM).digest
    assert [said[0] for said in broken.said].count(call) == 1
    assert len(whole.said) == 12
    assert "Told is told no more" in caplog.text and "the service is gone" in caplog.text


def test_a_run_that_fails_ends_it_too() -> None:
    def boom(search: Any) -> None:
        raise OSError("no room")

    told = Told()

    class Breaks(qd.algorithms.RandomSearch):
        def tell(self, state: Any, request: Any, evaluation: Any) -> None:
            boom(self)

    with pytest.raises(OSError, match="no room"):
        qd.run(qd.Experiment(ARM.problem, Breaks(batch_size=5), 10), trackers=[told])
    assert told.said[-1] == ("end", None)


def test_rows_come_seldom_but_the_last_one_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "_SECONDS", 3600.0)
    told = Told()
    qd.run(ARM, trackers=[told])
    assert [said[1] for said in told.said if said[0] == "row"] == [50, 500]


@pytest.mark.peer
def test_tensorboard_reads_it_back_without_gaps_or_doubles(tmp_path: Path) -> None:
    from dataclasses import replace

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    qd.run(replace(ARM, budget=250), tmp_path / "run", trackers=[tracking.TensorBoard()])
    qd.resume(tmp_path / "run", ARM, evaluations=500, trackers=[tracking.TensorBoard()])
    read = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    read.Reload()
    shown = read.Scalars("coverage")
    assert [one.step for one in shown] == list(range(50, 501, 50))
    stored = qd.Result.load(tmp_path / "run").metrics["coverage"]
    np.testing.assert_allclose([one.value for one in shown], stored, rtol=1e-6)


@pytest.mark.peer
def test_mlflow_reads_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from dataclasses import replace

    from mlflow.tracking import MlflowClient

    qd.run(replace(ARM, budget=250), tmp_path / "run", trackers=[tracking.MLflow()])
    result = qd.resume(tmp_path / "run", ARM, evaluations=500, trackers=[tracking.MLflow()])
    client = MlflowClient((tmp_path / "run" / "mlflow").resolve().as_uri())
    run = (tmp_path / "run" / "mlflow_run").read_text()
    kept = client.get_metric_history(run, "coverage")
    assert [one.step for one in kept] == list(range(50, 501, 50))
    assert kept[-1].value == result.summary["coverage"]
    about = client.get_run(run)
    assert about.data.params["algorithm.batch_size"] == "50"
    assert about.info.status == "FINISHED"


@pytest.mark.launch
def test_wandb_writes_an_offline_run(tmp_path: Path) -> None:
    qd.run(ARM, tmp_path / "run", trackers=[tracking.WeightsAndBiases()])
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    assert list(folder.glob("run-*.wandb"))
    assert (tmp_path / "run" / "wandb_run").read_text() in folder.name


def test_unknown_and_missing_ones_are_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(QDError, match=r"--log tensorbaord: .*tensorboard"):
        tracking.tracker("tensorbaord")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(QDError, match=r"--log wandb: needs the package wandb: pip install 'qd-evolution\[wandb\]'"):
        tracking.tracker("wandb")
    with pytest.raises(QDError, match="trackers: got str"):
        qd.run(ARM, trackers=["tensorboard"])  # type: ignore[list-item]


def test_settings_are_flat_for_services_that_know_no_others() -> None:
    assert tracking.leaves({"a": {"b": 1, "c": {"d": [2]}}, "e": None}) == {"a.b": 1, "a.c.d": [2], "e": None}
