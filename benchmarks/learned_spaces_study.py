"""Searches with and without learned behaviour spaces where rewards are sparse: who covers, who finds, who reaches.

One row a command, at equal evaluations, for problems hard_maze, curling and redundant_arm:

``mpiexec -n 2 python benchmarks/learned_spaces_study.py redundant_arm stax --evaluations 50000 --seeds 3``

Rows: random, novelty_search, nsga2 (novelty and reward), map_elites, serene_faithful, serene: these know the true
measures, random aside, which needs none; taxons, stax_faithful, stax, untrained: these see pictures. Each run appends a
line to ``benchmarks/results/learned_spaces.jsonl``; ``--table`` prints what is there: means with 95 % t intervals over
seeds, and for each reward area in how many seeds it was reached (0.95 of the top reward) and the median evaluations,
unreached runs counted at the budget.

Coverage is that of the true 50 x 50 grid, by all evaluations and by exploration alone, whatever the search itself saw.
The faithful rows keep the published settings, but for training epochs, which are capped (``--epochs``).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import qd

FILE = Path(__file__).parent / "results" / "learned_spaces.jsonl"
PROBLEMS = {"hard_maze": "HardMaze", "curling": "Curling", "redundant_arm": "RedundantArm"}


def searches(epochs: int) -> dict[str, qd.Algorithm]:
    """The rows of the table."""
    a, b = qd.algorithms, qd.behavior
    ours = a.EmitterSettings(target=0.99)
    return {
        "random": a.RandomSearch(batch_size=200),
        "novelty_search": a.NoveltySearch(),
        "nsga2": a.NoveltySearch(survival="pareto"),
        "map_elites": a.MapElites(batch_size=100, operator="gaussian"),
        "serene_faithful": a.SERENE.faithful(),
        "serene": a.SERENE(emitters=ours),
        "taxons": a.TAXONS(),
        "untrained": a.STAX(encoder=b.RandomEncoder(), selection="novelty", emitters=ours),
        "stax_faithful": a.STAX.faithful(encoder=b.Autoencoder.stax(epochs=epochs)),
        "stax": a.STAX(emitters=ours),
    }


def run(problem: str, row: str, evaluations: int, seed: int, epochs: int) -> None:
    """One run, and its line."""
    task = getattr(qd.problems, PROBLEMS[problem])()
    result = qd.run(qd.Experiment(task, searches(epochs)[row], evaluations, seed=seed))
    if not result.root:
        return
    found = result.summary["discovery"]
    entry = {
        "problem": problem, "row": row, "evaluations": evaluations, "seed": seed,
        "minutes": result.summary["seconds"] / 60, "ranks": result.summary["ranks"], "digest": result.digest[:12],
        **({"epochs": epochs} if row == "stax_faithful" else {}),
        **found,
    }  # fmt: skip
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("a") as file:
        file.write(json.dumps(entry) + "\n")
    areas = ", ".join(f"{area['name']} {area['best']:.2f} ({area['reached_after']})" for area in found["reward_areas"])
    print(f"{problem} {row} seed {seed}: exploration {found['coverage_exploration']:.3f}, {areas}, "
          f"{entry['minutes']:.1f} min", flush=True)  # fmt: skip


def interval(values: list[float]) -> str:
    """Mean and half the 95 % t interval."""
    from scipy import stats

    x = np.asarray(values)
    if len(x) < 2:
        return f"{x.mean():.3f}"
    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return f"{x.mean():.3f} ± {half:.3f}"


def table(entries: list[dict[str, Any]]) -> str:
    """Markdown, a table a problem and budget."""
    groups: dict[tuple[str, int], dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for entry in {(e["problem"], e["evaluations"], e["row"], e["seed"]): e for e in entries}.values():
        groups[entry["problem"], entry["evaluations"]][entry["row"]].append(entry)
    lines = []
    for (problem, evaluations), rows in sorted(groups.items()):
        areas = [area["name"] for area in next(iter(rows.values()))[0]["reward_areas"]]
        lines += ["", f"{problem}, {evaluations:,} evaluations", ""]
        heads = ["search", "seeds", "coverage", "by exploration", *(f"{name}: best, reached" for name in areas), "min"]
        lines += ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
        for row in searches(1):
            runs = rows.get(row)
            if not runs:
                continue
            cells = [row, str(len(runs)), interval([r["coverage_all"] for r in runs]),
                     interval([r["coverage_exploration"] for r in runs])]  # fmt: skip
            for index in range(len(areas)):
                best = np.mean([r["reward_areas"][index]["best"] for r in runs])
                after = [r["reward_areas"][index]["reached_after"] for r in runs]
                count = sum(x is not None for x in after)
                median = int(np.median([evaluations if x is None else x for x in after]))
                when = f"{count}/{len(runs)}" + (f" at {median:,}" if count else "")
                cells.append(f"{best:.2f}, {when}")
            cells.append(f"{np.mean([r['minutes'] for r in runs]):.1f}")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines[1:])


def main() -> None:
    """Runs of one row, or the table of all that ran."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem", nargs="?", choices=PROBLEMS)
    parser.add_argument("row", nargs="?", choices=searches(1))
    parser.add_argument("--evaluations", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=3, help="seeds 1 to this")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--epochs", type=int, default=10, help="cap of training epochs in the faithful row")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(table([json.loads(line) for line in FILE.read_text().splitlines()]))
        return
    if given.problem is None or given.row is None:
        parser.error("name a problem and a row, or --table")
    for seed in range(given.first, given.seeds + 1):
        run(given.problem, given.row, given.evaluations, seed, given.epochs)


if __name__ == "__main__":
    main()
