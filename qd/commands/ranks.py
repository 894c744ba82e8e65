"""How a job of several ranks ends early: one message, no rank left waiting for another."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from qd.launcher import launched_rank, launched_size

_PATIENCE = 2.0  # seconds in which the other ranks meet the same error, if they do


def leave(code: int, say: Callable[[str], None]) -> None:
    """Print why a rank leaves and, where the others may wait for it, see that they leave too.

    A mistake on the command line is met by every rank at the same time: then rank 0 says it and all exit. An
    error that one rank alone meets (a file that its node does not have) would hang the others in MPI's start
    or in a receive: then the job is aborted.

    Args:
        code: the exit code, for an abort.
        say: prints the reason; given a prefix that names the rank where it matters.
    """
    if launched_size() < 2:
        return say("")
    rank, connected = launched_rank(), _connected()
    if rank == 0:
        say("")
        if connected and code in (2, 4):
            return None  # the loop has sent the other ranks home
    try:
        from mpi4py import MPI
    except ImportError:
        return None  # nobody can be waiting in MPI
    if MPI.COMM_WORLD.size < 2:  # the launcher belongs to another MPI
        return None
    if code == 2 and _together(MPI.COMM_WORLD):
        return None
    if rank:
        say(f"rank {rank}: ")
    sys.stderr.flush()
    MPI.COMM_WORLD.Abort(code)


def _connected() -> bool:
    module = sys.modules.get("mpi4py.MPI")
    return module is not None and bool(module.Is_initialized())


def _together(comm: object) -> bool:
    """Whether all ranks come here within the patience."""
    meeting = comm.Ibarrier()  # type: ignore[attr-defined]
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if meeting.Test():
            return True
        time.sleep(0.01)
    return False
