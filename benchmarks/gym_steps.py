"""Environment steps a second in one process: ``Gym`` against evotorch's GymNE and against a plain loop in numpy.

Claim: faster than evotorch with the same networks (64, 64), tanh, and the same limit of steps: by 1.1 to 1.2 in MuJoCo,
where the simulator takes most of the time, by 4 in CartPole, where it does not. And no slower than a loop that runs one
small network by matrix products: networks side by side pay for statuses, measures and checks. Episodes of the
two differ in their seeds, so steps are counted and not rows. CPU seconds of this process; the sides take turns;
about a minute.

    python benchmarks/gym_steps.py
"""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from itertools import pairwise
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium
import numpy as np
from evotorch.neuroevolution import GymNE

import qd
from benchmarks.machine import describe
from qd.rng import generator, row_seeds

# id, the most steps an episode, rows, floor of the ratio to evotorch
CASES = (("Walker2d-v5", 200, 32, 1.2), ("Humanoid-v5", 200, 16, 1.1), ("CartPole-v1", 500, 64, 4.0))
NETWORK = "Linear(obs_length, 64) >> Tanh() >> Linear(64, 64) >> Tanh() >> Linear(64, act_length)"
ROUNDS, SIGMA = 5, 0.1


def plain(name: str, limit: int, solutions: np.ndarray, seeds: np.ndarray, env: Any) -> int:
    """Steps of a loop that anyone would write: one network and one observation at a time."""
    inputs = int(np.prod(env.observation_space.shape))
    choice = hasattr(env.action_space, "n")
    outputs = int(env.action_space.n if choice else env.action_space.shape[0])
    sizes, steps = (inputs, 64, 64, outputs), 0
    for weights, seed in zip(solutions, seeds, strict=True):
        layers, at = [], 0
        for a, b in pairwise(sizes):
            layers.append((weights[at : at + a * b].reshape(a, b), weights[at + a * b : at + a * b + b]))
            at += a * b + b
        observation, _ = env.reset(seed=int(seed) >> 33)
        for _ in range(limit):
            units = observation
            for matrix, bias in layers[:-1]:
                units = np.tanh(units @ matrix + bias)
            out = units @ layers[-1][0] + layers[-1][1]
            if choice:
                action = int(out.argmax())
            else:
                space = env.action_space
                action = (space.low + (np.tanh(out) + 1) / 2 * (space.high - space.low)).astype(np.float32)
            observation, _, terminated, truncated, _ = env.step(action)
            steps += 1
            if terminated or truncated:
                break
    return steps


def main() -> int:
    """Prints each side's steps a second and the ratios; 1 where one is below its floor."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.INFO)
    describe("gymnasium", "evotorch", "torch")
    slow = False
    for name, limit, rows, floor in CASES:
        problems = {k: qd.problems.Gym(name, measures=None, max_steps=limit, side_by_side=k) for k in (1, 16)}
        peer = GymNE(name, NETWORK, num_actors=0, observation_normalization=False, episode_length=limit)
        env = gymnasium.make(name, max_episode_steps=limit)
        for problem in problems.values():
            problem.prepare()
        rates: dict[str, list[float]] = {"side by side": [], "one by one": [], "evotorch": [], "plain loop": []}
        for turn in range(ROUNDS + 1):
            solutions = SIGMA * generator(turn, "benchmark").standard_normal((rows, problems[1].solution_space.length))
            seeds = row_seeds(turn, np.arange(rows, dtype=np.uint64))
            for side in rates:
                begin = time.process_time()
                if side == "evotorch":
                    before = peer.interaction_count
                    batch = peer.generate_batch(rows)
                    batch.set_values(peer.as_tensor(solutions))
                    peer.evaluate(batch)
                    steps = peer.interaction_count - before
                elif side == "plain loop":
                    steps = plain(name, limit, solutions, seeds, env)
                else:
                    problem = problems[16 if side == "side by side" else 1]
                    steps = int(problem.evaluate(qd.Request(solutions), seeds).cost["steps"].sum())
                if turn:  # the first one warms up
                    rates[side].append(steps / (time.process_time() - begin))
        ratios = {side: float(np.median(np.array(rates["side by side"]) / np.array(rates[side]))) for side in rates}
        slow |= ratios["evotorch"] < floor
        print(f"{name}, {limit} steps at most, {rows} rows")
        for side, found in rates.items():
            against = "" if side == "side by side" else f", ratio {ratios[side]:.2f}"
            print(
                f"  {side:12} {np.median(found):8.0f} steps/s{against}" + (f" (floor {floor})" * (side == "evotorch"))
            )
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
