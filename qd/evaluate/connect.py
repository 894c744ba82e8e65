"""Choose and connect the evaluator that the settings and the launcher's environment ask for."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from qd.contracts import Evaluation, Problem, Request, numbered
from qd.errors import QDError
from qd.evaluate.evaluator import Evaluator
from qd.evaluate.local import LocalEvaluator
from qd.evaluate.mpi import MPIEvaluator, serve, world
from qd.experiment import EvaluatorSettings
from qd.launcher import launched_size
from qd.rng import row_seeds


def connect(problem: Problem, settings: EvaluatorSettings, comm: Any = None) -> Evaluator | None:
    """The evaluator of this process; None on a worker rank, after it has served until the run's end.

    Args:
        problem: what is evaluated.
        settings: where and how.
        comm: mpi4py communicator of the ranks that make this run; by default all that the launcher started.
    """
    if settings.timeout and not settings.isolate and sys.platform == "win32":
        raise QDError("evaluator.timeout: Windows has no alarms; add evaluator.isolate")
    kind = settings.kind
    if kind == "auto":
        kind = "mpi" if launched_size() or comm is not None else "local"
    if kind != "mpi":
        ranks = launched_size() if comm is None else comm.size
        if ranks > 1:
            raise QDError(f"evaluator.kind: got {kind!r} under a launcher of {ranks} ranks, each of which "
                          "would make the whole run; leave it at auto, or drop mpirun")  # fmt: skip
        if kind == "processes":
            return _processes(problem, settings.workers, settings.timeout)
        return _own_share(problem, settings, settings.threads)
    comm = world() if comm is None else comm
    inner = _own_share(problem, settings, settings.threads or 1)
    if comm.rank == 0:
        return MPIEvaluator(problem, comm, inner, settings.schedule == "dynamic", settings.watchdog)
    problem.prepare()
    serve(comm, inner)
    return None


def _own_share(problem: Problem, settings: EvaluatorSettings, threads: int) -> Any:
    if settings.isolate:
        return _processes(problem, 1, settings.timeout)
    return LocalEvaluator(problem, threads, settings.timeout)


def _processes(problem: Problem, workers: int, timeout: float) -> Any:
    from qd.evaluate.processes import ProcessEvaluator

    return ProcessEvaluator(problem, workers, timeout)


def evaluate_batch(
    problem: Problem, request: Request, run_seed: int = 0, *, first: int = 0, number: int = 0
) -> Evaluation:
    """Evaluate one request here and now: the middle of a bare ask / evaluate / tell loop.

    Args:
        problem: what to evaluate.
        request: what the search asked.
        run_seed: the run's seed, from which the rows' seeds are hashed.
        first: evaluation number of the first row. number: the request's number.
    """
    ready = numbered(request, number, first, problem)
    evaluator = LocalEvaluator(problem)
    try:
        return evaluator.evaluate(ready, row_seeds(run_seed, np.asarray(ready.draw_numbers)))
    finally:
        evaluator.close()
