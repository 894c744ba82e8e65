"""Rows whose evaluation falls into cells that need nothing of each other: split before they run, averaged after."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qd.contracts import CELL, Evaluation, Problem, Request, Status


def split(problem: Problem, request: Request, seeds: NDArray[np.uint64]) -> tuple[Request, NDArray[np.uint64]]:
    """The request with a row for each cell of each row, a row's cells together, and (n * k,) the rows' own seeds."""
    k = problem.cells_of(request)
    if k == 1:
        return request, seeds
    n = len(request)
    index = np.repeat(np.arange(n), k)
    fidelity = {
        key: value[index] if isinstance(value, np.ndarray) and value.shape[:1] == (n,) else value
        for key, value in request.fidelity.items()
    }
    whole = replace(
        request,
        solutions=request.solutions[index],
        parents=None,
        operators="",
        emitter=None,
        fidelity={**fidelity, CELL: np.tile(np.arange(k), n)},
        draws=request.draw_numbers[index],
    )
    return whole, seeds[index]


def gathered(problem: Problem, request: Request, evaluation: Evaluation) -> Evaluation:
    """The evaluation of the rows, from that of their cells. A row with a cell that failed takes that one's status."""
    k = problem.cells_of(request)
    if k == 1:
        return evaluation
    n = len(request)
    status = evaluation.status.reshape(n, k)
    first_bad = (status != Status.OK).argmax(axis=1)  # 0 where all are OK
    reasons: dict[int, str] = {}
    for row, reason in sorted(evaluation.reasons.items()):
        whole = f"cell {row % k}: {reason}" if (status[row // k] == Status.OK).any() else reason
        reasons.setdefault(row // k, whole)
    return Evaluation(
        evaluation.objective.reshape(n, k, *evaluation.objective.shape[1:]).mean(axis=1),
        evaluation.measures.reshape(n, k, evaluation.measures.shape[1]).mean(axis=1),
        status[np.arange(n), first_bad],
        columns=problem.gather({name: c.reshape(n, k, *c.shape[1:]) for name, c in evaluation.columns.items()}),
        cost={unit: value.reshape(n, k).sum(axis=1) for unit, value in evaluation.cost.items()},
        truth={name: value.reshape(n, k, *value.shape[1:])[:, 0] for name, value in evaluation.truth.items()},
        reasons=reasons,
    )
