"""One convolutional network on one picture, on one processor core: gathered windows against torch's convolutions.

And a whole step of the image maze's kernel, which works out only what the robot changes, against both. Ratios of the
best of seven rounds, in one run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.machine import describe
from qd.policies import ConvNet
from qd.problems import ImageMaze


def best(call: Callable[[], object], times: int) -> float:
    """Milliseconds a call, of the best of seven rounds."""
    call()
    least = np.inf
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(times):
            call()
        least = min(least, time.perf_counter() - began)
    return 1e3 * float(least) / times


def main() -> None:
    """A line a network."""
    import torch

    torch.set_num_threads(1)
    describe(threads=1)
    rng = np.random.default_rng(0)
    for name in ("tiny", "small", "large"):
        net, maze = ConvNet.named(name, 2), ImageMaze(network=name)
        weights = (rng.normal(size=(1, net.length)) * net.initial_sigma()).astype(np.float32)
        picture = rng.random((4, 84, 84)).astype(np.float32)
        layers, packed = net.unpack(weights[0]), net.pack(torch.from_numpy(weights))
        seen = torch.from_numpy(picture[None])
        with torch.inference_mode():
            in_torch = best(lambda n=net, p=packed, s=seen: n.apply(p, s), 20)  # type: ignore[misc]
        ours = best(lambda n=net, w=layers, p=picture: n.see(w, p), 20)  # type: ignore[misc]
        step = best(lambda m=maze, w=weights: m.episodes(w, np.zeros(0, np.int64)), 1) / 400  # type: ignore[misc]
        print(f"{name}, {net.length:,}: windows {ours:.3f} ms, torch {in_torch:.3f}, ratio {in_torch / ours:.2f}; "
              f"a step of the image maze {step:.3f} ms, ratio {ours / step:.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
