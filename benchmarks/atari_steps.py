"""Decisions a second of an Atari game: our emulator with its preprocessing beside ale-py's own vector environment.

Random actions, one core, processor time, in turns, the best of five rounds each. ale-py's environment holds eight games
and shrinks by area, where ours is one game with a triangle filter, so pictures differ; sticky actions and clipping are
off in both. Then what a decision consists of: emulation, preprocessing, and a network of each size.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.machine import describe
from qd.policies import ConvNet
from qd.problems._atari_game import Game
from qd.rng import row_generator

DECISIONS, GAMES = 400, 8


def least(call: Callable[[], object], rounds: int = 5) -> float:
    """Processor seconds of the best of some rounds."""
    best = np.inf
    for _ in range(rounds):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
    return float(best)


def main() -> None:
    """A line a part."""
    from ale_py.vector_env import AtariVectorEnv

    describe("ale-py")
    game, random = Game("frostbite", False), np.random.default_rng(0)
    vector = AtariVectorEnv("frostbite", num_envs=GAMES, repeat_action_probability=0.0, reward_clipping=False,
                            num_threads=1)  # fmt: skip
    vector.reset(seed=0)

    def ours() -> None:
        for _ in range(DECISIONS):
            if game.over:
                game.reset(row_generator(0))
            game.decide(int(random.integers(18)))

    def frames() -> None:
        for _ in range(4 * DECISIONS):
            game.ale.act(game.actions[int(random.integers(18))])
            if game.ale.game_over():
                game.ale.reset_game()

    def theirs() -> None:
        for _ in range(DECISIONS // GAMES):
            vector.step(random.integers(0, 18, GAMES))

    game.reset(row_generator(0))
    a, b = least(ours), least(theirs)
    emulation = least(frames)
    print(f"ours {DECISIONS / a:,.0f} decisions/s, ale-py's vector environment {DECISIONS / b:,.0f}, ratio {b / a:.2f}")
    print(
        f"a decision: emulation {1e3 * emulation / DECISIONS:.3f} ms, the rest {1e3 * (a - emulation) / DECISIONS:.3f}"
    )
    for name in ("tiny", "small", "large"):
        net = ConvNet.named(name, 18)
        layers = net.unpack((random.normal(size=net.length) * net.initial_sigma()).astype(np.float32))
        seconds = least(lambda n=net, w=layers: [n.see(w, game.seen) for _ in range(20)])  # type: ignore[misc]
        print(f"network {name}, {net.length:,} weights: {1e3 * seconds / 20:.3f} ms")


if __name__ == "__main__":
    main()
