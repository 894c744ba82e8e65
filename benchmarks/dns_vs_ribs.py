"""A generation of dominated novelty search, 100 new solutions among 1,000 and 5,000: ours against pyribs' DNSArchive.

Claim: at least 8 times as fast at 1,000 and 25 times at 5,000, with the same survivors. Two measures, k = 3, ten genes.
Takes about 30 s.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

import numpy as np
from ribs.archives import DNSArchive

import qd
from benchmarks.machine import describe

NEW = 100
FLOORS = {1000: 8.0, 5000: 25.0}


def compare(capacity: int, rounds: int) -> float:
    """Prints both times; returns how many times as fast ours is, by the medians."""
    rng = np.random.default_rng(0)
    space = qd.Box(0.0, 1.0, 10)
    problem = qd.problem(
        lambda x: (0.0, x[:2]), space=space, measures={"x": (0.0, 1.0), "y": (0.0, 1.0)}
    )  # only its spaces are read
    algorithm = qd.algorithms.DominatedNoveltySearch(population_size=capacity, batch_size=NEW)
    state = algorithm.init(problem, 0)
    theirs = DNSArchive(solution_dim=10, measure_dim=2, capacity=capacity, k_neighbors=algorithm.neighbors)
    times = []
    for count in [capacity, *[NEW] * rounds]:
        solutions, objective = rng.random((count, 10)), rng.random(count)
        measures = solutions[:, :2].copy()
        begin = perf_counter()
        algorithm.tell(state, qd.Request(solutions), qd.Evaluation(objective, measures))
        middle = perf_counter()
        theirs.add(solutions, objective, measures)
        times.append((middle - begin, perf_counter() - middle))
    if set(map(bytes, state.solutions)) != set(map(bytes, theirs.data("solution"))):
        raise SystemExit(f"capacity {capacity}: the survivors differ from pyribs")
    ours, peers = np.median(times[1:], axis=0)
    ratio = float(peers / ours)
    print(f"{NEW} among {capacity}: {1e3 * ours:.2f} ms, pyribs {1e3 * peers:.0f} ms, ratio {ratio:.0f} "
          f"(floor {FLOORS[capacity]:.0f}); same survivors")  # fmt: skip
    return ratio


def main() -> int:
    """Prints the ratios; 1 where one is below its floor or the survivors differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    describe("ribs")
    ratios = {capacity: compare(capacity, options.rounds) for capacity in FLOORS}
    print(f"ratio {ratios[5000]:.0f} (floor {FLOORS[5000]:.0f})")
    return int(any(ratios[capacity] < floor for capacity, floor in FLOORS.items()))


if __name__ == "__main__":
    sys.exit(main())
