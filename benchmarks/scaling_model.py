"""How long a generation of Deep GA takes on many ranks: a model made of measured parts, checked on 1 to 4 real ranks.

    T(R) = search + work(R) + messages(R)

- search: ask, tell, record and metrics on rank 0, measured with a problem that costs nothing.
- work: the rank that is last. Rows go out in whole chunks, each costs its decoding and its evaluation, whose times are
  drawn from those measured. Ranks beyond the cores of a machine share them, and so do other programs: work is at least
  all of it over the cores that there were, measured by the same loop on every rank at once, at most min(R, cores).
- messages: rank 0 packs, sends, receives and unpacks one message a rank each way: head + alpha a message, 1 / bandwidth
  a byte. Head and bytes a row are measured, and so are alpha and bandwidth between two ranks of this machine
  (ping-pong); those of InfiniBand and 10 Gb Ethernet are assumed, and so printed. No topology, no contention.

Beside it what a genome's weights would take out of rank 0's link. The check: each of 1 to 4 ranks is predicted within a
factor of two, for a machine that others use as well. A minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qd
from benchmarks.machine import describe
from qd.evaluate.chunks import blocks
from qd.evaluate.guard import evaluate_span
from qd.evaluate.local import cores
from qd.evaluate.wire import ContextCache, pack_evaluation, pack_request, unpack_evaluation, unpack_request
from qd.lineages import Decoder, Lineage, children, draws

CHILDREN, GENERATIONS, FACTOR = 400, 12, 2.0
LINKS = {"InfiniBand (assumed)": (2e-6, 10e9), "10GbE (assumed)": (20e-6, 1.1e9)}  # alpha [s], bandwidth [B/s]
LARGE, DECISIONS = 4_052_658, (2.0, 0.5)  # Atari: weights; episode [s], assumed lognormal: mean and sigma of its log
MPIEXEC = Path(sys.executable).with_name("mpiexec")


class Free(qd.Problem):
    """Lineages of the same size whose evaluation costs nothing: they are not even decoded."""

    solution_space = Lineage(226, 0.5)
    measure_space = qd.problems.DeceptiveMaze().measure_space
    batching = "rows"

    def evaluate(self, request, seeds):  # type: ignore[no-untyped-def]
        n = len(request)
        return qd.Evaluation(np.arange(n, dtype=float), np.full((n, 2), 50.0))


def experiment(problem: qd.Problem) -> qd.Experiment:
    """Some generations of Deep GA without validation."""
    search = qd.algorithms.DeepGA(CHILDREN, parents=20, sigma=0.05, validation_episodes=0)
    one = qd.EvaluatorSettings(threads=1)
    return qd.Experiment(problem, search, CHILDREN * GENERATIONS, evaluator=one)


def a_generation(result: Any) -> float:
    """Seconds of the median generation, from the end of one to the end of the next."""
    return float(np.median(np.diff(result.metrics["seconds"])[2:]))


def launched(ranks: int, out: Path) -> qd.Result:
    """The real run on so many ranks."""
    root = Path(__file__).resolve().parent.parent
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    command = [str(MPIEXEC), "-n", str(ranks), sys.executable, "-m", "benchmarks.scaling_model", str(out / str(ranks))]
    subprocess.run(command, env=environment, check=True, cwd=root)
    return qd.Result.load(out / str(ranks))


def on_a_rank(out: str) -> int:
    """The real run's own part, and a loop on every rank at once; two ranks also play ping-pong."""
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    qd.run(experiment(qd.problems.Decoded(qd.problems.DeceptiveMaze(), chunk=8)), out)
    spun = []
    for _ in range(5):
        comm.Barrier()
        begin = perf_counter()
        sum(range(2_000_000))
        comm.Barrier()
        spun.append(perf_counter() - begin)
    if comm.rank == 0:
        Path(out, "spin.json").write_text(json.dumps(float(np.median(spun))))
    if comm.size == 2:
        taken = []
        for size, rounds in ((8, 2000), (2**22, 50)):
            data = bytearray(size)
            comm.Barrier()
            begin = perf_counter()
            for _ in range(rounds):
                if comm.rank == 0:
                    comm.Send([data, MPI.BYTE], dest=1)
                    comm.Recv([data, MPI.BYTE], source=1)
                else:
                    comm.Recv([data, MPI.BYTE], source=0)
                    comm.Send([data, MPI.BYTE], dest=0)
            taken.append((perf_counter() - begin) / rounds / 2)
        if comm.rank == 0:
            Path(out, "link.json").write_text(json.dumps([taken[0], 2**22 / (taken[1] - taken[0])]))
    return 0


def row_seconds() -> tuple[NDArray[np.float64], float]:
    """Seconds a row of chunks that are decoded and evaluated; seconds a weight of decoding a large child."""
    problem = qd.problems.Decoded(qd.problems.DeceptiveMaze(), chunk=8)
    rng = np.random.default_rng(0)
    parents = problem.solution_space.sample(20, rng)
    assert isinstance(parents, qd.Ragged)
    request = qd.Request(children(parents, rng.integers(0, 20, CHILDREN), draws(0, np.arange(CHILDREN)), 0.05))
    seeds, taken = np.zeros(CHILDREN, np.uint64), []
    for turn in range(3):  # the first compiles and meets the parents
        for i in range(0, CHILDREN, 8):
            begin = perf_counter()
            evaluate_span(problem, request, seeds, (i, i + 8))
            if turn:
                taken.append((perf_counter() - begin) / 8)
    large = Decoder(Lineage(10**6, 0.05))
    parent = large.space.sample(1, rng)
    assert isinstance(parent, qd.Ragged)
    one, out = children(parent, np.zeros(1, int), draws(0, [1]), 0.05), np.empty((1, 10**6), np.float32)
    large.weights(one, out)
    growing = []
    for _ in range(5):
        begin = perf_counter()
        large.weights(one, out)
        growing.append((perf_counter() - begin) / 10**6)
    return np.array(taken), float(np.median(growing))


def packing() -> tuple[float, float]:
    """Rank 0's seconds a message pair (packing what goes out, unpacking what comes in), and a row in it."""
    space = qd.problems.Decoded(qd.problems.DeceptiveMaze()).solution_space
    found = []
    for n in (1, 4001):
        request = qd.Request(space.sample(n, np.random.default_rng(0)), number=0, first=0)
        seeds = np.zeros(n, np.uint64)
        reply = pack_evaluation(qd.Evaluation(np.zeros(n), np.zeros((n, 2))))
        message = pack_request(request, seeds, "", ContextCache())
        unpack_request(message, ContextCache())
        begin = perf_counter()
        for _ in range(200):
            pack_request(request, seeds, "", ContextCache())
            unpack_evaluation(reply)
        found.append((perf_counter() - begin) / 200)
    return found[0], max(0.0, found[1] - found[0]) / 4000


class Parts:
    """What was measured; ``predict`` puts it together."""

    def __init__(self, search: float, head: float, packed_row: float, row_bytes: float) -> None:
        self.search, self.head, self.packed_row, self.row_bytes = search, head, packed_row, row_bytes

    def predict(
        self, n: int, ranks: int, usable: float, rows: NDArray[np.float64], growing: float, chunk: int,
        link: tuple[float, float], row_bytes: float = 0.0,
    ) -> tuple[float, float, float]:  # fmt: skip
        """(search, work, messages) seconds of a generation of n rows.

        Args:
            n, ranks: rows and ranks; usable: cores that the ranks have between them.
            rows: seconds a row, one drawn for each chunk; growing: seconds to decode one, where not in them.
            chunk: rows that stay together.
            link: alpha [s] and bandwidth [B/s].
            row_bytes: that cross for a row; 0: as measured.
        """
        pieces = -(-n // chunk)
        counts = np.full(ranks, pieces // ranks) * chunk
        counts[: pieces % ranks] += chunk
        rng = np.random.default_rng(0)
        slowest = []
        for _ in range(20 if ranks < 1000 else 5):
            work = chunk * (rng.choice(rows, (ranks, counts[0] // chunk)) + growing)
            work[chunk * np.arange(work.shape[1])[None] >= counts[:, None]] = 0.0
            spent = work.sum(axis=1)
            slowest.append(max(spent.max(), spent.sum() / usable))
        alpha, bandwidth = link
        far = n - counts[0]
        messages = min(ranks, pieces) - 1
        crossing = messages * (self.head + 2 * alpha) + far * self.packed_row
        crossing += far * (row_bytes or self.row_bytes) / bandwidth
        return self.search * n / CHILDREN, float(np.mean(slowest)), crossing if ranks > 1 else 0.0


def measured_parts() -> tuple[Parts, NDArray[np.float64], float, dict[int, tuple[float, float]], tuple[float, float]]:
    """All that the model needs, and by ranks: the real run's seconds a generation, and the cores that there were."""
    free = experiment(Free())
    qd.run(free)
    search = a_generation(qd.run(free))
    rows, growing = row_seconds()
    with tempfile.TemporaryDirectory() as name:
        runs = {ranks: launched(ranks, Path(name)) for ranks in (1, 2, 3, 4)}
        spun = {ranks: json.loads(Path(name, str(ranks), "spin.json").read_text()) for ranks in runs}
        usable = {ranks: min(ranks, cores(), ranks * spun[1] / spun[ranks]) for ranks in runs}
        times = {ranks: (a_generation(run), usable[ranks]) for ranks, run in runs.items()}
        link = json.loads(Path(name, "2", "link.json").read_text())
        bytes_two = float(runs[2].metrics[["bytes_sent", "bytes_received"]].sum(axis=1).median())
    head, packed_row = packing()
    first = blocks(qd.problems.Decoded(qd.problems.DeceptiveMaze(), chunk=8), CHILDREN, 2)[0]
    far = CHILDREN - (first[1] - first[0])
    return Parts(search, head, packed_row, bytes_two / far), rows, growing, times, (link[0], link[1])


def main() -> int:
    """Prints predicted beside measured, then what lies beyond this machine; 1 where one is off by the factor."""
    describe("mpi4py", "mpich")
    parts, rows, growing, times, link = measured_parts()
    print(f"search {1e3 * parts.search:.2f} ms; a row: {1e3 * rows.mean():.3f} ms of work (sd of chunks "
          f"{1e3 * rows.std():.3f}), {parts.row_bytes:.0f} bytes, {1e9 * parts.packed_row:.0f} ns of packing; "
          f"a message pair: {1e6 * parts.head:.0f} us; ping-pong: {1e6 * link[0]:.1f} us, "
          f"{link[1] / 1e9:.1f} GB/s")  # fmt: skip
    worst = 1.0
    for ranks, (taken, usable) in times.items():
        predicted = parts.predict(CHILDREN, ranks, usable, rows, 0.0, 8, link)
        total = sum(predicted)
        worst = max(worst, total / taken, taken / total)
        print(f"{ranks} ranks on {usable:.1f} cores, {CHILDREN} children: predicted {1e3 * total:.1f} ms "
              f"(search {1e3 * predicted[0]:.1f}, work {1e3 * predicted[1]:.1f}, messages {1e3 * predicted[2]:.2f}), "
              f"measured {1e3 * taken:.1f} ms")  # fmt: skip
    mean, sigma = DECISIONS
    episodes = np.random.default_rng(1).lognormal(np.log(mean) - sigma**2 / 2, sigma, 100_000)
    large = growing * LARGE
    print(f"Beyond this machine: {LARGE:,} weights, chains of 200, one core a rank, episodes of {mean:g} s "
          f"(assumed: lognormal, sigma {sigma:g}), decoding {1e3 * large:.0f} ms a child at the measured "
          f"{1e9 * growing:.1f} ns a weight")  # fmt: skip
    for ranks, n in ((720, 1440), (10_000, 10_000)):
        for name, wire in LINKS.items():
            crossing = parts.row_bytes + 8 * 200
            search, work, messages = parts.predict(n, ranks, ranks, episodes, large, 1, wire, crossing)
            *_, weights = parts.predict(n, ranks, ranks, episodes, large, 1, wire, 4.0 * LARGE)
            print(f"{ranks} ranks, {n} children, {name}: {search + work + messages:.2f} s a generation "
                  f"(search {search:.3f}, the last rank {work:.2f}, seeds {messages:.3f}); "
                  f"weights instead of seeds {weights:.2f} s more")  # fmt: skip
    print(f"largest factor between predicted and measured {worst:.2f} (at most {FACTOR:g})")
    return int(worst > FACTOR)


if __name__ == "__main__":
    sys.exit(on_a_rank(sys.argv[1]) if len(sys.argv) > 1 else main())
