"""Learner steps a second of batched tabular Q-learning on the key-door grid, on two threads; floor: 5 million.

``python -m benchmarks.q_learning_steps`` trains 256 rewards x 3 layouts x 2 seeds for 3000 steps each with the numba
kernel, half of them on either of two threads, and a few of the same with the numpy and torch forms, which do all
learners in step. It checks that what they learn is equal, and prints learner steps a second, tests of the policies
(another third of steps) not counted.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.machine import describe
from qd.learners import KeyDoor, QLearning
from qd.learners.key_door import FEATURES
from qd.rewards import Feature, Reward, WeightedSum

FLOOR = 5e6
STEPS = 3000


def cells(n: int) -> tuple[Any, Any, Any]:
    """Reward, layout and seed of n * 6 learners."""
    which, at, seed = (part.ravel() for part in np.indices((n, 3, 2)))
    return which, at, (np.arange(len(which), dtype=np.uint64) + seed.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)


def main() -> int:
    """Print the rates; exit 1 below the floor."""
    describe()
    task, form = KeyDoor(), Reward(tuple(Feature(name) for name in FEATURES), WeightedSum(0.1))
    solutions = np.asarray(form.space.sample(256, np.random.default_rng(0)))

    def train(learner: QLearning, n: int, start: int, stop: int) -> Any:
        which, at, seeds = (part[start:stop] for part in cells(n))
        return learner.train(task, form, solutions[:n], which, at, seeds, 1.0, STEPS)

    train(QLearning(), 1, 0, 1)  # compile
    total = 256 * 6
    rates = []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            begun = time.perf_counter()
            halves = [pool.submit(train, QLearning(), 256, a, a + total // 2) for a in (0, total // 2)]
            learned = [half.result() for half in halves]
            rates.append(total * STEPS / (time.perf_counter() - begun))
    rate = float(np.median(rates))
    print(f"numba, 2 threads: {rate / 1e6:.1f} M learner steps/s (median of 3; floor {FLOOR / 1e6:g} M)")
    for backend in ("numpy", "torch"):
        few = 16
        begun = time.perf_counter()
        other = train(QLearning(backend=backend), few, 0, few * 6)
        spent = time.perf_counter() - begun
        same = np.array_equal(other.shaped, learned[0].shaped[: few * 6], equal_nan=True)
        print(f"{backend}, {few * 6} learners in step: {few * 6 * STEPS / spent / 1e6:.2f} M/s, equal to numba: {same}")
        if not same:
            return 1
    return int(rate < FLOOR)


if __name__ == "__main__":
    raise SystemExit(main())
