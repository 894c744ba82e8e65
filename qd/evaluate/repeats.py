"""Repeats of noisy evaluations: a row evaluated r times is r rows with derived seeds, then their mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qd.contracts import REPEAT_COLUMNS, REPEATS, Evaluation, Request, Status
from qd.rng import derived_seeds


def expanded(request: Request, seeds: NDArray[np.uint64]) -> tuple[Request, NDArray[np.uint64]]:
    """The request with each row standing ``repeats`` times in a row, and (n * r,) seeds."""
    r = request.repeats
    if r == 1:
        return request, seeds
    n = len(request)
    index = np.repeat(np.arange(n), r)
    solutions = request.solutions[index]
    fidelity = {
        key: value[index] if isinstance(value, np.ndarray) and value.shape[:1] == (n,) else value
        for key, value in request.fidelity.items()
        if key != REPEATS
    }
    columns = tuple(column for column in request.columns if column not in REPEAT_COLUMNS)
    whole = replace(
        request,
        solutions=solutions,
        parents=None,
        operators="",
        emitter=None,
        fidelity=fidelity,
        draws=request.draw_numbers[index],
        columns=columns,
    )
    return whole, np.stack([derived_seeds(seeds, k) for k in range(r)], axis=1).reshape(-1)  # (n * r,)


def averaged(request: Request, evaluation: Evaluation) -> Evaluation:
    """Mean objective and measures over the repeats of each row.

    A row with a failed repeat takes that repeat's status: leaving crashes out would flatter it. The columns
    ``objective_spread`` (standard deviation, ddof 1) and ``repeat_count`` (repeats that were OK) are kept where the
    request asks; other columns and truth keep the first repeat's value; cost is summed.
    """
    r = request.repeats
    if r == 1:
        if any(column in REPEAT_COLUMNS for column in request.columns):
            evaluation.columns["objective_spread"] = np.zeros(len(evaluation))
            evaluation.columns["repeat_count"] = np.asarray(evaluation.ok, np.int64)
        return evaluation
    objective = evaluation.objective.reshape(-1, r, *evaluation.objective.shape[1:])  # (n, r) or (n, r, k)
    status = evaluation.status.reshape(-1, r)
    columns = {key: value[::r] for key, value in evaluation.columns.items()}
    columns["objective_spread"] = objective.std(axis=1, ddof=1)
    columns["repeat_count"] = (status == Status.OK).sum(axis=1)
    reasons: dict[int, str] = {}
    for row, reason in sorted(evaluation.reasons.items()):
        reasons.setdefault(row // r, f"repeat {row % r}: {reason}")
    measures = evaluation.measures
    first_bad = (status != Status.OK).argmax(axis=1)  # 0 where all are OK
    return Evaluation(
        objective.mean(axis=1),
        measures.reshape(len(objective), r, measures.shape[1]).mean(axis=1),
        status[np.arange(len(status)), first_bad],
        columns={key: value for key, value in columns.items() if key in request.columns},
        cost={unit: value.reshape(-1, r).sum(axis=1) for unit, value in evaluation.cost.items()},
        truth={key: value[::r] for key, value in evaluation.truth.items()},
        reasons=reasons,
    )
