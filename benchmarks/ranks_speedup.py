"""Novelty search in the hard maze on one rank and on two, by real launches in turn: how much two ranks gain.

Claim: 1.7 times on two cores, equal digests. Seconds are those of the run (first ask to last tell). The threads of
numerical libraries are off. About two minutes.
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
MPIEXEC = Path(sys.executable).with_name("mpiexec")


def seconds(ranks: int, out: Path) -> tuple[float, str]:
    """(seconds, digest) of one launch."""
    command = [str(MPIEXEC), "-n", str(ranks), sys.executable, "-m", "qd", "run", "novelty_search_hard_maze"]
    options = ["--evaluations", str(EVALUATIONS), "--out", str(out), "--overwrite", "--no-plots", "--quiet"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(qd.__file__).parent.parent)}
    subprocess.run(command + options, check=True, env=environment)
    result = qd.Result.load(out)
    return float(result.summary["seconds"]), result.digest


def main() -> int:
    """Prints both medians and the ratio; 1 below the floor or where the digests differ."""
    describe("mpi4py", "mpich")
    with tempfile.TemporaryDirectory() as folder:
        seconds(2, Path(folder) / "warm")
        pairs = [(seconds(1, Path(folder) / "one"), seconds(2, Path(folder) / "two")) for _ in range(ROUNDS)]
    digests = {digest for pair in pairs for _, digest in pair}
    times = np.array([[one[0], two[0]] for one, two in pairs])
    one, two = np.median(times, axis=0)
    print(f"one rank {one:.2f} s, two ranks {two:.2f} s (medians of {ROUNDS}), {len(digests)} digest(s)")
    ratio = float(np.median(times[:, 0] / times[:, 1]))
    print(f"ratio {ratio:.2f} (floor {FLOOR})")
    return int(ratio < FLOOR or len(digests) != 1)


if __name__ == "__main__":
    sys.exit(main())
