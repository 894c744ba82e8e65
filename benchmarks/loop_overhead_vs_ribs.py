"""Loop overhead at 1024 solutions of 1000 genes: our ask + tell + record against pyribs' ask + tell, in one process.

Claim: below pyribs' own. MAP-Elites on a 100 x 100 grid, iso+line, float64; the evaluation is a look-up of numbers
made beforehand on both sides. Ours counts asking, checking, hashing, telling, recording and the row of metrics.
About 30 seconds.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from ribs.archives import GridArchive
from ribs.emitters import IsoLineEmitter
from ribs.schedulers import Scheduler

import qd
from benchmarks.machine import describe

N, GENES, GENERATIONS, ROUNDS = 1024, 1000, 60, 5


class LookUp(qd.Problem):
    """Hands out objectives and measures made beforehand, and keeps the time that this takes out of the count."""

    solution_space = qd.Box(-1.0, 1.0, GENES)
    measure_space = qd.Measures(("a", "b"), (-1.0, -1.0), (1.0, 1.0))
    batching = "rows"

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.answers = [(rng.standard_normal(N), rng.uniform(-1, 1, (N, 2))) for _ in range(GENERATIONS)]
        self.calls, self.outside = 0, 0.0

    def answer(self) -> tuple[np.ndarray, np.ndarray]:
        """The next objectives (n,) and measures (n, 2)."""
        self.calls += 1
        return self.answers[(self.calls - 1) % GENERATIONS]

    def evaluate(self, request: qd.Request, seeds: Any) -> qd.Evaluation:
        return qd.Evaluation(*self.answer())


def ours() -> float:
    """Seconds a generation of the loop of qd.run, folder and checkpoints left out."""
    algorithm = qd.algorithms.MapElites(batch_size=N, dims=(100, 100))
    result = qd.run(qd.Experiment(LookUp(), algorithm, N * GENERATIONS))
    return float(result.summary["seconds"]) / GENERATIONS


def theirs() -> float:
    """Seconds a generation of pyribs' scheduler, ask and tell."""
    problem = LookUp()
    archive = GridArchive(solution_dim=GENES, dims=[100, 100], ranges=[(-1, 1)] * 2, seed=0)
    start = np.random.default_rng(1).uniform(-1, 1, (N, GENES))
    emitter = IsoLineEmitter(archive, iso_sigma=0.01, line_sigma=0.2, initial_solutions=start,
                             bounds=[(-1, 1)] * GENES, batch_size=N, seed=0)  # fmt: skip
    scheduler = Scheduler(archive, [emitter])
    begin = time.perf_counter()
    for _ in range(GENERATIONS):
        scheduler.ask()
        scheduler.tell(*problem.answer())
    return (time.perf_counter() - begin) / GENERATIONS


def main() -> int:
    """Prints both in milliseconds; 1 where ours is not below theirs."""
    describe("ribs")
    ours(), theirs()
    pairs = np.array([(ours(), theirs()) for _ in range(ROUNDS)]) * 1e3
    print(f"qd ask + tell + record: {np.median(pairs[:, 0]):.2f} ms a generation of {N} x {GENES}")
    print(f"pyribs ask + tell:      {np.median(pairs[:, 1]):.2f} ms")
    ratio = float(np.median(pairs[:, 1] / pairs[:, 0]))
    print(f"ratio {ratio:.2f} (floor 1.0)")
    return int(ratio < 1.0)


if __name__ == "__main__":
    sys.exit(main())
