"""Signatures of 1,000 paths of 500 points in the plane to depth 5: ours against the best other library, in one process.

Claim: in the plane at least as fast as the best of pysiglib and iisignature that is there, on one thread and on all
cores, with equal numbers. Three coordinates and log-signatures are shown beside it, without a floor. The peers are `pip
install pysiglib` and, built from source against numpy 1, `pip install iisignature`; without
either there is nothing to compare with. What a library costs to import is printed too. Takes about 20 s.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from qd.behavior import Signature

FLOOR = 1.0
PATHS, POINTS, DEPTH = 1_000, 500, 5

Encode = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def peers(letters: int, threads: int, log: bool) -> dict[str, Encode]:
    """Name -> signatures of a batch (n, T, letters), of every library that is there."""
    found: dict[str, Encode] = {}
    for name in ("pysiglib", "iisignature"):
        try:
            begun = time.perf_counter()
            library: Any = importlib.import_module(name)
        except ImportError:
            continue
        if (seconds := time.perf_counter() - begun) > 0.01:
            print(f"importing {name} takes {seconds:.1f} s")
        if name == "pysiglib":
            if log:
                library.prepare_log_sig(letters, DEPTH, method=2)
                found[name] = lambda x, m=library: m.log_sig(x, DEPTH, method=2, n_jobs=threads)  # type: ignore[misc]
            else:
                found[name] = lambda x, m=library: m.sig(x, DEPTH, n_jobs=threads)  # type: ignore[misc]
        elif threads == 1:  # it has no threads
            if log:
                prepared = library.prepare(letters, DEPTH)
                found[name] = lambda x, m=library, p=prepared: m.logsig(x, p)  # type: ignore[misc]
            else:
                found[name] = lambda x, m=library: m.sig(x, DEPTH)  # type: ignore[misc]
    return found


def milliseconds(call: Encode, batch: NDArray[np.float64]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    call(batch)
    return 1e3 * (time.perf_counter() - start)


def compare(letters: int, threads: int, log: bool, rounds: int) -> float:
    """Prints the times in turn-about rounds; returns how many times as fast ours is as the best peer, by medians."""
    batch = np.random.default_rng(0).normal(size=(PATHS, POINTS, letters)).cumsum(axis=1) * 0.05
    calls: dict[str, Encode] = {"ours": lambda x: Signature(DEPTH, log=log, threads=threads).encode({}, x)}
    calls |= peers(letters, threads, log)
    results = {name: call(batch) for name, call in calls.items()}  # compiles, too
    for name, result in results.items():
        if not np.allclose(result, results["ours"], rtol=1e-6, atol=1e-9 * np.abs(result).max()):
            raise SystemExit(f"signatures differ from {name}'s")
    rows = np.array([[milliseconds(call, batch) for call in calls.values()] for _ in range(rounds)])
    times = dict(zip(calls, np.median(rows, axis=0).tolist(), strict=True))
    ratio = min((ms / times["ours"] for name, ms in times.items() if name != "ours"), default=float("nan"))
    kind = "log-signatures" if log else "signatures"
    print(f"{kind} of {letters} coordinates, {threads} thread{'s' if threads > 1 else ''}: "
          + ", ".join(f"{name} {ms:.1f} ms" for name, ms in times.items()) + f"; ratio {ratio:.2f}")  # fmt: skip
    return float(ratio)


def main() -> int:
    """Prints the ratios; 1 where one in the plane is below its floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    describe("scipy")
    if not peers(2, 1, False):
        print("skipped: neither pysiglib nor iisignature is there; pip install pysiglib")
        return 0
    cores = os.cpu_count() or 1
    ratios = [compare(2, threads, False, options.rounds) for threads in sorted({1, cores})]
    compare(3, 1, False, max(1, options.rounds // 3))
    compare(2, 1, True, max(1, options.rounds // 3))
    print(f"ratio {min(ratios):.2f} (floor {FLOOR})")
    return int(min(ratios) < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
