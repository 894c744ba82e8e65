"""Fitness on MPI ranks: rank 0 drives and works too, the others serve. Same command with and without mpirun.

Messages are buffers made by ``qd.evaluate.wire``. Static: one message a rank and request, a block of whole
chunks. Dynamic: a queue of chunks, two in flight a rank, for evaluations of uneven cost. Waiting naps instead of
spinning, so that more ranks than cores still work and signals are handled.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import ProblemError, QDError, StoppedError
from qd.evaluate.chunks import Span, blocks, joined, queue
from qd.evaluate.evaluator import Evaluator
from qd.evaluate.wire import (
    ContextCache,
    context_key,
    pack_error,
    pack_evaluation,
    pack_request,
    unpack_evaluation,
    unpack_request,
)
from qd.launcher import launched_size

log = logging.getLogger("qd")

_WORK, _RESULT, _STOP = 1, 2, 3
_PREFETCH = 2  # messages in flight a rank in the dynamic queue
_GRACE = 5.0  # seconds that ranks get to end their chunk when a run stops early


class SpanEvaluator(Protocol):
    """What evaluates a rank's own share: in the process, or in its isolated child."""

    def evaluate_span(self, request: Request, seeds: NDArray[np.uint64], span: Span) -> Evaluation: ...

    def close(self) -> None: ...


class StalledError(StoppedError):
    """A rank gave no result for longer than the watchdog allows."""


def world() -> Any:
    """MPI's communicator of all ranks, with a hook so that an uncaught error ends the job instead of hanging it.

    Raises QDError where mpi4py is missing, or where the launcher belongs to another MPI than mpi4py's.
    """
    wanted = launched_size()
    if not wanted:
        raise QDError("evaluator.kind: mpi needs a launcher: mpiexec -n 2 qd run ...")
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise QDError(f"mpi4py does not load ({error}): pip install 'qd-evolution[mpi]'") from error
    comm = MPI.COMM_WORLD
    if wanted > 1 and comm.size != wanted:
        beside = Path(sys.executable).with_name("mpiexec")
        raise QDError(
            f"the launcher started {wanted} ranks, but mpi4py ({MPI.get_vendor()[0]}) sees a world of {comm.size}: "
            f"mpirun belongs to another MPI. Use the one of this Python: {beside}"
        )
    if comm.size > 1:
        sys.excepthook = _abort_on_error
    return comm


def _abort_on_error(kind: Any, error: Any, trace: Any) -> None:
    from mpi4py import MPI

    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    MPI.COMM_WORLD.Abort(1)


@dataclass
class _Ticket:
    request: Request
    seeds: NDArray[np.uint64]
    spans: list[Span]
    key: str  # of the context's content
    results: dict[int, Evaluation] = field(default_factory=dict)  # span number -> evaluation
    sent: int = 0  # bytes of its messages to other ranks ...
    received: int = 0  # ... and from them

    @property
    def done(self) -> bool:
        return len(self.results) == len(self.spans)

    def piece(self, i: int) -> tuple[Request, NDArray[np.uint64]]:
        a, b = self.spans[i]
        return self.request.rows(a, b), self.seeds[a:b]


class MPIEvaluator(Evaluator):
    """Evaluates on all ranks of a communicator; made on rank 0 alone, while the others are in ``serve``.

    Args:
        problem: what to evaluate.
        comm: mpi4py communicator.
        inner: evaluates rank 0's share.
        dynamic: a queue of chunks instead of equal blocks.
        watchdog: seconds without a result before StalledError; 0 for never.
    """

    def __init__(
        self, problem: Problem, comm: Any, inner: SpanEvaluator, dynamic: bool = False, watchdog: float = 0.0
    ) -> None:
        super().__init__(problem)
        self.comm, self.inner, self.dynamic, self.watchdog = comm, inner, dynamic, watchdog
        self.ranks = comm.size
        self.description = f"mpi, {self.ranks} ranks, {'dynamic' if dynamic else 'static'} schedule"
        self._contexts = [ContextCache() for _ in range(comm.size)]
        self._sends: deque[tuple[Any, bytes]] = deque()  # requests of MPI with the buffers they still read
        self._out: list[deque[tuple[_Ticket, int]]] = [deque() for _ in range(comm.size)]  # sent, not yet back
        self._waiting: deque[tuple[_Ticket, int]] = deque()  # pieces of the dynamic queue not yet sent
        self._heard = time.monotonic()

    def _begin(self, request: Request, seeds: NDArray[np.uint64]) -> _Ticket:
        n = len(request)
        if self.dynamic:
            ticket = _Ticket(request, seeds, queue(self.problem, n, self.ranks), context_key(request.context))
            self._waiting.extend((ticket, i) for i in range(len(ticket.spans)))
            self._fill_ranks()
            return ticket
        spans = [span for span in blocks(self.problem, n, self.ranks) if span[0] < span[1]]
        ticket = _Ticket(request, seeds, spans, context_key(request.context))
        idle = not any(self._out)
        for i in range(1, len(ticket.spans)):
            self._send(i, ticket, i)
        if idle:  # ranks are listening: let the buffers go out before our own share keeps us busy
            while self._sends:
                self._sends.popleft()[0].Wait()
        return ticket

    def _end(self, ticket: _Ticket) -> Evaluation:
        self._heard = time.monotonic()
        if self.dynamic:
            self._work_queue(ticket)
        else:
            ticket.results[0] = self.inner.evaluate_span(ticket.request, ticket.seeds, ticket.spans[0])
            self._heard = time.monotonic()
            nap = _Nap()
            while not ticket.done:
                if self._take_result():
                    nap.reset()
                else:
                    self._check_watchdog()
                    nap.wait()
        self.traffic = ticket.sent, ticket.received
        return joined([ticket.results[i] for i in range(len(ticket.spans))])

    def _work_queue(self, ticket: _Ticket) -> None:
        nap = _Nap()
        while not ticket.done:
            heard = self._take_result()
            self._fill_ranks()
            if heard:
                nap.reset()
            elif self._waiting:  # every rank has enough: take a piece ourselves
                mine, i = self._waiting.popleft()
                mine.results[i] = self.inner.evaluate_span(mine.request, mine.seeds, mine.spans[i])
                self._heard = time.monotonic()
            else:
                self._check_watchdog()
                nap.wait()

    def _fill_ranks(self) -> None:
        while self._sends and self._sends[0][0].Test():
            self._sends.popleft()
        for depth in range(1, _PREFETCH + 1):
            for rank in range(1, self.ranks):
                if self._waiting and len(self._out[rank]) < depth:
                    self._send(rank, *self._waiting.popleft())

    def _send(self, rank: int, ticket: _Ticket, i: int) -> None:
        request, seeds = ticket.piece(i)
        message = pack_request(request, seeds, ticket.key, self._contexts[rank])
        ticket.sent += len(message)
        self._sends.append((self.comm.Isend(message, dest=rank, tag=_WORK), message))
        self._out[rank].append((ticket, i))

    def _take_result(self) -> bool:
        """Receive one result if there is one. Ranks answer in the order in which they were asked."""
        message = _receive_now(self.comm, _RESULT)
        if message is None:
            return False
        rank, data = message
        ticket, i = self._out[rank].popleft()
        ticket.received += len(data)
        ticket.results[i] = unpack_evaluation(data)
        self._heard = time.monotonic()
        return True

    def _check_watchdog(self) -> None:
        if self.watchdog and time.monotonic() - self._heard > self.watchdog:
            held = [
                f"rank {rank} has evaluations {t.request.first + t.spans[i][0]}..{t.request.first + t.spans[i][1] - 1}"
                for rank, out in enumerate(self._out)
                for t, i in list(out)[:1]
            ]
            message = f"no result for evaluator.watchdog = {self.watchdog:g} s: {'; '.join(held)}"
            log.error("%s", message)  # the job may be aborted before anybody prints the exception
            raise StalledError(message)

    def close(self) -> None:
        """Send the ranks home. Ranks that do not end their chunk within a grace time are aborted, and we too."""
        deadline, nap = time.monotonic() + _GRACE, _Nap()
        while any(self._out) and time.monotonic() < deadline:
            try:
                if not self._take_result():
                    nap.wait()
            except (ProblemError, StoppedError):
                continue
        self.inner.close()
        if any(self._out):
            busy = [rank for rank, out in enumerate(self._out) if out]
            print(
                f"qd: ranks {busy} did not end within {_GRACE:g} s: the job is aborted",
                file=sys.stderr,
                flush=True,
            )
            self.comm.Abort(1)
        for rank in range(1, self.ranks):
            self.comm.Send(b"", dest=rank, tag=_STOP)


def serve(comm: Any, inner: SpanEvaluator) -> None:
    """A worker rank's life: evaluate what rank 0 sends until it says stop. Signals are rank 0's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    contexts = ContextCache()
    nap = _Nap()
    while True:
        if (work := _receive_now(comm, _WORK)) is not None:
            nap.reset()
            request, seeds = unpack_request(work[1], contexts)
            try:
                reply = pack_evaluation(inner.evaluate_span(request, seeds, (0, len(request))))
            except (ProblemError, StoppedError) as error:
                reply = pack_error(error)
            comm.Send(reply, dest=0, tag=_RESULT)
        elif _receive_now(comm, _STOP) is not None:
            inner.close()
            return
        else:
            nap.wait()


def _receive_now(comm: Any, tag: int) -> tuple[int, bytearray] | None:
    """(source, bytes) of a message with this tag that has arrived, or None."""
    from mpi4py import MPI

    status = MPI.Status()
    message = comm.Improbe(MPI.ANY_SOURCE, tag, status)
    if message is None:
        return None
    data = bytearray(status.Get_count(MPI.BYTE))
    message.Recv([data, MPI.BYTE])
    return status.Get_source(), data


class _Nap:
    """Waiting that starts with a short spin and ends in naps: short ones first, of a millisecond after a while."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._turns = 0

    def wait(self) -> None:
        self._turns += 1
        if self._turns > 200:
            time.sleep(5e-5 if self._turns < 600 else 1e-3)
