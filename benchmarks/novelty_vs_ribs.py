"""Novelty of 1,000 points among 50,000, k = 15: ours against pyribs' ProximityArchive, in one process.

Claim: in 10 dimensions at least 3 times as fast, in 2 dimensions at least as fast, with equal values. The build of the
search tree, which pyribs does anew in every add, is timed beside it. Takes about 20 s.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable

import numba
import numpy as np
import ribs
import scipy
from ribs.archives import ProximityArchive

from archives import NoveltyArchive

QUERIES, REFERENCES, NEIGHBOURS, FLOOR, FLOOR_2D = 1_000, 50_000, 15, 3.0, 1.0


def milliseconds(call: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def compare(measures: int, threads: int | None, rounds: int) -> float:
    """Prints both times in turn-about rounds; returns how many times as fast ours is, by the medians."""
    rng = np.random.default_rng(0)
    points, queries = rng.random((REFERENCES, measures)), rng.random((QUERIES, measures))
    more = rng.random((100, measures))
    settings = {"solution_dim": 1, "measure_dim": measures, "k_neighbors": NEIGHBOURS, "novelty_threshold": 0.0}
    ours = NoveltyArchive(**settings, threads=threads)  # type: ignore[arg-type]
    theirs = ProximityArchive(**settings)
    for archive in (ours, theirs):
        archive.add(np.zeros((1, 1)), None, points[:1])  # what is compiled at the first call stays out of the times
    fill = milliseconds(lambda: ours.append(np.zeros((REFERENCES - 1, 1)), None, points[1:]))
    first = milliseconds(lambda: ours.compute_novelty(queries))
    fill_theirs = milliseconds(lambda: theirs.add(np.zeros((REFERENCES - 1, 1)), None, points[1:]))
    if not np.allclose(ours.compute_novelty(queries), theirs.compute_novelty(queries), rtol=1e-12, atol=0):
        raise SystemExit(f"novelty in {measures} dimensions differs from pyribs")
    times = np.array(
        [[milliseconds(lambda a=a: a.compute_novelty(queries)) for a in (ours, theirs)] for _ in range(rounds)]  # type: ignore[misc]
    )
    adds = np.array(
        [[milliseconds(lambda a=a: a.add(more[:, :1], None, more)) for a in (ours, theirs)] for _ in range(rounds)]  # type: ignore[misc]
    )
    (ms, ms_theirs), (add, add_theirs) = np.median(times, axis=0), np.median(adds, axis=0)
    print(
        f"{measures:2d} measures: novelty {ms:.1f} ms, pyribs {ms_theirs:.1f} ms; add of 100 {add:.2f} ms, pyribs "
        f"{add_theirs:.1f} ms; filling {fill:.0f} ms + first query {first:.0f} ms, pyribs {fill_theirs:.0f} ms"
    )
    return float(ms_theirs / ms)


def main() -> int:
    """Prints the ratios; 1 where one is below its floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=0, help="0 for one a core")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    threads = options.threads or None
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, threads {threads or os.cpu_count()}")
    print(f"python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}, ", end="")
    print(f"scipy {scipy.__version__}, ribs {ribs.__version__}")
    compare(2, threads, 1)  # warms up
    flat = compare(2, threads, options.rounds)
    deep = compare(10, threads, options.rounds)
    print(f"2 measures: ratio {flat:.1f} (floor {FLOOR_2D})")
    print(f"ratio {deep:.1f} (floor {FLOOR})")
    return int(deep < FLOOR or flat < FLOOR_2D)


if __name__ == "__main__":
    sys.exit(main())
