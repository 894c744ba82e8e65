"""What a generation costs on the wire: chains of seeds by our evaluator beside the weights that they stand for.

1000 children of 1 M weights on two real ranks, barrier to barrier, the best of several rounds in one launch: their
lineages as the messages that the evaluator sends and gets back (packed, sent, unpacked), after 0, 50 and 500
mutations; and a Scatterv of their float32 weights with a Gatherv of their results. The weights are 4 GB, so one buffer
of 100 networks is scattered ten times: what a rank does with them is left out, as growing the weights is. Claim: seeds
cross at least ten times as fast, and in a thousandth of the bytes, after 50 mutations. Half a minute, 1 GB.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.machine import describe
from qd.contracts import Evaluation, Request
from qd.evaluate.wire import ContextCache, pack_evaluation, pack_request, unpack_evaluation, unpack_request
from qd.lineages import Lineage, children, draws
from qd.ragged import Ragged

CHILDREN, WEIGHTS, RANKS, PIECE, ROUNDS = 1000, 1_000_000, 2, 100, 5
MUTATIONS = (0, 50, 500)
FLOOR, FLOOR_BYTES = 10.0, 1000.0
MPIEXEC = Path(sys.executable).with_name("mpiexec")


def generation(mutations: int) -> Ragged:
    """Children of 20 parents that have so many mutations but one."""
    rng = np.random.default_rng(0)
    space = Lineage(WEIGHTS, 0.05)
    if mutations == 0:
        rows = space.sample(CHILDREN, rng)
        assert isinstance(rows, Ragged)
        return rows
    parents = space.sample(20, rng)
    assert isinstance(parents, Ragged)
    for number in range(1, mutations):
        parents = children(parents, np.arange(20), draws(0, number * CHILDREN + np.arange(20)), 0.002)
    return children(parents, rng.integers(0, 20, CHILDREN), draws(0, mutations * CHILDREN + np.arange(CHILDREN)), 0.002)


def best(comm: Any, exchange: Callable[[], int]) -> tuple[float, int]:
    """(milliseconds, bytes) of the quickest of some rounds, barrier to barrier."""
    taken = []
    for _ in range(ROUNDS):
        comm.Barrier()
        begin = perf_counter()
        size = exchange()
        comm.Barrier()
        taken.append(1e3 * (perf_counter() - begin))
    return min(taken), size


def seeds(comm: Any, rows: Ragged) -> int:
    """One exchange by the evaluator's messages; the bytes that crossed both ways, on rank 0."""
    from mpi4py import MPI

    half = CHILDREN // RANKS
    if comm.rank == 0:
        request = Request(rows, number=1, first=0).rows(half, CHILDREN)
        message = pack_request(request, np.arange(half, dtype=np.uint64), "", ContextCache())
        comm.Send([message, MPI.BYTE], dest=1)
    status = MPI.Status()
    comm.Probe(source=1 - comm.rank, status=status)
    data = bytearray(status.Get_count(MPI.BYTE))
    comm.Recv([data, MPI.BYTE], source=1 - comm.rank)
    if comm.rank == 0:
        unpack_evaluation(data)
        return len(message) + len(data)
    request, _ = unpack_request(data, ContextCache())
    n = len(request)
    comm.Send([pack_evaluation(Evaluation(np.zeros(n), np.zeros((n, 2)))), MPI.BYTE], dest=0)
    return 0


def genomes(comm: Any, table: Any, own: Any) -> int:
    """One exchange of the weights, a buffer at a time; the bytes that crossed, on rank 0."""
    from mpi4py import MPI

    results, got = np.zeros((PIECE // RANKS, 3)), np.zeros((PIECE, 3)) if comm.rank == 0 else None
    for _ in range(CHILDREN // PIECE):
        comm.Scatterv([table, own.size, MPI.FLOAT] if comm.rank == 0 else None, own, root=0)
        comm.Gatherv(results, got, root=0)
    return (CHILDREN // PIECE) * (RANKS - 1) * (own.nbytes + results.nbytes)


def measure() -> int:
    """On every rank: prints a line of each way; 1 below the floors."""
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    if comm.rank == 0:
        describe("mpi4py", "mpich")
    table = np.zeros((PIECE, WEIGHTS), np.float32) if comm.rank == 0 else None
    if table is not None:
        table[:] = 0.5  # pages that are there
    own = np.zeros((PIECE // RANKS, WEIGHTS), np.float32)
    milliseconds, size = best(comm, lambda: genomes(comm, table, own))
    found = {}
    for mutations in MUTATIONS:
        rows = generation(mutations)
        found[mutations] = best(comm, lambda rows=rows: seeds(comm, rows))  # type: ignore[misc]
    if comm.rank:
        return 0
    print(f"{CHILDREN} children of {WEIGHTS:,} weights, {RANKS} ranks, best of {ROUNDS}, barrier to barrier")
    print(f"weights, Scatterv and Gatherv: {size:,} bytes, {milliseconds:.1f} ms")
    for mutations, (taken, crossed) in found.items():
        print(f"seeds, {mutations} mutations: {crossed:,} bytes, {taken:.2f} ms; "
              f"{size / crossed:,.0f} times fewer bytes, {milliseconds / taken:,.0f} times as fast")  # fmt: skip
    ratio, share = milliseconds / found[50][0], size / found[50][1]
    print(f"ratio {ratio:.0f} (floor {FLOOR:g}), bytes {share:,.0f} (floor {FLOOR_BYTES:g})")
    return int(ratio < FLOOR or share < FLOOR_BYTES)


def main() -> int:
    """Launch the ranks."""
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    command = [str(MPIEXEC), "-n", str(RANKS), sys.executable, "-m", "benchmarks.seed_exchange", "--rank"]
    return subprocess.run(command, env=environment, check=False, cwd=root).returncode


if __name__ == "__main__":
    sys.exit(measure() if "--rank" in sys.argv else main())
