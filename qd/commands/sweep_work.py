"""Making the runs of a sweep: each worker takes the next that nobody has taken, until there is none.

A worker is this process, a child of it, or a group of MPI ranks. A run is taken by making a file that must not be
there yet, which one worker alone can do: so workers need not talk to each other, and a quick one makes more runs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from qd.commands.sweep_plan import Plan, PlannedRun, read_plan
from qd.errors import CheckpointError, QDError, StoppedError
from qd.experiment import Experiment
from qd.store.checkpoint import checkpoints
from qd.store.config import refuse_other_settings
from qd.store.files import RunFolder, read_json, write_atomic

_CLAIMS, _FAILED = ".taken", "failed"
_WATCH_SECONDS = 0.5  # between two looks whether the parent is still there


class Work:
    """The state of a sweep as its folder tells it.

    Args:
        out: the sweep's folder.
        token: of this start: what an earlier start took does not count.
    """

    def __init__(self, out: Path, token: str) -> None:
        self.out, self.token = out, token
        self._done: set[str] = set()  # folders of runs known to be finished

    def open(self, retry: bool) -> None:
        """Begin a start: forget what earlier ones took, and with ``retry`` what failed in them."""
        for name in (_CLAIMS, *([_FAILED] if retry else [])):
            for file in (self.out / name).glob("*"):
                file.unlink(missing_ok=True)
        (self.out / _CLAIMS).mkdir(exist_ok=True)

    def close(self) -> None:
        """End a start."""
        for file in (self.out / _CLAIMS).glob("*"):
            file.unlink(missing_ok=True)
        with suppress(OSError):
            (self.out / _CLAIMS).rmdir()

    def take(self, runs: Sequence[PlannedRun]) -> PlannedRun | None:
        """The next run that is neither done, nor failed, nor taken; taken from now on."""
        for run in runs:
            if self.finished(run) or self.failure(run) is not None:
                continue
            try:
                with open(self._claim(run), "x") as file:
                    file.write(str(os.getpid()))
            except FileExistsError:
                continue
            return run
        return None

    def taken_by(self, pid: int, runs: Sequence[PlannedRun]) -> list[PlannedRun]:
        """The runs that a process has taken."""
        found = []
        for run in runs:
            with suppress(OSError):
                if self._claim(run).read_text() == str(pid):
                    found.append(run)
        return found

    def finished(self, run: PlannedRun) -> bool:
        """Whether a run has come to its end."""
        if run.folder not in self._done:
            summary = RunFolder(self.out / run.folder).summary
            with suppress(QDError):
                if summary.exists() and read_json(summary).get("finished"):
                    self._done.add(run.folder)
        return run.folder in self._done

    def failure(self, run: PlannedRun) -> str | None:
        """Why a run failed; None where it did not."""
        try:
            return (self.out / _FAILED / f"{run.folder}.txt").read_text()
        except OSError:
            return None

    def fail(self, run: PlannedRun, why: str) -> None:
        """Write down that a run failed."""
        (self.out / _FAILED).mkdir(exist_ok=True)
        write_atomic(self.out / _FAILED / f"{run.folder}.txt", why.rstrip() + "\n", sync=False)

    def _claim(self, run: PlannedRun) -> Path:
        return self.out / _CLAIMS / f"{self.token}-{run.folder}"


def make_runs(work: Work, plan: Plan, threads: int = 0, comm: Any = None) -> int:
    """Take runs and make them until there is none left to take.

    Args:
        work: where.
        plan: what.
        threads: of local evaluation, where the experiment leaves them open.
        comm: communicator of the ranks that make each run together, each of which calls this.

    Returns:
        0, or the number of the signal that ended a run early.

    Raises:
        StoppedError: the machine cannot go on, as on a full disk.
    """
    lead = comm is None or comm.rank == 0
    while True:
        run, stop = None, None
        if lead:
            try:
                run = _ready(work, plan, threads)
            except (OSError, StoppedError) as error:
                stop = error
        if comm is not None:
            run = comm.bcast(run)
        if run is None:
            if stop is not None:
                raise stop
            return 0
        number = _made(work, plan, run, threads, comm) if lead else _served(plan, run, threads, comm)
        if number:
            if comm is not None:
                comm.bcast(None)  # the others of the group wait for the next run
            return number


def _ready(work: Work, plan: Plan, threads: int) -> PlannedRun | None:
    """The next run that can be made; those that cannot are marked as failed."""
    while (run := work.take(plan.runs)) is not None:
        try:
            experiment, _ = _experiment(plan, run, threads)
            folder = RunFolder(work.out / run.folder)
            if _can_resume(folder):
                refuse_other_settings(folder, experiment)
            return run
        except Exception as error:
            work.fail(run, _reason(error))
    return None


def _made(work: Work, plan: Plan, run: PlannedRun, threads: int, comm: Any) -> int:
    """Make a run or go on with it; the number of the signal that ended it early, or 0."""
    from qd import loop

    try:
        experiment, source = _experiment(plan, run, threads)
        folder = RunFolder(work.out / run.folder)
        if _can_resume(folder):
            result = loop.resume(folder.path, experiment, progress=False, comm=comm)
        else:
            begun = folder.config.exists()
            result = loop.run(experiment, folder.path, overwrite=begun, progress=False, source=source, comm=comm)
        return result.stopped_by
    except StoppedError:
        if comm is not None:
            comm.bcast(None)
        raise
    except CheckpointError as error:
        work.fail(run, f"{_reason(error)}\nremove the folder {folder.path} to make the run anew")
    except Exception as error:
        work.fail(run, _reason(error))
    return 0


def _served(plan: Plan, run: PlannedRun, threads: int, comm: Any) -> int:
    """Evaluate for the rank that makes the run, until it ends."""
    from qd import loop

    experiment, _ = _experiment(plan, run, threads)
    loop.run(experiment, comm=comm)
    return 0


def _experiment(plan: Plan, run: PlannedRun, threads: int) -> tuple[Experiment, dict[str, Any]]:
    experiment, source = plan.experiment(run)
    if threads and not experiment.evaluator.threads:
        experiment = replace(experiment, evaluator=replace(experiment.evaluator, threads=threads))
    return experiment, source


def _can_resume(folder: RunFolder) -> bool:
    return folder.config.exists() and bool(checkpoints(folder.checkpoints))


def _reason(error: BaseException) -> str:
    if isinstance(error, QDError):
        return str(error)
    return "".join(traceback.format_exception(error)).strip()


def watch_parent(left: Callable[[], None]) -> None:
    """Call ``left`` once the process that started this one is gone."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        left()

    threading.Thread(target=look, daemon=True).start()


def main(argv: Sequence[str] | None = None) -> int:
    """A child of ``qd sweep --parallel N``; returns 0, or 128 and the number of a signal."""
    parser = argparse.ArgumentParser(prog="qd.commands.sweep_work")
    parser.add_argument("out", type=Path)
    parser.add_argument("token")
    parser.add_argument("threads", type=int)
    args = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent passes on what it gets, as SIGTERM
    watch_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))  # a checkpoint is written, then we leave too
    try:
        number = make_runs(Work(args.out, args.token), read_plan(args.out), args.threads)
    except (OSError, StoppedError) as error:
        print(f"qd: {error}", file=sys.stderr)
        return 4
    return 128 + number if number else 0


if __name__ == "__main__":
    sys.exit(main())
