"""One guarded call of a problem: an exception, NaN or time-out costs one solution, never the run."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request, Status
from qd.errors import ProblemError, QDError, StoppedError
from qd.evaluate.chunks import calls, joined
from qd.evaluate.finalise import finalised, lost_row
from qd.ragged import concatenate

_REASON_LINES = 25


class _TimedOutError(BaseException):
    """Raised by the alarm; not an Exception, so that a problem's own ``except Exception`` lets it through."""


def evaluate_span(
    problem: Problem, request: Request, seeds: NDArray[np.uint64], span: tuple[int, int], timeout: float = 0.0
) -> Evaluation:
    """Rows ``span`` of a request, in the calls that the problem's batching asks for, each guarded."""
    parts = [guarded(problem, request.rows(a, b), seeds[a:b], timeout) for a, b in calls(problem, span[0], span[1])]
    return joined(parts)


def guarded(problem: Problem, request: Request, seeds: NDArray[np.uint64], timeout: float = 0.0) -> Evaluation:
    """One call, with failures kept to their rows.

    When a call of several rows fails, the rows are evaluated again one by one: seeds belong to rows, so the
    good rows come out as they would have.

    Raises:
        ProblemError: the problem's return value breaks its contract in the run's first request. Later on
            such a call's rows fail.
        StoppedError: the machine has no room for the call; the problem says what to do.
    """
    n = len(request)
    inside = problem.space(request.role).valid(request.solutions)
    if inside is not None:
        if n == 1:
            reason = f"the solution lies outside {problem.space(request.role)!r}"
            return lost_row(problem, Status.INVALID, reason)
        return _row_by_row(problem, request, seeds, timeout)
    try:
        if timeout:
            with time_limit(timeout * n):
                evaluation = _call(problem, request, seeds)
        else:
            evaluation = _call(problem, request, seeds)
    except StoppedError:  # this machine cannot do it, whatever the solutions are
        raise
    except (Exception, SystemExit):
        reason = "".join(traceback.format_exc().splitlines(keepends=True)[-_REASON_LINES:])
        status = Status.FAILED
    except _TimedOutError:
        reason, status = f"took longer than evaluator.timeout = {timeout:g} s", Status.TIMED_OUT
    else:
        try:
            return finalised(problem, request, evaluation)
        except ProblemError as error:
            if request.number <= 0:
                raise
            reason, status = str(error), Status.FAILED
    if n == 1:
        return lost_row(problem, status, reason)
    return _row_by_row(problem, request, seeds, timeout)


def _row_by_row(problem: Problem, request: Request, seeds: NDArray[np.uint64], timeout: float) -> Evaluation:
    rows = range(len(request))
    return joined([guarded(problem, request.rows(i, i + 1), seeds[i : i + 1], timeout) for i in rows])


def _call(problem: Problem, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
    n, size = len(request), problem.chunk_size
    if problem.batching != "padded" or n == size:
        return problem.evaluate(request, seeds)
    last = request.rows(n - 1, n)
    filled = Request(
        concatenate([request.solutions, *[last.solutions] * (size - n)]),
        purpose=request.purpose,
        fidelity={key: _filled(value, n, size) for key, value in request.fidelity.items()},
        role=request.role,
        columns=request.columns,
        context=request.context,
        number=request.number,
        first=request.first,
    )
    whole = problem.evaluate(filled, _filled(seeds, n, size))
    if not isinstance(whole, Evaluation) or len(whole) != size:
        raise ProblemError(f"{problem.name}.evaluate: wanted a qd.Evaluation of {size} rows (a padded chunk)")
    return Evaluation(
        whole.objective[:n],
        whole.measures[:n],
        whole.status[:n],
        columns={key: value[:n] for key, value in whole.columns.items()},
        cost={key: np.asarray(value)[:n] if np.ndim(value) else value for key, value in whole.cost.items()},
        truth={key: value[:n] for key, value in whole.truth.items()},
        reasons={row: reason for row, reason in whole.reasons.items() if row < n},
    )


def _filled(value: Any, n: int, size: int) -> Any:
    if isinstance(value, np.ndarray) and value.shape[:1] == (n,):
        return np.concatenate([value, np.repeat(value[-1:], size - n, axis=0)])
    return value


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise in the block once ``seconds`` of wall time are over. Cuts Python-level hangs only."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        raise QDError("evaluator.timeout: alarms need the main thread of a POSIX system; add evaluator.isolate")

    def on_alarm(signum: int, frame: Any) -> None:
        raise _TimedOutError

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
