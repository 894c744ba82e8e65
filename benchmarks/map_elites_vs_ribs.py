"""A million planar-arm evaluations by MAP-Elites: the whole of qd.run against the same loop in pyribs, in one process.

Claim: twice as fast at least, with records and checkpoints on disk on our side and none on theirs. Both evaluate by the
same compiled kernel, batch 1024, 64 x 64 cells, iso+line (0.01, 0.2), float64. Rounds take turns; about 30 seconds.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ribs.archives import GridArchive
from ribs.emitters import IsoLineEmitter
from ribs.schedulers import Scheduler

import qd
from benchmarks.machine import describe

EVALUATIONS, BATCH, ROUNDS, FLOOR = 1_000_000, 1024, 7, 2.0


def ours(folder: Path, seed: int) -> tuple[float, float]:
    """(seconds, coverage) of qd.run from call to return, folder, records, checkpoints and all."""
    begin = time.perf_counter()
    algorithm = qd.algorithms.MapElites(batch_size=BATCH, dims=(64, 64), iso_sigma=0.01, line_sigma=0.2)
    result = qd.run(qd.Experiment(qd.problems.PlanarArm(), algorithm, EVALUATIONS, seed=seed), folder)
    return time.perf_counter() - begin, result.summary["coverage"]


def theirs(seed: int) -> tuple[float, float]:
    """(seconds, coverage) of pyribs' ask / tell loop."""
    problem = qd.problems.PlanarArm()
    seeds = np.zeros(BATCH, np.uint64)
    begin = time.perf_counter()
    archive = GridArchive(solution_dim=10, dims=[64, 64], ranges=[(0, 1)] * 2, seed=seed)
    start = np.random.default_rng(seed).random((BATCH, 10))
    emitter = IsoLineEmitter(archive, iso_sigma=0.01, line_sigma=0.2, initial_solutions=start,
                             bounds=[(0, 1)] * 10, batch_size=BATCH, seed=seed)  # fmt: skip
    scheduler = Scheduler(archive, [emitter])
    for _ in range(-(-EVALUATIONS // BATCH)):
        evaluation = problem.evaluate(qd.Request(scheduler.ask()), seeds)
        scheduler.tell(evaluation.objective, evaluation.measures)
    return time.perf_counter() - begin, float(archive.stats.coverage)


def main() -> int:
    """Prints both sides' seconds and the ratio; 1 where it is below the floor."""
    describe("ribs", threads=2)
    with tempfile.TemporaryDirectory() as folder:
        ours(Path(folder) / "warm", 99)
        theirs(99)
        mine, other = [], []
        for seed in range(ROUNDS):
            mine.append(ours(Path(folder) / str(seed), seed))
            other.append(theirs(seed))
    a, b = np.array(mine), np.array(other)
    print(f"qd.run  median {np.median(a[:, 0]):.2f} s (min {a[:, 0].min():.2f}), coverage {a[:, 1].mean():.3f}")
    print(f"pyribs  median {np.median(b[:, 0]):.2f} s (min {b[:, 0].min():.2f}), coverage {b[:, 1].mean():.3f}")
    ratio = float(np.median(b[:, 0] / a[:, 0]))
    print(f"ratio {ratio:.2f} (floor {FLOOR})")
    return int(ratio < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
