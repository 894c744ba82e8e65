"""Games of the Atari 2600 at a thousandth of the published budget: Deep GA against random search, at equal frames.

``python benchmarks/atari_study.py frostbite deep_ga --seeds 3`` runs a row: a million frames a run by default, counting
those of training and of validation. The elite with the best validation mean then plays fresh episodes, which do not
count. Each run appends a line to ``benchmarks/results/atari.jsonl``; ``--table`` prints what is there with 95 % t
intervals over seeds. Network, population and validation are smaller than the published ones, see ``--network``; with
theirs a million frames would not be one generation.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import qd
from benchmarks.learned_spaces_study import interval
from qd.ragged import Ragged
from qd.rng import row_seeds

FILE = Path(__file__).parent / "results" / "atari.jsonl"
GENERATIONS = (20, 5, 2, 2)  # children, parents, validated, episodes each
_RUN = ("game", "network", "row", "asked", "sigma")  # what runs of one line have in common
TESTS = 20  # fresh episodes of the elite


def run(game: str, row: str, network: str, frames: int, sigma: float, seed: int) -> dict[str, Any] | None:
    """One run and the elite's test; None on a rank that is not the root."""
    problem = qd.problems.Decoded(qd.problems.Atari(game, network=network))
    children, parents, validated, episodes = GENERATIONS
    search = qd.algorithms.DeepGA(
        population_size=children, parents=parents if row == "deep_ga" else 0, sigma=sigma, validated=validated,
        validation_episodes=episodes,
    )  # fmt: skip
    result = qd.run(qd.Experiment(problem, search, {"frames": frames}, seed=seed))
    if not result.root:
        return None
    words = result.populations["champion"]
    elite = Ragged(np.tile(words, TESTS), np.arange(TESTS + 1) * len(words))
    seeds = row_seeds(seed, np.arange(2**32, 2**32 + TESTS, dtype=np.uint64))  # draws that no run comes to
    test = problem.evaluate(qd.Request(elite), seeds)
    s = result.summary
    return {
        "frames": s["cost"]["frames"], "evaluations": s["evaluations"], "generations": s["generations"],
        "validated": s["metrics"]["champion"], "test": float(test.objective.mean()), "best": result.best["objective"],
        "mutations": len(words) // 2 - 1, "minutes": s["seconds"] / 60, "ranks": s["ranks"],
        "digest": result.digest[:12],
    }  # fmt: skip


def table(entries: list[dict[str, Any]]) -> str:
    """Markdown: a line a game, network and row."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for entry in {(*(e[key] for key in _RUN), e["seed"]): e for e in entries}.values():
        groups[tuple(entry[key] for key in _RUN)].append(entry)
    heads = ("game", "network", "row", "seeds", "frames", "evaluations", "test mean of elite", "best episode", "min")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for (game, network, row, *_), runs in sorted(groups.items()):
        cells = [game, network, row, str(len(runs)), f"{np.mean([r['frames'] for r in runs]):,.0f}",
                 f"{np.mean([r['evaluations'] for r in runs]):,.0f}", interval([r["test"] for r in runs]),
                 interval([r["best"] for r in runs]), f"{np.mean([r['minutes'] for r in runs]):.1f}"]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Runs of one row, or the table of all that ran."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("game", nargs="?", help="as ale-py names it")
    parser.add_argument("row", nargs="?", choices=("deep_ga", "random"))
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seeds", type=int, default=3, help="seeds 1 to this")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--network", default="tiny", choices=("tiny", "small", "large"))
    parser.add_argument("--sigma", type=float, default=0.01, help="of mutation")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(table([json.loads(line) for line in FILE.read_text().splitlines()]))
        return
    if given.game is None or given.row is None:
        parser.error("name a game and a row, or --table")
    for seed in range(given.first, given.seeds + 1):
        found = run(given.game, given.row, given.network, given.frames, given.sigma, seed)
        if found is None:
            continue
        entry = {"game": given.game, "row": given.row, "network": given.network, "seed": seed, "sigma": given.sigma,
                 "asked": given.frames, **found}  # fmt: skip
        FILE.parent.mkdir(exist_ok=True)
        with FILE.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main()
