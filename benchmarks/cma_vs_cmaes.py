"""Evaluations to 1e-8: our CMA-ES and separable CMA-ES against the package cmaes (CMA, SepCMA), medians of 5 seeds.

Claim: at most 1.3 times the evaluations on each of sphere, ellipsoid 1e6, cigar 1e6 and Rosenbrock, plain and rotated,
in 10 and 20 dimensions. Both begin at the same place with sigma 0.5 and have the default population; ours redoes the
eigendecomposition every second generation or so, cmaes in each. The separable forms cannot turn, so on some functions
neither arrives: they stop at 500 d evaluations, and only where the peer arrives in most runs is there a ratio.
Our five runs step as one batch, the peer's one after another. Takes two minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from operators import cma_es, sep_cma_es
from operators.normals import standard_normals
from qd.problems import Cigar, Ellipsoid, Rosenbrock, Sphere
from qd.rng import generator

Array = NDArray[np.float64]
Value = Callable[[Array], Array]  # (n, d) -> (n,), to be minimised, 0 at the best

FLOOR, SEEDS, TARGET, SIGMA = 1.3, 5, 1e-8, 0.5
NEVER = float("inf")


def ours(module: Any, value: Value, start: Array, cap: int) -> Array:
    """(seeds,) evaluations to the target."""
    d = len(start)
    state = module.init(np.tile(start, (SEEDS, 1)), SIGMA)
    spent, taken, generation = 0, np.full(SEEDS, NEVER), 0
    while np.isinf(taken).any() and spent < cap:
        drawn = [standard_normals(generator(seed, "normals", generation), state.n * d) for seed in range(SEEDS)]
        x = module.ask(state, np.reshape(drawn, (SEEDS, state.n, d)))
        f = value(x.reshape(-1, d)).reshape(SEEDS, state.n)
        module.tell(state, x, -f)
        generation, spent = generation + 1, spent + state.n
        taken[np.isinf(taken) & (f.min(axis=1) < TARGET)] = spent
    return taken


def peer(kind: Any, value: Value, start: Array, cap: int) -> Array:
    """(seeds,) evaluations to the target."""
    taken = np.full(SEEDS, NEVER)
    for seed in range(SEEDS):
        optimiser, spent = kind(mean=start.copy(), sigma=SIGMA, seed=seed), 0
        while spent < cap:
            x = np.stack([optimiser.ask() for _ in range(optimiser.population_size)])
            f = value(x)
            optimiser.tell(list(zip(x, f.tolist(), strict=True)))
            spent += len(x)
            if f.min() < TARGET:
                taken[seed] = spent
                break
    return taken


def compare(name: str, module: Any, kind: Any, cap_by_gene: int) -> float:
    """Prints a table; returns the worst ratio."""
    print(f"\n{name:28} {'ours':>8} {'cmaes':>8} {'ratio':>6}")
    worst = 0.0
    for function in (Sphere, Ellipsoid, Cigar, Rosenbrock):
        for rotated in (False, True):
            for d in (10, 20):
                problem = function(d, raw=True)
                turn = problem.rotation if rotated else np.eye(d)

                def value(x: Array, problem: Any = problem, turn: Array = turn) -> Array:
                    return np.asarray(problem.value(x @ turn.T))

                start = np.full(d, -1.0 if function is Rosenbrock else 1.0)
                cap = cap_by_gene * d
                found = np.median(ours(module, value, start, cap)), np.median(peer(kind, value, start, cap))
                shown = [f"{count:8.0f}" if np.isfinite(count) else f"{'-':>8}" for count in found]
                ratio = found[0] / found[1] if np.isfinite(found[1]) else 0.0
                worst = max(worst, ratio)
                label = f"{function.__name__.lower()}{', rotated' if rotated else ''}, {d}-D"
                print(f"{label:28} {shown[0]} {shown[1]} {f'{ratio:6.2f}' if ratio else '     -'}", flush=True)
    return worst


def main() -> int:
    """Prints the tables; 1 where the claim is missed."""
    import cmaes

    describe("cmaes")
    worst = max(
        compare("CMA-ES", cma_es, cmaes.CMA, 20_000),
        compare("separable CMA-ES", sep_cma_es, cmaes.SepCMA, 500),
    )
    print(f"\nevaluations to {TARGET:g}, median of {SEEDS} seeds; bound {FLOOR}")
    print(f"worst ratio {worst:.2f}")
    return int(worst > FLOOR)


if __name__ == "__main__":
    sys.exit(main())
