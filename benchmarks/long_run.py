"""MAP-Elites at full speed for ten minutes: does memory stay flat, and what do checkpoints and records cost?

Claims: resident memory after the first tenth grows by less than 5 %; checkpoints and records take under 3 % of the
time. ``--seconds 60`` for a shorter look. The share is the time spent inside the writing calls of this very run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import qd
from benchmarks.machine import describe
from qd import loop
from qd.store import metrics


def resident() -> float:
    """Resident memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("/proc/self/status names no VmRSS: this benchmark needs Linux")


class Stopwatch:
    """Adds up the time spent in a function that it stands in for."""

    def __init__(self, function: Any) -> None:
        self.function, self.seconds = function, 0.0

    def __get__(self, owner: Any, kind: Any) -> Any:
        def timed(*arguments: Any) -> Any:
            begin = time.perf_counter()
            try:
                return self.function(owner, *arguments)
            finally:
                self.seconds += time.perf_counter() - begin

        return timed


def main() -> int:
    """Prints memory by the minute and the share of writing; 1 where a claim fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    wanted = parser.parse_args().seconds
    describe(threads=2)
    saving, rows = Stopwatch(loop._Loop._checkpoint), Stopwatch(metrics.MetricsTable.append)
    loop._Loop._checkpoint, metrics.MetricsTable.append = saving, rows  # type: ignore[assignment, method-assign]
    seen: list[tuple[float, float]] = []
    begin = time.perf_counter()

    class Timed(qd.algorithms.MapElites):
        """MAP-Elites that ends by the clock and looks at the memory meanwhile."""

        def ask(self, state: Any, left: int) -> qd.Request | None:
            now = time.perf_counter() - begin
            if not seen or now - seen[-1][0] > max(1.0, wanted / 100):
                seen.append((now, resident()))
            return super().ask(state, left if now < wanted else 0)

    with tempfile.TemporaryDirectory() as folder:
        algorithm = Timed(batch_size=1024, dims=(64, 64))
        result = qd.run(qd.Experiment(qd.problems.PlanarArm(), algorithm, 10**12), Path(folder) / "run")
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
    history = np.array(seen)
    settled = history[history[:, 0] > wanted / 10]
    growth = settled[-1, 1] / settled[0, 1] - 1
    for t, memory in history[:: max(1, len(history) // 10)]:
        print(f"{t:7.0f} s  {memory:7.1f} MB")
    share = (saving.seconds + rows.seconds) / float(result.summary["seconds"])
    summary = result.summary
    print(f"{summary['evaluations']:,} evaluations, {summary['evaluations_per_second']:,.0f}/s, folder {size:.1f} MB")
    print(f"memory grew by {100 * growth:.2f} % after the first tenth (claim 5 %)")
    print(f"checkpoints {100 * saving.seconds / summary['seconds']:.2f} %, "
          f"metrics {100 * rows.seconds / summary['seconds']:.2f} % of the time")  # fmt: skip
    print(f"share {100 * share:.2f} % (floor 3 %)")
    return int(growth > 0.05 or share > 0.03)


if __name__ == "__main__":
    sys.exit(main())
