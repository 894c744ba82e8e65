"""Eigendecompositions of covariance matrices of 10 to 128 rows: ours against numpy's, which is LAPACK's dsyevd.

Wanted: at no size slower. Processor time of the process, one thread, in turns. 10 s.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.machine import describe
from operators.eigen import eigen
from operators.threads import one_thread

SIZES, ROUNDS, FLOOR = (10, 20, 36, 50, 75, 100, 128), 9, 1.0


def matrices(d: int, count: int) -> np.ndarray:
    """(count, d, d) sample covariances, as those of a search that has begun."""
    x = np.random.default_rng(d).normal(size=(count, 2 * d, d)) * np.linspace(0.3, 1.0, d)
    return np.asarray(x.swapaxes(1, 2) @ x / (2 * d))


def main() -> int:
    """Prints the ratios; 1 where one is below its floor."""
    describe()
    low = False
    with one_thread():
        for d in SIZES:
            given = matrices(d, max(20, 2000 // d))
            count = len(given)
            which, values, vectors = np.arange(count), np.empty((count, d)), np.empty((count, d, d))
            eigen(given[:1], which[:1], values, vectors)
            times = np.empty((ROUNDS, 2))
            for turn in times:
                start = time.process_time()
                eigen(given, which, values, vectors)
                turn[0] = time.process_time() - start
                for matrix in given:
                    np.linalg.eigh(matrix)
                turn[1] = time.process_time() - start - turn[0]
            ours, theirs = 1e6 * np.median(times, axis=0) / count
            ratio = float(np.median(times[:, 1] / times[:, 0]))
            low |= ratio < FLOOR
            print(f"{d} rows: ours {ours:.0f} us, numpy {theirs:.0f} us, ratio {ratio:.2f} (floor {FLOOR})")
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
