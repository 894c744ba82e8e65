"""What a problem returned, checked against its contract and given statuses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request, Status
from qd.errors import ProblemError
from qd.space import Measures


def finalised(problem: Problem, request: Request, evaluation: Evaluation) -> Evaluation:
    """The evaluation with statuses set, reduced to the columns that the request asked for.

    NaN or inf in a row makes it FAILED, measures outside their declared bounds INVALID.
    Raises ProblemError for a wrong type, length or width: an error in the problem, not in one evaluation.
    """
    n = len(request)
    if not isinstance(evaluation, Evaluation):
        raise ProblemError(f"{problem.name}.evaluate returned {type(evaluation).__name__}, wanted a qd.Evaluation")
    if evaluation.objective.shape != (wanted := problem.objective_shape(n)):
        raise ProblemError(
            f"{problem.name}.evaluate: objective has shape {evaluation.objective.shape} for {n} solutions, "
            f"wanted {wanted}, as objectives = {problem.objectives} says"
        )
    width = problem.measure_space.size if problem.measure_space else evaluation.measures.shape[-1]
    if evaluation.measures.shape != (n, width):
        raise ProblemError(
            f"{problem.name}.evaluate: measures have shape {evaluation.measures.shape}, "
            f"wanted ({n}, {width}) as measure_space says"
        )
    if evaluation.status.shape != (n,):
        raise ProblemError(f"{problem.name}.evaluate: status has shape {evaluation.status.shape}, wanted ({n},)")
    columns = {}
    for name in request.columns:
        if name in problem.columns:
            if name not in evaluation.columns:
                raise ProblemError(f"{problem.name}.evaluate left out the column {name!r} that it declares")
            columns[name] = _rows(problem, f"columns[{name!r}]", evaluation.columns[name], n)
    evaluation.columns = columns
    evaluation.truth = {key: _rows(problem, f"truth[{key!r}]", v, n) for key, v in evaluation.truth.items()}
    evaluation.cost = {unit: np.broadcast_to(np.asarray(v, np.float64), (n,)) for unit, v in evaluation.cost.items()}
    _mark_unusable(evaluation, problem.measure_space)
    return evaluation


def _rows(problem: Problem, field: str, value: NDArray[np.generic], n: int) -> NDArray[np.generic]:
    array = np.asarray(value)
    if array.shape[:1] != (n,):
        raise ProblemError(f"{problem.name}.evaluate: {field} has shape {array.shape}, wanted ({n}, ...)")
    if array.dtype.hasobject:
        raise ProblemError(f"{problem.name}.evaluate: {field} holds Python objects; wanted an array of numbers or text")
    return array


def _mark_unusable(evaluation: Evaluation, space: Measures | None) -> None:
    """Set FAILED and INVALID where the numbers say so; blank out every row that is not OK."""
    objective, measures, status = evaluation.objective, evaluation.measures, evaluation.status
    if space is not None and space.uniform is not None and measures.size:
        usable = bool(measures.min() >= space.uniform[0] and measures.max() <= space.uniform[1])  # False for NaN
    elif space is not None:
        usable = bool(((measures >= space.low_array) & (measures <= space.high_array)).all())  # NaN is outside
    else:
        usable = True
    if space is None or not space.bounded:
        usable = usable and bool(np.isfinite(measures).all())
    if usable and np.isfinite(objective).all() and not status.any():
        return
    objective, measures, status = objective.copy(), measures.copy(), status.copy()
    finite = np.isfinite(objective.reshape(len(status), -1)).all(axis=1) & np.isfinite(measures).all(axis=1)
    broken = (status == Status.OK) & ~finite
    for row in np.flatnonzero(broken):
        values = f"objective {objective[row]}, measures {measures[row].tolist()}"
        evaluation.reasons.setdefault(int(row), f"not finite: {values}")
    status[broken] = Status.FAILED
    if space is not None:
        with np.errstate(invalid="ignore"):
            outside = (status == Status.OK) & ~((measures >= space.low) & (measures <= space.high)).all(axis=1)
        for row in np.flatnonzero(outside):
            bounds = ", ".join(
                f"{n} in {a:g}..{b:g}" for n, a, b in zip(space.names, space.low, space.high, strict=True)
            )
            reason = f"measures {measures[row].tolist()} outside the declared {bounds}: widen measure_space, or clip"
            evaluation.reasons.setdefault(int(row), reason)
        status[outside] = Status.INVALID
    lost = status != Status.OK
    objective[lost] = np.nan
    measures[lost] = np.nan
    for row in np.flatnonzero(lost):
        evaluation.reasons.setdefault(int(row), "the problem says so")
    evaluation.objective, evaluation.measures, evaluation.status = objective, measures, status


def lost_row(problem: Problem, status: Status, reason: str) -> Evaluation:
    """The evaluation of one row that came to nothing."""
    width = problem.measure_space.size if problem.measure_space else 0
    blank = np.full(problem.objective_shape(1), np.nan)
    return Evaluation(blank, np.full((1, width), np.nan), np.array([status], np.int8), reasons={0: reason})
