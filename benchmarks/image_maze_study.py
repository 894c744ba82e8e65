"""The deceptive maze from pictures: who comes out of the pocket that reward leads into?

``python benchmarks/image_maze_study.py novelty_ga --evaluations 30000 --seeds 3`` runs a row, under ``mpiexec`` too; a
run appends a line to ``benchmarks/results/image_maze.jsonl``, ``--table`` prints what is there with 95 % t intervals.

Rows: novelty_ga, deep_ga, openai_es, random, at equal evaluations of 400 steps, with the network ``--network`` (66,170
weights by default; ``large`` is the published one). And dqn and a2c of stable-baselines3, with the same network before
their own heads, nine actions (each output -0.5, 0 or 0.5), reward at the end as in the problem, divided by 100: at
``--steps`` of the simulator, since they take far longer a step.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import qd
from benchmarks.learned_spaces_study import interval
from qd.policies import ConvNet
from qd.problems.deceptive_maze import GOAL, HIGH, LOW, START, WALLS

FILE = Path(__file__).parent / "results" / "image_maze.jsonl"
POCKET = -38.5  # no way of ending in the pocket pays more


def searches(sigma: float) -> dict[str, Any]:
    """The rows that are searches. Generations of 200 with 20 parents, as in the maze with sensors."""
    a = qd.algorithms
    return {
        "novelty_ga": a.NoveltyGA(population_size=200, parents=20, sigma=sigma, neighbors=10, archive_probability=0.1),
        "deep_ga": a.DeepGA(population_size=200, parents=20, sigma=sigma, validation_episodes=0),
        "openai_es": a.OpenAIES(population_size=20, sigma=0.1, learning_rate=0.1),
        "random": a.DeepGA(population_size=200, parents=0, validation_episodes=0),
    }


def search(row: str, network: str, evaluations: int, sigma: float, seed: int) -> dict[str, Any] | None:
    """One run of a search; None on a rank that is not the root."""
    maze = qd.problems.ImageMaze(network=network)
    problem = maze if row == "openai_es" else qd.problems.Decoded(maze)
    result = qd.run(qd.Experiment(problem, searches(sigma)[row], evaluations, seed=seed))
    if not result.root:
        return None
    return {
        "steps": 400 * evaluations, "best": result.best["objective"], "coverage": result.summary["coverage"],
        "minutes": result.summary["seconds"] / 60, "ranks": result.summary["ranks"], "digest": result.digest[:12],
    }  # fmt: skip


def environment(frames: int = 400) -> Any:
    """The maze as a gymnasium environment; it keeps where episodes ended."""
    import gymnasium

    from qd.problems._deceptive_maze_kernel import segments
    from qd.problems._image_maze_kernel import advance
    from qd.problems.image_maze import picture

    walls = segments(WALLS)

    class Maze(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
        action_space = gymnasium.spaces.Discrete(9)

        def __init__(self) -> None:
            self.ends: list[tuple[float, float]] = []

        def _see(self) -> None:
            self.seen[:-1] = self.seen[1:]
            self.seen[-1] = 255 * picture(tuple(self.pose[:3]))

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            super().reset(seed=seed)
            self.pose, self.step_number = np.array([*START, 0.0, 0.0]), 0
            self.seen = np.repeat((255 * picture(START)).astype(np.uint8)[None], 4, axis=0)
            return self.seen.copy(), {}

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            turn, drive = divmod(int(action), 3)
            advance(self.pose, 0.5 * (turn - 1), 0.5 * (drive - 1), walls)
            self._see()
            self.step_number += 1
            ended, reward = self.step_number == frames, 0.0
            if ended:
                reward = -float(np.hypot(self.pose[0] - GOAL[0], self.pose[1] - GOAL[1])) / 100
                self.ends.append((float(self.pose[0]), float(self.pose[1])))
            return self.seen.copy(), reward, ended, False, {}

    return Maze()


def learner(row: str, network: str, steps: int, seed: int) -> dict[str, Any]:
    """One run of DQN or A2C."""
    import stable_baselines3
    import torch
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

    torch.set_num_threads(1)
    net = ConvNet.named(network, 2)

    class Eyes(BaseFeaturesExtractor):
        """The network of the searches up to its last layer."""

        def __init__(self, space: Any) -> None:
            super().__init__(space, net.hidden[-1])
            layers: list[torch.nn.Module] = []
            for one in net.shapes():
                sight = torch.nn.Conv2d(one.channels, one.filters, one.kernel, one.stride)
                layers += [torch.nn.ZeroPad2d(one.padding), sight, torch.nn.ReLU()]
            layers.append(torch.nn.Flatten())
            for n_in, n_out in net.dense()[:-1]:
                layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
            self.layers = torch.nn.Sequential(*layers)

        def forward(self, seen: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = self.layers(seen)
            return made

    maze = environment()
    kind = getattr(stable_baselines3, row.upper())
    settings = {"buffer_size": 50_000, "learning_starts": 4_000} if row == "dqn" else {}
    shape = {"features_extractor_class": Eyes, "net_arch": []}
    model = kind("CnnPolicy", maze, seed=seed, policy_kwargs=shape, **settings)
    began = time.perf_counter()
    model.learn(steps)
    minutes = (time.perf_counter() - began) / 60
    ends = np.array(maze.ends)
    seen, _ = maze.reset()
    for _ in range(400):
        seen, paid, *_ = maze.step(model.predict(seen, deterministic=True)[0])
    cells = np.floor((ends - LOW) / (np.array(HIGH) - LOW) * 50).clip(0, 49) @ [50, 1]
    away = np.hypot(*(ends - GOAL).T)
    return {
        "steps": steps, "best": -float(away.min()), "coverage": len(np.unique(cells)) / 2500, "minutes": minutes,
        "last_episodes": -float(np.median(away[-50:])), "greedy": 100 * paid, "ranks": 1,
    }  # fmt: skip


def table(entries: list[dict[str, Any]]) -> str:
    """Markdown: a line a row, network and budget."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for entry in {(e["network"], e["steps"], e["row"], e["seed"]): e for e in entries}.values():
        groups[entry["network"], entry["row"], entry["steps"]].append(entry)
    heads = (
        "network",
        "row",
        "steps",
        "seeds",
        "at the goal",
        "out of the pocket",
        "best objective",
        "coverage",
        "min",
    )
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for (network, row, steps), runs in sorted(groups.items()):
        best = [r["best"] for r in runs]
        cells = [network, row, f"{steps:,}", str(len(runs)), str(sum(b > -10 for b in best)),
                 str(sum(b > POCKET for b in best)), f"{np.median(best):.1f} ({min(best):.1f} to {max(best):.1f})",
                 interval([r["coverage"] for r in runs]), f"{np.mean([r['minutes'] for r in runs]):.1f}"]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Runs of one row, or the table of all that ran."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", nargs="?", choices=("novelty_ga", "deep_ga", "openai_es", "random", "dqn", "a2c"))
    parser.add_argument("--evaluations", type=int, default=30_000)
    parser.add_argument("--steps", type=int, default=400_000, help="of dqn and a2c")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 1 to this")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--network", default="tiny", choices=("tiny", "small", "large"))
    parser.add_argument("--sigma", type=float, default=0.1, help="of mutation")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(table([json.loads(line) for line in FILE.read_text().splitlines()]))
        return
    if given.row is None:
        parser.error("name a row, or --table")
    for seed in range(given.first, given.seeds + 1):
        if given.row in ("dqn", "a2c"):
            found: dict[str, Any] | None = learner(given.row, given.network, given.steps, seed)
        else:
            found = search(given.row, given.network, given.evaluations, given.sigma, seed)
        if found is None:
            continue
        entry = {"row": given.row, "network": given.network, "seed": seed, "sigma": given.sigma, **found}
        FILE.parent.mkdir(exist_ok=True)
        with FILE.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main()
