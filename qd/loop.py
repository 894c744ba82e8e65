"""The loop: ask, evaluate, tell, record, checkpoint. One for every population, serial or under MPI."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.budget import Budget
from qd.contracts import Request, numbered
from qd.errors import QDError, StoppedError
from qd.evaluate import Evaluator, connect
from qd.experiment import Experiment, check_budget
from qd.in_flight import InFlight
from qd.progress import Progress
from qd.result import Result
from qd.rng import row_seeds
from qd.stopping import Signals, StopRunError
from qd.store.archive_file import write_archives
from qd.store.checkpoint import read_newest, write_checkpoint
from qd.store.config import record_settings, refuse_other_settings, write_settings
from qd.store.digest import START, chained
from qd.store.files import RunFolder, Table, read_json, write_json
from qd.store.history import HistoryTable
from qd.store.metrics import MetricsTable
from qd.store.recorder import Recorder, archive_scores, metrics_row
from qd.store.summary import summarised
from qd.tracking import Tracker, Tracking

log = logging.getLogger("qd")

_WRITING_SHARE = 50  # a checkpoint that took t seconds is followed by none for 50 t: under 2 % of the time
_imported = perf_counter()


def run(
    experiment: Experiment,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    progress: bool | None = None,
    source: Mapping[str, Any] | None = None,
    comm: Any = None,
    trackers: Sequence[Tracker] = (),
) -> Result:
    """Make an experiment's run from its beginning.

    Args:
        experiment: what to run.
        out: the run's folder; None keeps everything in memory, without checkpoints.
        overwrite: replace a run that the folder holds.
        progress: show the bar; None: only where stderr is a terminal.
        source: where the experiment came from, for ``config.json``; the command line fills it in.
        comm: mpi4py communicator of the ranks that make this run and each call this; by default all that there are.
        trackers: told of the run as it goes, on rank 0; see ``qd.tracking``.

    Returns:
        the result; on a worker rank of an MPI job one with ``root`` False.

    Raises:
        QDError: bad settings or an unusable folder, before anything is evaluated.
    """
    evaluator = connect(experiment.problem, experiment.evaluator, comm)
    if evaluator is None:
        return Result(experiment, None, {}, root=False)
    try:
        folder = None
        if out is not None:
            folder = RunFolder(out)
            folder.create(overwrite)
            write_settings(folder, experiment, source)
        return _Loop(experiment, evaluator, folder, progress, Tracking(trackers)).run()
    finally:
        evaluator.close()


def resume(
    out: str | Path,
    experiment: Experiment,
    *,
    evaluations: int | None = None,
    progress: bool | None = None,
    overrides: Sequence[str] = (),
    comm: Any = None,
    trackers: Sequence[Tracker] = (),
) -> Result:
    """Go on with a run from its newest good checkpoint, to the same bits as if it had never stopped.

    Args:
        out: the run's folder.
        experiment: the same experiment; the evaluator, the number of ranks and what the problem calls ``resumable``
            may differ.
        evaluations: a raised budget. Refused where a schedule or a closing stage used the old one.
        progress: show the bar; None: only where stderr is a terminal.
        overrides: settings of the problem that the experiment has anew, for ``config.json``; the command line fills
            them in.
        comm, trackers: as in ``run``.
    """
    folder = RunFolder(out)
    folder.check()
    refuse_other_settings(folder, experiment)
    stored = read_json(folder.config)["settings"]["budget"]
    raised = evaluations is not None and evaluations != stored
    if raised:
        assert evaluations is not None
        _check_raise(experiment, stored, evaluations)
    experiment = replace(experiment, budget=stored if evaluations is None else evaluations)
    evaluator = connect(experiment.problem, experiment.evaluator, comm)
    if evaluator is None:
        return Result(experiment, None, {}, root=False)
    try:
        checkpoint = read_newest(folder.checkpoints)
        if raised:
            if checkpoint["loop"]["touched"]:
                checkpoint = read_newest(folder.checkpoints, clean=True)
            config = read_json(folder.config)
            config["settings"]["budget"] = evaluations
            write_json(folder.config, config)
        elif checkpoint["loop"]["finished"] and folder.summary.exists():
            log.info("%s is finished: nothing to do", folder.path)
            return Result.load(folder.path, experiment)
        record_settings(folder, experiment, overrides)
        return _Loop(experiment, evaluator, folder, progress, Tracking(trackers), checkpoint).run()
    finally:
        evaluator.close()


def _check_raise(experiment: Experiment, stored: Any, evaluations: int) -> None:
    check_budget(evaluations, experiment.problem)
    if not isinstance(stored, int):
        raise QDError(f"--evaluations: the run's budget is {stored}, not a number of evaluations")
    if evaluations < stored:
        raise QDError(f"--evaluations {evaluations}: the run already has a budget of {stored}; it can only be raised")
    algorithm = experiment.algorithm
    if algorithm.uses_budget or algorithm.reserve(experiment.problem):
        raise QDError(
            f"--evaluations: {algorithm.name} has used the budget of {stored} in a schedule or a closing stage, "
            "so a longer run is another run: start it anew"
        )


def _seeds(experiment: Experiment, request: Request) -> NDArray[np.uint64]:
    """The seeds of a request's rows; no method, since what is in flight must not hold the loop that holds it."""
    if experiment.problem.deterministic:
        return np.zeros(len(request), np.uint64)
    return row_seeds(experiment.seed, request.draw_numbers)


class _Loop:
    """One run from a beginning or a checkpoint to its end."""

    def __init__(
        self,
        experiment: Experiment,
        evaluator: Evaluator,
        folder: RunFolder | None,
        show_progress: bool | None,
        tracking: Tracking,
        checkpoint: Any = None,
    ) -> None:
        self.experiment, self.evaluator, self.folder = experiment, evaluator, folder
        self.tracking = tracking
        problem, algorithm = experiment.problem, experiment.algorithm
        self.budget = Budget(experiment)
        self.in_flight = InFlight(evaluator, self.budget, partial(_seeds, experiment))
        self.number = self.rows = self.saved = 0  # requests and rows asked, checkpoints written so far
        self.touched = self.finished = False
        self.tested = False  # the test split is read once a run
        self.telling = False  # between a request's end and its tell, when the parts do not fit together
        self.seconds = 0.0
        self.traffic = [0, 0]  # bytes to and from other ranks so far
        self.chain = START
        if checkpoint is None:
            self.state = algorithm.init(problem, experiment.seed)
        else:
            self.state = algorithm.State(**checkpoint["state"])
        archive = next(iter(algorithm.report(self.state).archives.values()), None)
        self.recorder = Recorder(problem, grid=archive is None or archive_scores(archive)[0] is None)
        if checkpoint is None:
            self.metrics = MetricsTable(folder.metrics if folder else None)
            self.failures = Table(folder.failures) if folder else None
            self.history = HistoryTable(folder, problem, experiment.history) if folder and experiment.history else None
        else:
            self._restore(checkpoint)
        self.progress = Progress(self.budget.amount, self.budget.unit, self._spent(), show_progress)
        self._checkpointed, self._writing = monotonic(), 0.0
        problem.prepare()

    def run(self) -> Result:
        setup = perf_counter() - _imported
        log.info("%s on %s: %s", self.experiment.algorithm.name, self.experiment.problem.name,
                 self.evaluator.description)  # fmt: skip
        self.tracking.begin(self.experiment, self.folder, self.recorder.evaluations)
        self.in_flight.start_again()
        self._checkpoint()
        self._began = perf_counter() - self.seconds
        with Signals() as signals:
            try:
                self._search(signals)
            except StopRunError:
                pass
            except BaseException:
                self._checkpoint_after_error()
                self.tracking.end(None)
                raise
        self.seconds = perf_counter() - self._began
        self.progress.close()
        self.finished = not self.in_flight and not signals.received
        self._checkpoint()
        result = self._result(setup, signals.received)
        for table in (self.metrics, self.failures, self.history):
            if table:
                table.close()
        self.tracking.end(result.summary)
        return result

    def _search(self, signals: Signals) -> None:
        algorithm = self.experiment.algorithm
        while not signals.received:
            while len(self.in_flight) < algorithm.in_flight and self._ask():
                pass
            if not self.in_flight:
                return
            signals.interruptible = True
            if signals.received:  # it came just before the line above
                return
            evaluation, traffic = self.in_flight.finish()
            signals.interruptible = False
            self.telling = True
            request = self.in_flight.finished(evaluation)
            self.touched |= self.in_flight.cut
            self.rows = max(self.rows, request.first + len(request))
            self.chain = chained(self.chain, request, evaluation)
            lines = self.recorder.record(request, evaluation)
            if self.history:
                self.history.append(request, evaluation)
            if self.failures:
                for line in lines:
                    self.failures.write(line)
            if lines and self.recorder.failures_kept == len(lines):
                log.warning("first failed evaluation: %s", next(iter(evaluation.reasons.values()), "").strip())
            evaluation.truth, evaluation.reasons = {}, {}
            algorithm.tell(self.state, request, evaluation)
            self.seconds = perf_counter() - self._began
            self.traffic = [before + now for before, now in zip(self.traffic, traffic, strict=True)]
            row = metrics_row(self.recorder, request, self.seconds, traffic, algorithm.report(self.state))
            self.metrics.append(row)
            self.telling = False
            self.tracking.row(row)
            if self.progress.due:
                self.progress.show(self._spent(), row["coverage"], row["best_objective"])
            least = self.experiment.checkpoint_seconds
            wait = max(least, _WRITING_SHARE * self._writing) if least else 0.0
            if monotonic() - self._checkpointed > wait:
                self._checkpoint()

    def _ask(self) -> bool:
        """Start the next request, numbered, and as far as the budget pays for it; whether there was one."""
        algorithm = self.experiment.algorithm
        while True:
            left = self.budget.left
            request = algorithm.ask(self.state, left)
            self.touched |= left == 0
            if request is None:
                return False
            request = numbered(request, self.number, self.rows, self.experiment.problem)
            if request.purpose == "test" and self.tested:
                raise QDError(f"Request.purpose: {algorithm.name} asks a second time with the purpose 'test', and what "
                              "is held out is read once a run; choose by 'select', and test the choice")  # fmt: skip
            closing = left == 0 or algorithm.in_closing_stage(self.state)
            before = self.budget.asked
            rows = self.budget.take(request, closing)
            if rows:
                break
            self.touched = True
            if left == 0:
                return False
            algorithm.dropped(self.state, request)
            self.budget.search_over = True
        alone = algorithm.in_flight == 1
        self.in_flight.start(request, rows, before, closing, alone)
        self.touched |= self.in_flight.cut
        self.tested |= request.purpose == "test"
        self.number += 1
        self.rows += rows
        return True

    def _spent(self) -> float:
        unit = self.budget.unit
        return self.recorder.evaluations if unit == "evaluations" else self.recorder.cost.get(unit, 0.0)

    def _checkpoint(self) -> None:
        if self.folder is None:
            return
        begin = monotonic()
        try:
            write_checkpoint(self.folder.checkpoints, self.saved + 1, self._tree(), self.touched)
        except OSError as error:
            raise StoppedError(
                f"{self.folder.checkpoints}: a checkpoint could not be written: {error.strerror or error}. The run "
                f"stops; the last good one is kept. Make room, then: qd resume {self.folder.path}"
            ) from error
        self.saved += 1
        self._checkpointed = monotonic()
        self._writing = self._checkpointed - begin

    def _tree(self) -> dict[str, Any]:
        """All there is to know, as plain data; the tables are on the disk up to here."""
        return {
            "state": dict(vars(self.state)),
            "in_flight": self.in_flight.tree(),
            "loop": {
                "number": self.number,
                "rows": self.rows,
                "asked": self.in_flight.asked(),
                "search_over": self.budget.search_over,
                "parts": self.in_flight.parts(),
                "touched": self.touched,
                "tested": self.tested,
                "finished": self.finished,
                "seconds": self.seconds,
                "traffic": self.traffic,
                "chain": self.chain,
                "saved": self.saved + 1,
            },
            "recorder": self.recorder.to_state(),
            "metrics": self.metrics.to_state(),
            "failures": self.failures.sync() if self.failures else 0,
            "history": self.history.to_state() if self.history else None,
        }

    def _checkpoint_after_error(self) -> None:
        """Save what can be saved before an error leaves the loop; the error itself matters more."""
        self.progress.close()
        if self.telling:  # half told: the checkpoint before it holds, and makes this request again
            return
        try:
            self._checkpoint()
        except Exception as error:
            log.error("no checkpoint at the end: %s", error)

    def _restore(self, checkpoint: Any) -> None:
        loop = checkpoint["loop"]
        self.number, self.rows = loop["number"], loop["rows"]
        self.budget.asked, self.budget.search_over = loop["asked"], loop["search_over"]
        self.tested = loop.get("tested", False)
        self.touched, self.seconds, self.traffic = loop["touched"], loop["seconds"], list(loop.get("traffic", (0, 0)))
        self.chain, self.saved = loop["chain"], loop["saved"]
        self.in_flight.restore(checkpoint["in_flight"], loop.get("parts", {}))
        self.recorder.restore(checkpoint["recorder"])
        folder = self.folder
        self.metrics = MetricsTable(folder.metrics if folder else None, checkpoint["metrics"])
        self.failures = Table(folder.failures, checkpoint["failures"]) if folder else None
        kept = checkpoint.get("history")  # None where the run keeps none, or was started before there was one
        most = self.experiment.history
        self.history = HistoryTable(folder, self.experiment.problem, most, kept) if folder and kept else None

    def _result(self, setup: float, stopped_by: int) -> Result:
        report = self.experiment.algorithm.report(self.state).made()
        summary = summarised(
            self.experiment, self.evaluator, self.recorder, report, finished=self.finished, seconds=self.seconds,
            setup=setup, traffic=self.traffic, chain=self.chain,
        )  # fmt: skip
        if self.folder:
            write_archives(self.folder.archive, report.archives, self.recorder, report.populations)
            write_json(self.folder.summary, summary)
        result = Result(self.experiment, self.folder.path if self.folder else None, summary, stopped_by=stopped_by)
        result.attach(report, self.recorder, self.metrics)
        return result
