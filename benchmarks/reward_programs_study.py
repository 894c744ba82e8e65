"""Programs as rewards on key-door grids: drawn at random, bred by genetic programming, with the critic and without.

``python -m benchmarks.reward_programs_study`` makes the runs that ``benchmarks/results/reward_programs.jsonl`` does not
hold, ``--table`` prints what it holds. Each run re-evaluates its five best programs with fresh seeds and tests the
winner's learners on 12 layouts that no search has seen. Kept are the area under the curve of true success there, the
success in the end, the objective that the search believed in, the share of evaluated programs that taught nothing (no
success in any learner), and the evaluation that first taught something. Programs begin as ramped trees or as sums of
weighted variables.

Arms are compared by Mann-Whitney tests over outer runs, corrected after Holm within a table. The first table asks what
the critic does, at equal evaluations of 3 layouts x 2 learners; the second has all arms; the others ask why breeding
gains what it gains or does not, with other layouts, more of them, and more evaluations.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import fields, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

import qd
from benchmarks.machine import describe
from benchmarks.result_rows import ResultRows, interval
from qd.algorithms import GeneticProgramming
from qd.experiment_file import load_experiment
from qd.learners import KeyDoor, TaskCritic
from qd.rewards import ProgramReward

Array = NDArray[np.float64]
TASK = KeyDoor()
# All but the variable that knows the way, of which the change alone is a reward that teaches.
FORM = ProgramReward(tuple(one for one in TASK.variables if one.name != "progress"), scale=0.1)
CRITIC = TaskCritic(TASK, FORM)
ALIVE = 0.01  # what no learner succeeds with stays below: earliness and coverage add 0.001001 at most
ROWS = ResultRows("reward_programs.jsonl", ("arm", "setting", "seed"))
SETTINGS = {  # name -> search layouts, learners on each, evaluations
    "3 x 2, 240": (3, 2, 240),
    "6 x 1, 240": (6, 1, 240),
    "12 x 2, 240": (12, 2, 240),
    "3 x 2, 960": (3, 2, 960),
    "12 x 2, 960": (12, 2, 960),
}
ELSEWHERE = (
    "random, critic", "GP, critic", "GP, critic, analyser", "random sums, critic", "GP from sums, critic, analyser"
)  # fmt: skip
BY_CRITIC = ("random", "random, critic", "GP", "GP, critic")  # a table of their own, and so a correction
TAUGHT: list[float] = []  # objectives of the search evaluations of the run that goes on


def watched(algorithm: Any) -> Any:
    """The same search, whose evaluations are kept for the share of programs that teach nothing."""

    def tell(self: Any, state: Any, request: qd.Request, evaluation: qd.Evaluation) -> None:
        TAUGHT.extend(evaluation.objective.tolist())
        type(algorithm).tell(self, state, request, evaluation)

    kind = type(type(algorithm).__name__, (type(algorithm),), {"tell": tell})
    return kind(**{field.name: getattr(algorithm, field.name) for field in fields(algorithm)})


def arms(evaluations: int) -> dict[str, Any]:
    """Name -> search. Random programs are one generation as large as the budget."""
    drawn = GeneticProgramming(evaluations, islands=1, tune_every=0, retries=1000, analyse=False)
    bred = GeneticProgramming(24, CRITIC)
    scripted: Any = load_experiment("reward_designer_scripted")[0].algorithm
    return {
        "random": drawn,
        "random, critic": replace(drawn, critic=CRITIC),
        "GP": GeneticProgramming(24, analyse=False),
        "GP, critic": replace(bred, analyse=False),
        "GP, critic, analyser": bred,
        "random sums, critic": replace(drawn, critic=CRITIC, initial="sums"),
        "GP from sums, critic": replace(bred, initial="sums", analyse=False),
        "GP from sums, critic, analyser": replace(bred, initial="sums"),
        "scripted designer, critic, analyser": scripted.algorithm,
    }


def outer_run(arm: str, setting: str, seed: int) -> dict[str, Any]:
    """One search, the choice among its best, and the test."""
    layouts, learners, evaluations = SETTINGS[setting]
    problem = qd.problems.EvolvedReward(TASK, FORM, layouts=layouts, seeds=learners)
    selected = qd.algorithms.Selected(watched(arms(evaluations)[arm]), percent=100, candidates=5)
    experiment = qd.Experiment(problem, selected, evaluations + selected.reserve(problem), seed=seed)
    TAUGHT.clear()
    summary = qd.run(experiment, progress=False).summary
    alive = np.array(TAUGHT) > ALIVE  # NaN, of what failed, is dead
    return {
        "arm": arm, "setting": setting, "seed": seed, "area": summary["metrics"]["area"],
        "success": summary["metrics"]["held_out_success"], "believed": float(np.nanmax(TAUGHT)),
        "selected": summary["metrics"]["select_objective"], "evaluations": len(TAUGHT),
        "dead": float(np.mean(~alive)), "first": int(alive.argmax()) + 1 if alive.any() else None,
    }  # fmt: skip


def holm(p: Array) -> Array:
    """(k,) p values corrected after Holm 1979."""
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1.0)
    return corrected


def compared(groups: dict[str, list[dict[str, Any]]], column: str) -> list[str]:
    """Mann-Whitney of all pairs of arms."""
    pairs = list(combinations(groups, 2))
    tests = [mannwhitneyu(*([run[column] for run in groups[name]] for name in pair)).pvalue for pair in pairs]
    corrected = holm(np.array(tests))
    return [f"{column}: {one} against {other}: p = {p:.2g}" for (one, other), p in zip(pairs, corrected, strict=True)]


def table(rows: list[dict[str, Any]], setting: str, chosen: tuple[str, ...] = ()) -> str:
    """Markdown of one setting, and the tests of the chosen arms; of all by default."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["setting"] == setting and (not chosen or row["arm"] in chosen):
            groups[row["arm"]].append(row)
    lines = [f"{setting}", "| arm | runs | area | success | believed | dead | first that teaches, median | none |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for arm, runs in groups.items():
        columns = [interval([run[name] for run in runs]) for name in ("area", "success", "believed", "dead")]
        first = np.median([run["first"] or np.inf for run in runs])
        never = sum(run["first"] is None for run in runs)
        lines.append(f"| {arm} | {len(runs)} | {' | '.join(columns)} | {first:g} | {never} |")
    return "\n".join([*lines, "", *compared(groups, "area"), *compared(groups, "dead")])


def main() -> int:
    """Make what is missing, or print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=60, help="half as many outside the first setting")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    if args.table:
        print(table(ROWS.read(), "3 x 2, 240", BY_CRITIC), "\n")
        for setting in SETTINGS:
            print(table(ROWS.read(), setting), "\n")
        return 0
    describe()
    for setting, (_, _, evaluations) in SETTINGS.items():
        chosen = [arm for arm in arms(evaluations) if setting == "3 x 2, 240" or arm in ELSEWHERE]
        for seed in range(1, (args.seeds if setting == "3 x 2, 240" else args.seeds // 2) + 1):
            for arm in chosen:
                if not ROWS.has(arm=arm, setting=setting, seed=seed):
                    ROWS.append(outer_run(arm, setting, seed))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
