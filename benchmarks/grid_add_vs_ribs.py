"""GridArchive.add, batches of 1,024 into 64 x 64 cells, 10 genes: ours against pyribs' GridArchive, in one process.

Claim: at least 4 times as fast on average over a run that starts empty, with equal elites. Printed beside it: the
same with the thresholds of CMA-MAE, and with 10,000 float32 genes, where pyribs also copies what it does not need.
Takes about 20 s.
"""

import os
import platform
import sys
import time
from typing import Any

import numba
import numpy as np
import ribs
from ribs.archives import GridArchive as RibsGridArchive

from archives import GridArchive

BATCH, FLOOR = 1_024, 4.0


def compare(name: str, genes: int, adds: int, rounds: int, **settings: Any) -> float:
    """Prints the mean time of an add of both in turn-about rounds; returns how many times as fast ours is."""
    rng = np.random.default_rng(0)
    dtype = settings.get("solution_dtype", np.float64)
    batches = []
    for _ in range(adds):
        solution = rng.standard_normal((BATCH, genes)).astype(dtype)
        batches.append((solution, rng.standard_normal(BATCH), rng.uniform(-1.1, 1.1, (BATCH, 2))))
    shape: dict[str, Any] = {"solution_dim": genes, "dims": [64, 64], "ranges": [(-1, 1)] * 2} | settings
    archives = GridArchive(**shape), RibsGridArchive(**shape)
    for archive in archives:
        archive.add(*batches[0])  # what is compiled at the first call stays out of the times
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for archive, taken in zip(archives, times, strict=True):
            archive.clear()
            start = time.perf_counter()
            for batch in batches:
                archive.add(*batch)
            taken.append(1e6 * (time.perf_counter() - start) / adds)
    for field in ("solution", "objective", "index"):
        if not np.array_equal(archives[0].data(field), archives[1].data(field)):
            raise SystemExit(f"{name}: {field} differs from pyribs")
    ours, theirs = (float(np.median(taken)) for taken in times)
    print(f"{name}: {ours:.0f} us an add, pyribs {theirs:.0f} us, ratio {theirs / ours:.1f}")
    return theirs / ours


def main() -> int:
    """Prints the ratios; 1 where the claim is below its floor."""
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, threads 1")
    print(f"python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}, ", end="")
    print(f"ribs {ribs.__version__}")
    ratio = compare("10 genes", 10, adds=200, rounds=15)
    compare("10 genes, CMA-MAE", 10, adds=200, rounds=15, learning_rate=0.1, threshold_min=-4.0)
    compare("10,000 float32 genes", 10_000, adds=6, rounds=3, solution_dtype=np.float32)
    print(f"ratio {ratio:.1f} (floor {FLOOR})")
    return int(ratio < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
