"""Memory of 5,000 elites of 10,000 float32 genes in a grid of 1000 x 1000 cells, kept, saved and hashed.

The genes alone are 200 MB. Claim: while the archive fills, while it is written to a checkpoint and to archive.npz, and
while the run's digest is taken, the process stays under 300 MB above its own size. pyribs allocates by cell: 40 GB.
Peaks are those of the operating system (VmHWM), in a fresh process a stage. Linux only. Takes about 20 s.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe

CELLS, GENES, ELITES, BATCH = 1000, 10_000, 5_000, 100
FLOOR = 300.0  # MB
STAGES = {
    "fill": "filling",
    "checkpoint": "filling, then a checkpoint",
    "archive.npz": "filling, then archive.npz",
    "digest": "filling, then the digest",
    "resume": "reading the checkpoint back into an archive",
}


def peak() -> float:
    """The most memory this process has held so far, in MB (1e6 bytes)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def archive(elites: int) -> Any:
    """A grid filled in batches."""
    from archives import GridArchive

    ranges = [(0.0, 1.0), (0.0, 1.0)]
    grid = GridArchive(solution_dim=GENES, dims=[CELLS, CELLS], ranges=ranges, solution_dtype=np.float32)
    rng = np.random.default_rng(0)
    while len(grid) < elites:
        n = min(BATCH, elites - len(grid))
        grid.add(rng.random((n, GENES), dtype=np.float32), rng.random(n), rng.random((n, 2)))
    return grid


def stage(name: str, folder: Path) -> None:
    """Does one stage in this process and prints the memory above what a small archive takes through it."""
    from qd.contracts import Problem
    from qd.store.archive_file import write_archives
    from qd.store.checkpoint import read_newest, write_checkpoint
    from qd.store.digest import START, final
    from qd.store.recorder import Recorder

    class Nothing(Problem):
        def evaluate(self, request: Any, seeds: Any) -> Any:
            raise NotImplementedError

    def through(elites: int, at: Path) -> None:
        (at / "saved").mkdir(parents=True, exist_ok=True)
        if name == "resume" and elites == ELITES:
            grid = read_newest(folder / "saved")["state"]["archive"]
            if len(grid) != ELITES:
                raise SystemExit("the archive did not come back whole")
            return
        grid = archive(elites)
        if name == "checkpoint":
            write_checkpoint(at / "saved", 1, {"state": {"archive": grid}}, False)
        elif name == "archive.npz":
            write_archives(at / "archive.npz", {"elites": grid}, Recorder(Nothing()), {})
        elif name == "digest":
            final(START, {"elites": grid})

    through(2, folder / "small")  # compiled, imported
    own = peak()
    through(ELITES, folder)
    print(peak() - own)


def main() -> int:
    """Prints the peaks; 1 where one is above the floor."""
    describe("ribs")
    print(f"genes alone {4e-6 * GENES * ELITES:.0f} MB; pyribs would allocate {4e-9 * GENES * CELLS**2:.0f} GB")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, sentence in STAGES.items():
            words = [sys.executable, __file__, name, folder]
            used = float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            judged = name != "resume"
            worst = max(worst, used) if judged else worst
            print(f"{sentence}: {used:.0f} MB{'' if judged else ' (no floor)'}")
    print(f"peak {worst:.0f} MB (at most {FLOOR:.0f})")
    return int(worst > FLOOR)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        stage(sys.argv[1], Path(sys.argv[2]))
    else:
        sys.exit(main())
