"""Clip and delta of a process score, clean and with an error: does the order flip, and does evolution find it?

``python -m benchmarks.clip_delta_study`` trains fresh learners on 12 held-out key-door layouts, 8 seeds each, 6000
steps, with a process score paid raw, clipped and as its change, for several errors of the score; then evolves (clip,
eta, delta, scale) with a GA and draws it at random, 160 evaluations each, for a clean score and one with an error of
0.1 a state. Means with 95 % intervals, over layouts and seeds (by hand) or outer runs (searches).
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import qd
from benchmarks.key_door_study import held_out_cells, interval, outer_run
from benchmarks.machine import describe
from qd.learners import KeyDoor, QLearning
from qd.rewards import Clip, Delta, Feature, Gene, Reward

STEPS = 6000
NOISES = (0.0, 0.05, 0.1, 0.2)
BY_HAND = {  # clip, eta, delta, scale
    "raw": (0, 0.5, 0, 0.5),
    "clip, eta 1": (1, 1.0, 0, 0.5),
    "clip, eta 0.7": (1, 0.7, 0, 0.5),
    "delta": (0, 0.5, 1, 2.0),
    "clip, eta 1, and delta": (1, 1.0, 1, 2.0),
}


def form() -> Reward:
    """A process score, clipped and differenced as its genes say."""
    scale = Gene("scale", default=0.5, spread=float(np.log(2)), scale="log")
    return Reward((Feature("progress", scale) | Clip() | Delta(),))


def task(noise: float) -> KeyDoor:
    """Seven cells a side."""
    return KeyDoor(size=7, score_noise=noise)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=9)
    args = parser.parse_args()
    describe()
    made = form()
    at, seeds = held_out_cells(12, 8)
    which = np.zeros(len(at), np.int64)
    print("| area / final, error of the score | " + " | ".join(map(str, NOISES)) + " |")
    for name, values in {"success alone": None, **BY_HAND}.items():
        row = []
        for noise in NOISES:
            names = ("progress.clip", "progress.eta", "progress.delta", "progress.scale")
            solution = made.solution(dict(zip(names, values or (0, 0.5, 1, 0.5), strict=True)))
            learner, none = QLearning(steps=STEPS), Reward((Feature("bump"),))
            reward: tuple[Any, Any] = (none, np.zeros((1, 1))) if values is None else (made, solution[None])
            learned = learner.train(task(noise), *reward, which, at, seeds, 1.0, STEPS)
            row.append(f"{interval(learned.curve.mean(axis=1))} / {interval(learned.final)}")
        print(f"| {name} | " + " | ".join(row) + " |")
    a = qd.algorithms
    for name, search in (
        ("random search", a.RandomSearch(batch_size=16)),
        ("GA", a.GeneticAlgorithm(population_size=16, parents=5, sigma=0.5)),
    ):
        row = []
        for noise in (0.0, 0.1):
            runs = [
                outer_run(made, search, 160, seed, task(noise), QLearning(steps=STEPS))
                for seed in range(1, args.seeds + 1)
            ]
            row.append(" / ".join(interval(np.array([r[key] for r in runs])) for key in ("area", "held_out_success")))
        print(f"| {name}, {args.seeds} runs of 160, error 0 and 0.1 | " + " | ".join(row) + " |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
