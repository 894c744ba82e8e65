"""Who is told of a run as it goes: TensorBoard, Weights & Biases, MLflow, or a hook of yours.

A tracker sees what ``metrics.csv`` holds. It runs on rank 0 alone, at most a few times a second and once at the end;
one that raises is dropped with a warning. It cannot end a run, nor change what comes out of it.
"""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from qd.errors import QDError, nearest
from qd.experiment import Experiment
from qd.store.files import RunFolder
from qd.store.settings import described

log = logging.getLogger("qd")

_SECONDS = 0.5  # at least, between two rows
_UNTRACKED = ("evaluations", "generation", "purpose")


class Tracker(ABC):
    """Told of a run as it goes. All three calls may raise: then this tracker is told no more."""

    @abstractmethod
    def begin(self, settings: dict[str, Any], folder: Path | None, evaluations: int) -> None:
        """A run starts, or goes on.

        Args:
            settings: the experiment's, as in ``config.json``. folder: the run's; None where it is kept in memory.
            evaluations: how many there were before; 0 at the beginning.
        """

    @abstractmethod
    def row(self, evaluations: int, numbers: dict[str, float]) -> None:
        """A generation's numbers, those that are finite, after so many evaluations."""

    @abstractmethod
    def end(self, summary: dict[str, Any] | None) -> None:
        """The run has ended; None where an error ended it."""


class Tracking:
    """Tells several trackers, seldom enough to cost nothing, and drops those that fail."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        for tracker in trackers:
            if not isinstance(tracker, Tracker):
                raise QDError(f"trackers: got {type(tracker).__name__}, wanted a qd.tracking.Tracker")
        self._trackers = list(trackers)
        self._next = 0.0
        self._waiting: dict[str, Any] | None = None

    def begin(self, experiment: Experiment, folder: RunFolder | None, evaluations: int) -> None:
        """The run starts."""
        if self._trackers:
            settings = described(experiment)
            self._each("begin", settings, folder.path if folder else None, evaluations)

    def row(self, row: dict[str, Any]) -> None:
        """A row of metrics."""
        if not self._trackers:
            return
        self._waiting = row
        if monotonic() >= self._next:
            self._send()

    def end(self, summary: dict[str, Any] | None) -> None:
        """The run has ended: the last row, then that."""
        if self._waiting is not None:
            self._send()
        if self._trackers:
            self._each("end", summary)

    def _send(self) -> None:
        row, self._waiting = self._waiting, None
        assert row is not None
        numbers = {
            name: float(value)
            for name, value in row.items()
            if name not in _UNTRACKED and isinstance(value, int | float) and -float("inf") < value < float("inf")
        }
        self._each("row", int(row["evaluations"]), numbers)
        self._next = monotonic() + _SECONDS

    def _each(self, call: str, *given: Any) -> None:
        for tracker in list(self._trackers):
            try:
                getattr(tracker, call)(*given)
            except Exception as error:
                self._trackers.remove(tracker)
                log.warning("%s is told no more: %s: %s: %s", type(tracker).__name__, call, type(error).__name__, error)


def leaves(settings: dict[str, Any], name: str = "") -> dict[str, Any]:
    """Nested settings by dotted name, for services that know flat ones."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        path = f"{name}.{key}" if name else str(key)
        if isinstance(value, dict):
            found |= leaves(value, path)
        else:
            found[path] = value
    return found


class TensorBoard(Tracker):
    """Event files in ``RUN/tensorboard``, for ``tensorboard --logdir runs``."""

    def __init__(self) -> None:
        _need("tensorboard", "tensorboard")

    def begin(self, settings: dict[str, Any], folder: Path | None, evaluations: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        place = (folder or Path("runs")) / "tensorboard"
        goes_on = any(place.glob("events.*"))
        self._writer = EventFileWriter(str(place))
        if goes_on:  # what was written after the checkpoint is left out by readers
            self._writer.add_event(Event(step=evaluations + 1, session_log=SessionLog(status=SessionLog.START)))

    def row(self, evaluations: int, numbers: dict[str, float]) -> None:
        import time

        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
        self._writer.add_event(Event(step=evaluations, wall_time=time.time(), summary=Summary(value=values)))

    def end(self, summary: dict[str, Any] | None) -> None:
        self._writer.close()


class WeightsAndBiases(Tracker):
    """A run of Weights & Biases: offline in ``RUN/wandb`` unless ``WANDB_MODE`` says otherwise."""

    def __init__(self) -> None:
        _need("wandb", "wandb")

    def begin(self, settings: dict[str, Any], folder: Path | None, evaluations: int) -> None:
        import wandb

        name = folder.name if folder else str(settings.get("name") or "qd")
        mode: Any = os.environ.get("WANDB_MODE", "offline")
        # one id a folder: a resumed run goes on where it was
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "qd"), name=name, config=leaves(settings), mode=mode,
            dir=str(folder) if folder else None, id=_identity(folder), resume="allow",
            settings=wandb.Settings(silent=True),
        )  # fmt: skip

    def row(self, evaluations: int, numbers: dict[str, float]) -> None:
        self._run.log(numbers, step=evaluations)

    def end(self, summary: dict[str, Any] | None) -> None:
        if summary is not None:
            numbers = {key: value for key, value in summary.items() if isinstance(value, int | float | str)}
            self._run.summary.update(numbers)
        self._run.finish(exit_code=0 if summary is not None else 1)


class MLflow(Tracker):
    """A run of MLflow: in ``RUN/mlflow`` unless ``MLFLOW_TRACKING_URI`` says otherwise."""

    def __init__(self) -> None:
        _need("mlflow", "mlflow")

    def begin(self, settings: dict[str, Any], folder: Path | None, evaluations: int) -> None:
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        own = ((folder or Path("runs")) / "mlflow").resolve()
        if "MLFLOW_TRACKING_URI" not in os.environ:
            own.mkdir(parents=True, exist_ok=True)
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        self._client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", own.as_uri()))
        note = None if folder is None else folder / "mlflow_run"
        self._told = -1  # evaluations; what a run goes on from before that was told already, to the same bits
        if note is not None and note.exists():
            self._run = note.read_text().strip()
            self._told = max((one.step for one in self._client.get_metric_history(self._run, "seconds")), default=-1)
            self._client.set_terminated(self._run, "RUNNING")
            return
        name = str(settings.get("name") or "qd")
        known = self._client.get_experiment_by_name(name)
        experiment = known.experiment_id if known else self._client.create_experiment(name)
        self._run = self._client.create_run(experiment, run_name=folder.name if folder else None).info.run_id
        params = [Param(key, str(value)[:500]) for key, value in leaves(settings).items()]
        for at in range(0, len(params), 100):  # what one call takes
            self._client.log_batch(self._run, params=params[at : at + 100])
        if note is not None:
            note.write_text(self._run)

    def row(self, evaluations: int, numbers: dict[str, float]) -> None:
        import time

        from mlflow.entities import Metric

        if evaluations <= self._told:
            return
        now = int(1000 * time.time())
        self._client.log_batch(
            self._run, metrics=[Metric(key, value, now, evaluations) for key, value in numbers.items()]
        )

    def end(self, summary: dict[str, Any] | None) -> None:
        if summary is not None:
            self._client.set_tag(self._run, "digest", str(summary["digest"]))
        self._client.set_terminated(self._run, "FINISHED" if summary is not None else "FAILED")


TRACKERS: dict[str, type[Tracker]] = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases, "mlflow": MLflow}


def tracker(name: str) -> Tracker:
    """A tracker by the name that ``--log`` takes. Raises QDError where it is unknown, or its package is missing."""
    if name not in TRACKERS:
        raise QDError(f"--log {name}: {nearest(name, TRACKERS)}")
    return TRACKERS[name]()


def _need(module: str, extra: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise QDError(f"--log {extra}: needs the package {module}: pip install 'qd-evolution[{extra}]'")


def _identity(folder: Path | None) -> str | None:
    """An id that belongs to a run's folder, made once."""
    if folder is None:
        return None
    import secrets

    note = folder / "wandb_run"
    if not note.exists():
        note.write_text(secrets.token_hex(8))
    return note.read_text().strip()


__all__ = ["TRACKERS", "MLflow", "TensorBoard", "Tracker", "Tracking", "WeightsAndBiases", "leaves", "tracker"]
