"""Policy steps per second of 1024 different networks 16-64-64-4, one thread: compiled, in torch, and evotorch's way.

Claim: torch's packed layers make more steps than evotorch's flat module under vmap, and the compiled kernel more than
torch; all in float32 and in this one process. One step of all networks reads 22.6 MB of weights, which is what bounds
it: ``read`` is the rate at which numpy adds them up. ``in a row`` is the kernel with 32 steps of a network after each
other, as problems run whole episodes. The ways take turns; processor time. About 30 seconds.

    python benchmarks/policy_throughput.py
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np
from numba import njit

from benchmarks.machine import describe
from qd.policies import MLP, torch_mlp
from qd.policies._mlp_kernel import forward_row
from qd.rng import generator

FLOOR_TORCH, FLOOR_KERNEL = 1.1, 1.0  # over evotorch, over torch
NETWORKS, ROUNDS, CALLS, ROW = 1024, 15, 4, 32


def rates(ways: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Policy steps a second of each way: the median of rounds in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for call in ways.values():
        call()
    for _ in range(rounds):
        for name, call in ways.items():
            begin = time.process_time()
            for _ in range(CALLS):
                call()
            seconds[name].append((time.process_time() - begin) / CALLS)
    return {name: NETWORKS / float(np.median(taken)) for name, taken in seconds.items()}


@njit(nogil=True, error_model="numpy")
def in_a_row(weights, sizes, activations, bias, observation, steps):  # type: ignore[no-untyped-def]
    """``steps`` of each network after each other; the sum of the actions."""
    scratch = np.empty((2, sizes.max()), observation.dtype)
    action, total = np.empty(sizes[-1], observation.dtype), 0.0
    for row in range(len(weights)):
        for _ in range(steps):
            forward_row(weights[row], sizes, activations, bias, observation, scratch, action)
            total += action[0]
    return total


def main() -> int:
    """Prints the rates; 1 where one misses its floor."""
    import torch
    from evotorch.neuroevolution.net import make_functional_module

    torch.set_num_threads(1)
    describe("torch", "evotorch")
    mlp = MLP((16, 64, 64, 4))
    rng = generator(0, "benchmark")
    weights: Any = (rng.standard_normal((NETWORKS, mlp.length)) * 0.2).astype(np.float32)
    observations: Any = rng.standard_normal((NETWORKS, 16)).astype(np.float32)

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
            "kernel": lambda: mlp.forward(weights, observations, "numba", "float32"),
            "kernel, float64": lambda: mlp.forward(weights, observations, "numba"),
            "numpy": lambda: mlp.forward(weights, observations),
            "torch": lambda: torch_mlp.forward(mlp, packed, seen),
            "torch, rational": lambda: torch_mlp.forward(mlp, packed, seen, exact=False),
            "evotorch": lambda: flat(rows, seen),
            "read": lambda: weights.sum(),
        })  # fmt: skip
    shape = mlp._shape
    for kind in ("float32", "float64"):
        one = observations[0].astype(kind)
        row = rates({"": lambda one=one: in_a_row(weights[:256], *shape, one, ROW)}, 4)  # type: ignore[misc]
        found[f"in a row, {kind}"] = ROW * row[""] / 4
    for name, rate in found.items():
        print(f"{name:18} {rate / 1e6:6.3f} million policy steps/s, {rate / found['evotorch']:5.2f} x evotorch's")
    torch_over, kernel_over = found["torch"] / found["evotorch"], found["kernel"] / found["torch"]
    print(f"torch over evotorch {torch_over:.2f} (floor {FLOOR_TORCH}), kernel over torch {kernel_over:.2f} "
          f"(floor {FLOOR_KERNEL})")  # fmt: skip
    return int(torch_over < FLOOR_TORCH or kernel_over < FLOOR_KERNEL)


if __name__ == "__main__":
    sys.exit(main())
