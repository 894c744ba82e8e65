"""What looking at a run costs it: the bar and a tracker inside the run, and qd watch beside it.

Claims: the progress bar and TensorBoard together take under 1 % of a run's time (seconds inside them over the run's
seconds, one run), and a run that ``qd watch`` looks at every second is under 1 % slower than one alone (median of
rounds in turn, on a machine with a core to spare). Novelty search in the hard maze. About two minutes.

    python benchmarks/watch_cost.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import qd
from benchmarks.machine import describe
from qd.progress import Progress
from qd.tracking import TensorBoard, Tracking

ROUNDS, FLOOR = 5, 0.01


def experiment(evaluations: int) -> qd.Experiment:
    """One thread, so that a watcher has a core of its own."""
    search = qd.algorithms.NoveltySearch(population_size=100)
    settings = qd.EvaluatorSettings(threads=1)
    return qd.Experiment(qd.problems.HardMaze(), search, evaluations, seed=1, evaluator=settings)


class Clock:
    """Adds up the seconds spent inside methods."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, owner: type, name: str) -> None:
        """Time a method from now on."""
        method = getattr(owner, name)

        def timed(*given: Any, **named: Any) -> Any:
            begin = perf_counter()
            try:
                return method(*given, **named)
            finally:
                self.seconds += perf_counter() - begin

        setattr(owner, name, timed)


def inside() -> float:
    """The share of a run's time that the bar and TensorBoard take."""
    clock = Clock()
    clock.around(Progress, "show")
    for name in ("row", "end"):
        clock.around(Tracking, name)
    with tempfile.TemporaryDirectory() as folder:
        result = qd.run(experiment(60_000), Path(folder) / "run", progress=True, trackers=[TensorBoard()])
    return clock.seconds / float(result.summary["seconds"])


def beside() -> tuple[float, float]:
    """Seconds of a run alone, and with a watcher; medians of rounds in turn."""
    alone: list[float] = []
    watched: list[float] = []
    for _ in range(ROUNDS):
        for seconds in (alone, watched):
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "run"
                looking = None
                if seconds is watched:
                    words = ["script", "-qec", f"{sys.executable} -m qd watch {out} --wait", "/dev/null"]
                    looking = subprocess.Popen(words, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
                result = qd.run(experiment(40_000), out, progress=False)
                seconds.append(float(result.summary["seconds"]))
                if looking is not None:
                    looking.terminate()
                    looking.wait()
    return median(alone), median(watched)


def main() -> int:
    """Prints the shares; 1 where one is above its bound."""
    describe("rich", "tensorboard")
    share = inside()
    print(f"bar and TensorBoard: {share:.3%} of the run's time")
    alone, watched = beside()
    print(f"qd watch beside it: {alone:.2f} s alone, {watched:.2f} s watched, {watched / alone - 1:+.2%}")
    return int(share > FLOOR or watched / alone - 1 > FLOOR)


if __name__ == "__main__":
    sys.exit(main())
