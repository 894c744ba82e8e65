"""Where the time of a STAX run goes: simulation, pictures, encoding, training, archives, emitters and the rest.

``python benchmarks/stax_shares.py 10000``: the redundant arm with the default settings, one process, one thread. A
call's time counts for the innermost of the parts that it is in. The pictures' share is the difference that asking for
them makes, measured apart on random solutions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

import qd
from benchmarks.machine import describe

PARTS: dict[str, float] = {}
STACK: list[list[float]] = []  # [time of inner parts] of the calls that are open


def timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, its own time added to a part."""

    def run(*args: Any, **settings: Any) -> Any:
        STACK.append([0.0])
        begin = perf_counter()
        try:
            return call(*args, **settings)
        finally:
            took = perf_counter() - begin
            PARTS[name] = PARTS.get(name, 0.0) + took - STACK.pop()[0]
            if STACK:
                STACK[-1][0] += took

    return run


def pictures_share(problem: qd.Problem) -> float:
    """The share of an evaluation with pictures that goes into drawing them."""
    solutions = problem.space().sample(400, qd.rng.generator(1, "benchmark"))
    times: dict[tuple[str, ...], list[float]] = {(): [], ("images",): []}
    for _ in range(9):
        for columns, took in times.items():
            begin = perf_counter()
            problem.evaluate(qd.Request(solutions, columns=columns), np.zeros(400, np.uint64))
            took.append(perf_counter() - begin)
    plain, drawn = (float(np.median(took)) for took in times.values())
    return max(0.0, 1.0 - plain / drawn)


def main(evaluations: int) -> None:
    """One run, and its table."""
    import archives
    import archives.neighbors
    from qd.algorithms import _described, _emitters
    from qd.algorithms.serene import SERENE

    describe("torch")
    problem = qd.problems.RedundantArm()
    problem.prepare()
    search = qd.algorithms.STAX(emitters=qd.algorithms.EmitterSettings(target=0.99))
    qd.run(qd.Experiment(problem, search, 1_500, seed=2), progress=False)  # loads torch and what is compiled
    share = pictures_share(problem)
    places = (
        ("simulation and pictures", qd.problems.RedundantArm, "evaluate"),
        ("encoding", _described, "describe"),
        ("training", _described, "train"),
        ("archives and novelty", archives.NoveltyArchive, "append"),
        ("archives and novelty", archives.NoveltyArchive, "re_encode"),
        ("archives and novelty", archives.RewardArchive, "add"),
        ("archives and novelty", archives.neighbors, "novelty"),
        ("emitters", _emitters, "ask"),
        ("emitters", _emitters, "tell"),
        ("rest of the search", SERENE, "ask"),
        ("rest of the search", SERENE, "tell"),
    )
    for name, owner, attribute in places:
        setattr(owner, attribute, timed(name, getattr(owner, attribute)))
    result = qd.run(qd.Experiment(problem, search, evaluations, seed=1), progress=False)
    total = result.summary["seconds"]
    both = PARTS.pop("simulation and pictures")
    found = {"simulation": both * (1 - share), "pictures": both * share, **PARTS}
    found["loop and recorder"] = total - sum(found.values())
    print(f"{evaluations} evaluations in {total:.0f} s, {result.summary['metrics']['trainings']} trainings")
    print("| part | share | ms an evaluation |\n|---|---|---|")
    for name, took in sorted(found.items(), key=lambda entry: -entry[1]):
        print(f"| {name} | {100 * took / total:.1f} % | {1000 * took / evaluations:.3f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
