"""What a small run costs from command to prompt, and what ``import qd`` costs and loads.

Claims: ``import qd`` under 0.5 s with none of the heavy libraries; ``qd run`` of 200 evaluations, the second time,
under 1.5 s. Whole processes, median of seven. About 20 seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import qd
from benchmarks.machine import describe

ROUNDS, IMPORT_FLOOR, RUN_FLOOR = 7, 0.5, 1.5
HEAVY = ("torch", "ribs", "evotorch", "mpi4py", "matplotlib", "gymnasium", "pandas", "sklearn", "ray")


def environment() -> dict[str, str]:
    """This process's variables, this checkout importable, and Python free to keep its compiled modules."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(Path(qd.__file__).parent.parent)}


def median_seconds(*arguments: str) -> float:
    """Median wall time of a Python command, after one that does not count."""
    times = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, env=environment(), stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return float(np.median(times[1:]))


def main() -> int:
    """Prints the three figures; 1 where one is over its floor."""
    describe()
    code = f"import sys, json, qd; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    told = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    loaded = json.loads(told.stdout)
    bare, imported = median_seconds("-c", "pass"), median_seconds("-c", "import qd")
    print(
        f"import qd: {imported:.2f} s the whole process (python alone {bare:.2f} s), heavy libraries loaded: {loaded}"
    )
    with tempfile.TemporaryDirectory() as folder:
        run = ["-m", "qd", "run", "novelty_search_hard_maze", "--evaluations", "200", "--quiet", "--overwrite"]
        maze = median_seconds(*run, "--out", str(Path(folder) / "maze"))
        run[3] = "map_elites_planar_arm"
        arm = median_seconds(*run, "--out", str(Path(folder) / "arm"))
    print(f"qd run of 200 evaluations: novelty search in the maze {maze:.2f} s, MAP-Elites on the arm {arm:.2f} s")
    worst = max(maze, arm)
    print(f"seconds {worst:.2f} (floor {RUN_FLOOR})")
    return int(imported > IMPORT_FLOOR or bool(loaded) or worst > RUN_FLOOR)


if __name__ == "__main__":
    sys.exit(main())
