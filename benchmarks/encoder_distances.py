"""How well encoders of pictures know where a small disc is: distances among 1000 unseen pictures, after one training.

Pictures of 64 x 64: a disc of 2 pixels' radius anywhere before the walls of a maze. For each encoder the correlation of
latent distances with distances in the world, and how far away in the world the 15 nearest neighbours in the latent
space are, where 1 is a pair at random; novelty search lives by the second. The network of STAX gets 2 epochs,
which take longer than the default's 20. Claim: neighbours of the default are at most half as far as those of
PCA and of an untrained network. Mean and standard deviation over 3 seeds; two to five minutes.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from qd.behavior import PCA, Autoencoder, BehaviorSpace, Encoder, RandomEncoder
from qd.rng import generator

FLOOR = 2.0
SIZE, RADIUS, SEEDS, NEIGHBOURS = 64, 2.0, 3, 15
WALLS = ((0, 14, 18, 15), (18, 15, 42, 8), (18, 16, 18, 48), (18, 32, 49, 49), (27, 27, 63, 46))  # x, y, x, y
ENCODERS: dict[str, Encoder] = {
    "where it is": PCA(latent=2),  # of the true positions
    "PCA": PCA(),
    "untrained": RandomEncoder(),
    "stax": Autoencoder.stax(epochs=2),
    "default": Autoencoder(),
}


def pictures(n: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """(n, 64, 64, 3) pictures and (n, 2) where the disc is [pixels]."""
    centre = generator(seed, "discs").uniform(RADIUS, SIZE - RADIUS, (n, 2))
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    scene = np.ones((SIZE, SIZE, 3))
    for x0, y0, x1, y1 in WALLS:
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1)
        scene[np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) < 1.1] = 0.0
    drawn = np.empty((n, SIZE, SIZE, 3), np.uint8)
    for row, (cx, cy) in enumerate(centre):
        cover = np.clip(RADIUS + 0.5 - np.hypot(x - cx, y - cy), 0, 1)[..., None]
        drawn[row] = np.round(255 * (scene * (1 - cover) + cover * np.array([0.0, 0.0, 1.0])))
    return drawn, centre


def knowledge(latent: NDArray[np.float64], centre: NDArray[np.float64]) -> tuple[float, float]:
    """Correlation of distances, and the neighbours' distance in the world as a share of a random pair's."""
    upper = np.triu_indices(len(latent), 1)
    away = np.sqrt(np.maximum(((latent[:, None] - latent) ** 2).sum(axis=2), 0.0))
    true = np.sqrt(((centre[:, None] - centre) ** 2).sum(axis=2))
    correlation = float(np.corrcoef(away[upper], true[upper])[0, 1])
    np.fill_diagonal(away, np.inf)
    nearest = np.argpartition(away, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return correlation, float(np.take_along_axis(true, nearest, axis=1).mean() / true[upper].mean())


def main() -> int:
    """Prints a line an encoder; 1 where the default's neighbours are not near enough."""
    describe("torch")
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ENCODERS}
    for seed in range(SEEDS):
        drawn, _ = pictures(1000, 2 * seed)
        unseen, centre = pictures(1000, 2 * seed + 1)
        for name, encoder in ENCODERS.items():
            begin = time.perf_counter()
            if name == "where it is":
                latent = centre
            else:
                space = BehaviorSpace(encoder, drawn.shape[1:], seed)
                space.fit(drawn)
                latent = space.encode(unseen)
            found[name].append((*knowledge(latent, centre), time.perf_counter() - begin))
    for name, values in found.items():
        (r, near, time_each), (r_off, near_off, _) = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
        print(
            f"{name:>12}: correlation {r:.2f} +- {r_off:.2f}, nearest {near:.3f} +- {near_off:.3f}, {time_each:.0f} s"
        )
    neighbours = {name: float(np.mean([value[1] for value in values])) for name, values in found.items()}
    ratio = min(neighbours["PCA"], neighbours["untrained"]) / neighbours["default"]
    print(f"ratio {ratio:.1f} (floor {FLOOR})")
    return int(ratio < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
