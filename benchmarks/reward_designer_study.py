"""Can a model of 135 million parameters design rewards? Against as many drawn at random, bred, and written by rule.

``python -m benchmarks.reward_designer_study`` makes the runs that ``benchmarks/results/reward_designer.jsonl`` does not
hold, ``--table`` prints what it holds. Key-door grids of 9 x 9 cells, 40 evaluations of 3 layouts x 2 learners, the
five best re-evaluated, the winner tested on 12 unseen layouts. All arms begin with sums of weighted variables that the
critic lets pass; the random arm draws 40 of them. Areas are compared by Mann-Whitney tests, corrected after Holm.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

import qd
from benchmarks.machine import describe
from benchmarks.result_rows import ResultRows, interval
from benchmarks.reward_programs_study import CRITIC, compared
from qd.experiment_file import load_experiment

ROWS = ResultRows("reward_designer.jsonl", ("arm", "seed"))
EVALUATIONS = 40


def arms() -> dict[str, Any]:
    """Name -> search."""
    model: Any = load_experiment("reward_designer_key_door")[0].algorithm
    scripted: Any = load_experiment("reward_designer_scripted")[0].algorithm
    designer = replace(model.algorithm, feedback="")
    return {
        "random sums": replace(scripted.algorithm, first=EVALUATIONS),
        "genetic programming from sums": qd.algorithms.GeneticProgramming(24, CRITIC, initial="sums"),
        "scripted designer": scripted.algorithm,
        "SmolLM2": designer,
    }


def outer_run(arm: str, seed: int) -> dict[str, Any]:
    """One search, the choice among its best, and the test."""
    problem = load_experiment("reward_designer_scripted")[0].problem
    selected = qd.algorithms.Selected(arms()[arm], percent=100, candidates=5)
    budget = EVALUATIONS + selected.reserve(problem)
    begin = time.perf_counter()
    summary = qd.run(qd.Experiment(problem, selected, budget, seed=seed), progress=False).summary
    metrics = summary["metrics"]
    kept = {
        name: metrics[name]
        for name in ("refused", "repaired", "dropped", "repeats", "writer_tokens")
        if name in metrics
    }
    return {
        "arm": arm, "seed": seed, "area": metrics["area"], "success": metrics["held_out_success"],
        "believed": metrics["population_best"], "evaluations": summary["evaluations"],
        "minutes": (time.perf_counter() - begin) / 60, **kept,
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, and the tests."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["arm"]].append(row)
    lines = ["| arm | runs | area | success | believed | dropped | tokens |", "|---|---|---|---|---|---|---|"]
    for arm, runs in groups.items():
        columns = [interval([run[name] for run in runs]) for name in ("area", "success", "believed")]
        more = [f"{np.mean([run.get(name, 0) for run in runs]):.3g}" for name in ("dropped", "writer_tokens")]
        lines.append(f"| {arm} | {len(runs)} | {' | '.join(columns)} | {' | '.join(more)} |")
    return "\n".join([*lines, "", *compared(groups, "area")])


def main() -> int:
    """Make what is missing, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30, help="of the arms without a model")
    parser.add_argument("--model-seeds", type=int, default=7)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    if args.table:
        print(table(ROWS.read()))
        return 0
    describe()
    for arm in arms():
        for seed in range(1, (args.model_seeds if arm.startswith("SmolLM2") else args.seeds) + 1):
            if not ROWS.has(arm=arm, seed=seed):
                ROWS.append(outer_run(arm, seed))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
