"""Novelty search in the hard maze on one rank and on two, by real launches in turn: how much two ranks gain.

Claim: 1.7 times on two cores with generations of 1,000 episodes, equal digests; 1.5 to 1.7 was reached. A generation of
200 is 15 to 20 ms of work, and gains less. Seconds are those of the run (first ask to last tell). The threads of
numerical libraries are off. About three minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import qd
from benchmarks.machine import describe

ROUNDS, FLOOR, EVALUATIONS = 5, 1.7, 60_000
POPULATIONS = (100, 500)  # two offspring each; the floor is for the last
MPIEXEC = Path(sys.executable).with_name("mpiexec")


def seconds(ranks: int, population: int, out: Path) -> tuple[float, str]:
    """(seconds, digest) of one launch."""
    command = [str(MPIEXEC), "-n", str(ranks), sys.executable, "-m", "qd", "run", "novelty_search_hard_maze"]
    options = [
        "--evaluations",
        str(EVALUATIONS),
        "--algorithm.population_size",
        str(population),
        "--out",
        str(out),
        "--overwrite",
        "--no-plots",
        "--quiet",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(qd.__file__).parent.parent)}
    subprocess.run(command + options, check=True, env=environment)
    result = qd.Result.load(out)
    return float(result.summary["seconds"]), result.digest


def main() -> int:
    """Prints both medians and the ratio of each population; 1 below the floor or where the digests differ."""
    describe("mpi4py", "mpich")
    equal = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds(2, POPULATIONS[0], folder / "warm")
        for population in POPULATIONS:
            pairs = [
                (seconds(1, population, folder / "one"), seconds(2, population, folder / "two")) for _ in range(ROUNDS)
            ]
            digests = {digest for pair in pairs for _, digest in pair}
            equal &= len(digests) == 1
            times = np.array([[one[0], two[0]] for one, two in pairs])
            one, two = np.median(times, axis=0)
            ratio = float(np.median(times[:, 0] / times[:, 1]))
            print(f"generations of {2 * population}: one rank {one:.2f} s, two ranks {two:.2f} s "
                  f"(medians of {ROUNDS}), {len(digests)} digest(s), ratio {ratio:.2f}")  # fmt: skip
    print(f"ratio {ratio:.2f} (floor {FLOOR})")
    return int(ratio < FLOOR or not equal)


if __name__ == "__main__":
    sys.exit(main())
