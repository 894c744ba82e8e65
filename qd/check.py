"""Tell the author of a problem what is wrong with it."""

from __future__ import annotations

import random
import traceback

import numpy as np

from qd.contracts import Evaluation, Problem, Request, numbered
from qd.errors import QDError
from qd.evaluate.finalise import finalised
from qd.ragged import Ragged
from qd.rng import generator, row_seeds


def check_problem(problem: Problem, n: int = 16, seed: int = 0) -> list[str]:
    """What is wrong with a problem, one sentence a finding; an empty list when nothing was found.

    Evaluates about ``6 n`` random solutions and looks at shapes, finiteness, declared bounds, columns and costs;
    whether the same seeds give the same result, rows depend on the rows beside them, the inputs are left alone,
    and any randomness but the seeds is used.

    >>> import qd
    >>> check_problem(qd.problem(lambda x: x.sum(), low=0, high=1, length=3))
    []
    """
    if not isinstance(problem, Problem):
        return [f"{type(problem).__name__} is not a qd.Problem: subclass it, or use qd.problem(function, ...)"]
    findings: list[str] = []
    try:
        roles = [""] if not isinstance(problem.solution_space, dict) else list(problem.solution_space)
    except AttributeError:
        return [f"{problem.name}.solution_space is not set: give it a Space, e.g. qd.Box(-1, 1, 10)"]
    for role in roles:
        findings += _check_role(problem, role, n, seed)
    return list(dict.fromkeys(findings))


def _check_role(problem: Problem, role: str, n: int, seed: int) -> list[str]:
    try:
        space = problem.space(role)
        solutions = space.check(space.sample(n, generator(seed, "check")))
    except Exception as error:
        return [f"solution_space{f'[{role!r}]' if role else ''}: sampling fails: {error}"]
    if space.valid(solutions) is not None:
        return [f"{space!r} samples solutions that it calls invalid itself"]
    columns = tuple(problem.columns)
    request = numbered(Request(solutions, role=role, columns=columns), 0, 0, problem)
    seeds = row_seeds(seed, request.draw_numbers)
    copy = _copied(solutions)
    states = np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]
    try:
        whole = problem.evaluate(request, seeds)
        again = problem.evaluate(request, seeds)
    except Exception:
        return ["evaluate raises:\n" + traceback.format_exc().rstrip()]
    findings = []
    if not _same(solutions, copy):
        findings.append("evaluate changes request.solutions: work on a copy")
    if not np.array_equal(states[0], np.random.get_state()[1]) or states[1] != random.getstate():  # type: ignore[index]
        findings.append("evaluate uses numpy's or Python's global random state: use qd.rng.row_generator(seed) a row")
    try:
        for evaluation in (whole, again):
            finalised(problem, request, evaluation)
    except QDError as error:
        return [*findings, str(error)]
    lost = np.flatnonzero(~whole.ok)
    if len(lost):
        findings.append(f"{len(lost)} of {n} random solutions are not ok, e.g. {whole.reasons.get(int(lost[0]))}")
    if not _equal(whole, again):
        findings.append("two evaluations with the same seeds differ: there is randomness besides the seeds")
        return findings
    for unit, bound in problem.costs.items():
        if unit not in whole.cost:
            findings.append(f"costs declares {unit!r}, but the evaluation's cost has no such unit")
        elif (whole.cost[unit] > bound).any():
            findings.append(f"cost {unit!r} goes up to {whole.cost[unit].max():g}, costs declares at most {bound:g}")
    return findings + _check_rows(problem, request, seeds, whole)


def _check_rows(problem: Problem, request: Request, seeds: np.ndarray, whole: Evaluation) -> list[str]:
    """Rows by themselves, and in reverse order, against rows in the batch."""
    n = len(request)
    order = np.arange(n)[::-1]
    turned = numbered(Request(request.solutions[order], role=request.role, columns=request.columns), 0, 0, problem)
    backwards = finalised(problem, turned, problem.evaluate(turned, seeds[order]))
    exact = problem.batching == "rows"
    findings = []
    if not _close(whole.objective, backwards.objective[order], exact):
        findings.append("a row's result depends on its place in the batch: state is carried from row to row")
        return findings
    for row in range(min(n, 4)):
        one = request.rows(row, row + 1)
        alone = finalised(problem, one, problem.evaluate(one, seeds[row : row + 1]))
        if not _close(whole.objective[row : row + 1], alone.objective, exact):
            findings.append(
                f"row {row} gives {whole.objective[row]!r} in a batch and {alone.objective[0]!r} alone: "
                + ('set batching = "chunks" or "padded"' if exact and _close(
                    whole.objective[row : row + 1], alone.objective, False) else "rows must not depend on each other")
            )  # fmt: skip
            break
    return findings


def _close(a: np.ndarray, b: np.ndarray, exact: bool) -> bool:
    return np.array_equal(a, b, equal_nan=True) if exact else np.allclose(a, b, rtol=1e-6, equal_nan=True)


def _equal(a: Evaluation, b: Evaluation) -> bool:
    return (
        np.array_equal(a.objective, b.objective, equal_nan=True)
        and np.array_equal(a.measures, b.measures, equal_nan=True)
        and np.array_equal(a.status, b.status)
    )


def _copied(solutions: np.ndarray | Ragged) -> np.ndarray | Ragged:
    if isinstance(solutions, Ragged):
        return Ragged(solutions.values.copy(), solutions.offsets.copy())
    return solutions.copy()


def _same(a: np.ndarray | Ragged, b: np.ndarray | Ragged) -> bool:
    return a == b if isinstance(a, Ragged) else np.array_equal(a, np.asarray(b))
