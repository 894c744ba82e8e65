"""Fitness in child processes of this machine: for plain Python problems, and for those that may crash."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request, Status
from qd.errors import QDError
from qd.evaluate.child import Child, pickled
from qd.evaluate.chunks import joined, queue
from qd.evaluate.evaluator import Evaluator
from qd.evaluate.finalise import lost_row
from qd.evaluate.local import cores
from qd.evaluate.wire import context_key, pack_request, unpack_evaluation

_HEARTBEAT = 0.5  # seconds between looks at children that ended without closing their pipe
_FOREVER = float("inf")


class ProcessEvaluator(Evaluator):
    """Evaluates in long-lived child processes, which share the pieces of all started requests.

    An evaluation that ends its process costs its own row: the rows of its piece are evaluated again one by
    one in a new child, and the one that ends that too is FAILED. The same holds for time, with TIMED_OUT.

    Args:
        problem: what to evaluate. Sent to the children as it is now; later changes do not reach them.
        workers: child processes; 0 for one a core.
        timeout: seconds an evaluation, also inside C; 0 for none. A piece of n rows may take n times as long.
            What a child's first call compiles counts (cache kernels on disk), its start does not.

    Raises:
        QDError: the problem cannot be pickled; or, from a later call, no child can load it.
    """

    def __init__(self, problem: Problem, workers: int = 0, timeout: float = 0.0) -> None:
        super().__init__(problem)
        if workers < 0:
            raise QDError(f"evaluator.workers: got {workers}, wanted 0 (one a core) or more")
        if timeout < 0:
            raise QDError(f"evaluator.timeout: got {timeout}, wanted 0 (no limit) or more")
        self.ranks = workers or cores()
        self.description = f"processes, {self.ranks} worker{'s' if self.ranks > 1 else ''}"
        self._pool = _Pool(problem, self.ranks, timeout)
        self._stop = weakref.finalize(self, self._pool.stop)  # also runs when the interpreter exits

    @property
    def pids(self) -> list[int]:
        """The process numbers of the children that run."""
        return self._pool.pids

    def evaluate_span(self, request: Request, seeds: NDArray[np.uint64], span: tuple[int, int]) -> Evaluation:
        """Rows ``span`` of a request that was expanded already. ``span`` starts at a whole chunk."""
        return self._end(self._begin(request.rows(*span), seeds[span[0] : span[1]]))

    def _begin(self, request: Request, seeds: NDArray[np.uint64]) -> Any:
        ticket = _Ticket(request, seeds, context_key(request.context), missing=len(request))
        self._pool.put([_Piece(ticket, a, b) for a, b in queue(self.problem, len(request), self.ranks)])
        return ticket

    def _end(self, ticket: Any) -> Evaluation:
        return self._pool.wait(ticket)

    def close(self) -> None:
        self._stop()
        self._pool.join()


@dataclass(eq=False)
class _Ticket:
    """A request that was begun, and what is known of it."""

    request: Request
    seeds: NDArray[np.uint64]
    key: str  # of the context's content
    missing: int  # rows
    parts: dict[int, Evaluation] = field(default_factory=dict)  # by first row
    error: QDError | None = None


@dataclass(frozen=True, eq=False)
class _Piece:
    """Rows start..stop of a ticket."""

    ticket: _Ticket
    start: int
    stop: int
    again: bool = False  # a row by itself, whose piece ended a child before


class _Pool:
    """The children, a thread for each, and the queue of pieces between them.

    The threads hold the pool and not the evaluator, so that an evaluator that is dropped is noticed. A thread
    reads its pipe without a limit: whoever waits for a ticket kills the children that are over theirs.
    """

    def __init__(self, problem: Problem, workers: int, timeout: float) -> None:
        self._problem, self._timeout = problem, timeout
        self._bytes = pickled(problem)
        self._owner = os.getpid()
        lock = threading.RLock()  # re-entrant: a finalizer may run anywhere
        self._work = threading.Condition(lock)  # pieces came, or the end
        self._done = threading.Condition(lock)  # a ticket is complete, or will never be
        self._queue: deque[_Piece] = deque()
        self._children: set[Child] = set()
        self._deadlines: dict[Child, float] = {}  # of the children at work: these may be killed from outside
        self._overdue: set[Child] = set()
        self._error: BaseException | None = None
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"qd-child-{i}", daemon=True) for i in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    # what the evaluator calls

    @property
    def pids(self) -> list[int]:
        with self._work:
            return [child.pid for child in self._children]

    def put(self, pieces: list[_Piece]) -> None:
        with self._work:
            self._check()
            self._queue.extend(pieces)
            self._work.notify(len(pieces))

    def wait(self, ticket: _Ticket) -> Evaluation:
        """The evaluation of a ticket, once all of its pieces are there."""
        with self._done:
            try:
                while ticket.missing and ticket.error is None:
                    self._check()
                    soonest = min(self._deadlines.values(), default=_FOREVER)
                    self._done.wait(max(0.0, min(_HEARTBEAT, soonest - monotonic())))
                    self._kill_overdue()
            finally:  # nothing is left behind by an interrupt or an error
                self._queue = deque(piece for piece in self._queue if piece.ticket is not ticket)
        if ticket.error is not None:
            raise ticket.error
        if not ticket.parts:  # a request of no rows
            return Evaluation(np.zeros(0), lost_row(self._problem, Status.FAILED, "").measures[:0])
        return joined([ticket.parts[start] for start in sorted(ticket.parts)])

    def stop(self) -> None:
        """End the children that work at once, and let the idle ones go. Waits for nothing."""
        if os.getpid() != self._owner:  # a forked copy of the parent
            return
        with self._work:
            self._stopped = True
            self._queue.clear()
            for child in self._deadlines:
                child.kill()
            self._work.notify_all()
            self._done.notify_all()

    def join(self) -> None:
        """Wait until the children are gone."""
        for thread in self._threads:
            thread.join(10.0)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._stopped:
            raise QDError("the evaluator is closed; make a new one")

    def _kill_overdue(self) -> None:
        now = monotonic()
        for child, deadline in list(self._deadlines.items()):
            if now >= deadline:
                self._overdue.add(child)
                self._deadlines[child] = _FOREVER
                child.kill()
            elif not child.alive():  # its pipe is held open by a process that it forked
                child.kill()

    # what a child's thread does

    def _serve(self) -> None:
        child: Child | None = None
        try:
            child = self._started()
            while (piece := self._next_piece()) is not None:
                if child is None or not child.alive():
                    child = self._replaced(child)
                answer, overdue = self._asked(child, piece)
                if answer is not None:
                    self._keep(piece, answer)
                if answer is None or overdue:
                    self._forget(child)
                    end, child = child.obituary(), None
                    if answer is None:
                        self._lost(piece, end, overdue)
        except BaseException as error:
            with self._done:
                if self._error is None and not self._stopped:
                    self._error = error
                self._done.notify_all()
        finally:
            if child is not None:
                child.close()
                self._forget(child)

    def _started(self) -> Child:
        child = Child(self._bytes)
        with self._work:
            self._children.add(child)
        with self._at_work(child, _FOREVER):
            loaded = child.load()
        if not loaded:
            self._forget(child)
            raise QDError(
                f"evaluator: a child process could not load {self._problem.name}: {child.obituary()}\n"
                "A child imports the problem's modules by name: they must be found on sys.path"
            )
        return child

    def _replaced(self, child: Child | None) -> Child:
        """A new child for one that is gone."""
        if child is not None:
            self._forget(child)
            child.obituary()
        return self._started()

    def _forget(self, child: Child) -> None:
        with self._work:
            self._children.discard(child)

    def _next_piece(self) -> _Piece | None:
        """The next piece, or None once the pool is stopped."""
        with self._work:
            while not self._queue and not self._stopped:
                self._work.wait()
            return None if self._stopped else self._queue.popleft()

    def _asked(self, child: Child, piece: _Piece) -> tuple[bytearray | None, bool]:
        """The child's answer, None where it died, and whether it was killed for the time it took."""
        ticket, span = piece.ticket, slice(piece.start, piece.stop)
        rows = ticket.request.rows(piece.start, piece.stop)
        message = pack_request(rows, ticket.seeds[span], ticket.key, child.contexts)
        deadline = monotonic() + self._timeout * len(rows) if self._timeout else _FOREVER
        with self._at_work(child, deadline):
            answer = child.ask(message)
        overdue = child in self._overdue
        self._overdue.discard(child)
        return answer, overdue

    @contextmanager
    def _at_work(self, child: Child, deadline: float) -> Iterator[None]:
        with self._work:
            self._deadlines[child] = deadline
            if self._stopped:
                child.kill()
        try:
            yield
        finally:
            with self._work:
                del self._deadlines[child]

    def _keep(self, piece: _Piece, answer: bytearray) -> None:
        try:
            evaluation = unpack_evaluation(answer)
        except QDError as error:  # the problem breaks its contract
            with self._done:
                piece.ticket.error = piece.ticket.error or error
                self._done.notify_all()
            return
        self._store(piece, evaluation)

    def _store(self, piece: _Piece, evaluation: Evaluation) -> None:
        with self._done:
            piece.ticket.parts[piece.start] = evaluation
            piece.ticket.missing -= piece.stop - piece.start
            if not piece.ticket.missing:
                self._done.notify_all()

    def _lost(self, piece: _Piece, end: str, overdue: bool) -> None:
        """A piece whose child ended: its rows again, each by itself, or the verdict on the one row."""
        alone = piece.stop - piece.start == 1
        if alone and overdue:
            reason = f"took longer than evaluator.timeout = {self._timeout:g} s; its process was ended"
            self._store(piece, lost_row(self._problem, Status.TIMED_OUT, reason))
        elif alone and piece.again:
            reason = f"the evaluation ended its process: {end}"
            self._store(piece, lost_row(self._problem, Status.FAILED, reason))
        else:
            rows = range(piece.start, piece.stop)
            with self._work:
                if not self._stopped:
                    self._queue.extendleft(_Piece(piece.ticket, i, i + 1, True) for i in reversed(rows))
                    self._work.notify(len(rows))
