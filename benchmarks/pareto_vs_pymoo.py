"""Front sort of 2,000 rows, 2 and 3 objectives: ours against pymoo's NonDominatedSorting, in one process.

Claim: as fast or faster on random rows, on a single front and on more than a thousand fronts, with equal fronts.
pymoo 0.6.2 sorts in moocore's C and then looks each front up, so many fronts cost it most. Printed beside it: five
objectives, rows with many ties, and 200 rows, the size of a generation. Takes about 10 s.
"""

import sys
import time

import numpy as np
from numpy.typing import NDArray
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from benchmarks.machine import describe
from operators import fronts

FLOOR, ROUNDS = 1.0, 41


def cases(n: int, k: int) -> dict[str, NDArray[np.float64]]:
    """Name -> objectives (n, k), to be maximised."""
    rng = np.random.default_rng(0)
    return {
        "random": rng.random((n, k)),
        "one front": rng.dirichlet(np.ones(k), n),
        "many fronts": rng.random((n, 1)) + 1e-3 * rng.random((n, k)),
        "ties": rng.integers(0, 12, (n, k)).astype(float),
    }


def compare(name: str, n: int, k: int, objective: NDArray[np.float64]) -> float:
    """Prints the shortest times of turn-about rounds; returns how many times as fast ours is."""
    sort, costs = NonDominatedSorting(), -objective  # pymoo minimises
    ours, theirs = fronts(objective), sort.do(costs)  # what is compiled at the first call stays out of the times
    if len(ours) != len(theirs) or any(not np.array_equal(a, np.sort(b)) for a, b in zip(ours, theirs)):
        raise SystemExit(f"{name}: fronts differ from pymoo's")
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        start = time.perf_counter()
        fronts(objective)
        middle = time.perf_counter()
        sort.do(costs)
        taken[0].append(middle - start)
        taken[1].append(time.perf_counter() - middle)
    mine, pymoos = (1e6 * min(times) for times in taken)
    print(f"{n} rows, {k} objectives, {name}: {len(ours)} fronts, {mine:.0f} us, pymoo {pymoos:.0f} us, "
          f"ratio {pymoos / mine:.1f}")  # fmt: skip
    return pymoos / mine


def main() -> int:
    """Prints the ratios; 1 where the claim is below its floor."""
    describe("pymoo", "moocore")
    claimed = []
    for n, k in ((2000, 2), (2000, 3), (2000, 5), (200, 2), (200, 3)):
        for name, objective in cases(n, k).items():
            ratio = compare(name, n, k, objective)
            if n == 2000 and k <= 3 and name != "ties":
                claimed.append(ratio)
    print(
        f"ratio {min(claimed):.1f} the least, {np.exp(np.log(claimed).mean()):.1f} the geometric mean (floor {FLOOR})"
    )
    return int(min(claimed) < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
