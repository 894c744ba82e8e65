"""Policy steps per second of 1024 different networks 16-64-64-4, one thread: compiled, in torch, and evotorch's way.

Claims: the compiled kernel makes at least a million policy steps a second on one core, and torch's packed layers at
least twice as many as evotorch's flat module under vmap, both in float32 and in this one process. A third line is
numpy's reference. The ways take turns, a round of each after the other; processor time. About 20 seconds.

    python benchmarks/policy_throughput.py
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from benchmarks.machine import describe
from qd.policies import MLP, torch_mlp
from qd.rng import generator

FLOOR_KERNEL, FLOOR_RATIO = 1e6, 2.0
NETWORKS, ROUNDS, CALLS = 1024, 15, 12


def rates(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Policy steps a second of each way: the median of rounds in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for call in ways.values():
        call()
    for _ in range(ROUNDS):
        for name, call in ways.items():
            begin = time.process_time()
            for _ in range(CALLS):
                call()
            seconds[name].append((time.process_time() - begin) / CALLS)
    return {name: NETWORKS / float(np.median(taken)) for name, taken in seconds.items()}


def main() -> int:
    """Prints the rates; 1 where one misses its floor."""
    import torch
    from evotorch.neuroevolution.net import make_functional_module

    torch.set_num_threads(1)
    describe("torch", "evotorch")
    mlp = MLP((16, 64, 64, 4))
    rng = generator(0, "benchmark")
    weights = (rng.standard_normal((NETWORKS, mlp.length)) * 0.2).astype(np.float32)
    observations = rng.standard_normal((NETWORKS, 16)).astype(np.float32)

    layers = [
        torch.nn.Linear(16, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 4),
    ]
    flat = torch.func.vmap(make_functional_module(torch.nn.Sequential(*layers, torch.nn.Tanh())))
    rows, seen = torch.from_numpy(weights), torch.from_numpy(observations)
    packed = torch_mlp.pack(mlp, rows)
    with torch.no_grad():
        found = rates({
            "kernel": lambda: mlp.forward(weights, observations, "numba"),
            "numpy": lambda: mlp.forward(weights, observations),
            "torch": lambda: torch_mlp.forward(mlp, packed, seen),
            "torch, exact tanh": lambda: torch_mlp.forward(mlp, packed, seen, exact=True),
            "evotorch": lambda: flat(rows, seen),
        })  # fmt: skip
    for name, rate in found.items():
        print(f"{name:18} {rate / 1e6:6.3f} million policy steps/s, {rate / found['evotorch']:5.2f} x evotorch's")
    ratio = found["torch"] / found["evotorch"]
    print(f"kernel {found['kernel']:.3g} steps/s (floor {FLOOR_KERNEL:.0e}); torch over evotorch {ratio:.2f} "
          f"(floor {FLOOR_RATIO})")  # fmt: skip
    return int(found["kernel"] < FLOOR_KERNEL or ratio < FLOOR_RATIO)


if __name__ == "__main__":
    sys.exit(main())
