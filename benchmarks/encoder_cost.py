"""What a frame of 64 x 64 costs the autoencoders, to describe (measures and surprise) and to train on, one thread.

Claims: the default describes a frame and trains on one at least 4 times as fast as the network of STAX. One minute.
The last line is an estimate of what a run of STAX spends in its encoder: 50,000 evaluations of 5 frames described,
and 6 trainings (after explore chunks 1, 3, 6, 10, 15 and 21) as long as the settings allow.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.machine import describe
from qd.behavior import Autoencoder, BehaviorSpace, BetaVAE
from qd.rng import generator

FLOOR = 4.0
ROWS = 256
ENCODERS = {
    "taxons": Autoencoder.taxons(),
    "stax": Autoencoder.stax(),
    "default": Autoencoder(),
    "default, variational": BetaVAE(),
}


def main() -> int:
    """Prints a line an encoder, then the ratios; 1 where one is below the floor."""
    describe("torch")
    frames = (generator(0, "frames").random((ROWS, 64, 64, 3)) * 255).astype(np.uint8)
    spent: dict[str, tuple[float, float]] = {}
    spaces = {name: BehaviorSpace(encoder, frames.shape[1:]) for name, encoder in ENCODERS.items()}
    steps = {
        name: BehaviorSpace(type(encoder)(architecture=encoder.architecture, epochs=2, validation=0.0), (64, 64, 3))
        for name, encoder in ENCODERS.items()
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ENCODERS}
    for go in range(4):  # in turns, so that a busy machine is busy for all
        for name, space in spaces.items():
            begin = time.perf_counter()
            space.encoder.describe(space.learned, frames)
            middle = time.perf_counter()
            steps[name].fit(frames)
            end = time.perf_counter()
            if go:  # the first compiles and loads
                times[name].append(((middle - begin) / ROWS * 1e3, (end - middle) / ROWS / 2 * 1e3))
    for name, space in spaces.items():
        described, trained = (float(part) for part in np.median(times[name], axis=0))
        spent[name] = described, trained
        count = sum(space.learned["weights"][weight].size for weight in space.learned["first"])
        print(f"{name:>22}: {count:>9,} weights, describe {described:.3f} ms a frame, train {trained:.3f} ms a frame")
    default = ENCODERS["default"]
    described, trained = spent["default"]
    rows = (default.max_rows or 0) * (1 - default.validation)
    training = 6 * default.epochs * rows * trained / 1e3
    print(f"a run: {50_000 * 5 * described / 1e3:.0f} s describing, {training:.0f} s training")
    ratios = [theirs / ours for theirs, ours in zip(spent["stax"], spent["default"], strict=True)]
    print(f"ratio {ratios[0]:.1f} describing, {ratios[1]:.1f} training (floor {FLOOR})")
    return int(min(ratios) < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
