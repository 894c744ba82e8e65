"""A row of a run evaluated once more, in the very episode that it was evaluated in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Request
from qd.errors import QDError
from qd.evaluate.connect import evaluate_batch
from qd.experiment import Experiment
from qd.ragged import Ragged, Solutions
from qd.rng import row_seeds
from qd.space import Space
from qd.store.history import History


@dataclass(frozen=True)
class Again:
    """What came of it, beside what was stored.

    Args:
        evaluation: of now, one row.
        objective, measures: stored, arrays; the measures are None where none are known.
        doubts: why a difference would mean nothing, where there is a reason.
    """

    evaluation: Evaluation
    objective: NDArray[np.float64]
    measures: NDArray[np.float64] | None
    doubts: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """To the bit: the objective, and the measures where they are known."""
        now = self.evaluation
        if not np.array_equal(np.atleast_1d(now.objective[0]), np.atleast_1d(self.objective), equal_nan=True):
            return False
        return self.measures is None or np.array_equal(now.measures[0], self.measures, equal_nan=True)


def seed_of(experiment: Experiment | None, history: History | None, number: int) -> int:
    """The seed that an evaluation had; 0 where seeds are not read, or its number is not known."""
    if experiment is None or experiment.problem.deterministic or number < 0:
        return 0
    return int(row_seeds(experiment.seed, np.array([draw_of(history, number)], np.uint64))[0])


def draw_of(history: History | None, number: int) -> int:
    """What an evaluation's seed was hashed from: its own number, unless the search asked for another."""
    return int(history.draw[number]) if history is not None and 0 <= number < len(history) else max(number, 0)


def evaluated_again(
    experiment: Experiment,
    history: History | None,
    elite: Mapping[str, Any],
    context: Mapping[str, NDArray[Any]] | None = None,
) -> Again:
    """Evaluate an elite as it was evaluated.

    Args:
        experiment: of the run. history: of the run, or None.
        elite: ``solution``, ``objective``, ``id`` and, where there are any, ``measures``.
        context: arrays that the search gave its requests, as far as they are known.
    """
    solution, number = elite["solution"], int(elite.get("id", -1))
    doubts = []
    role, purpose = "", "search"
    fidelity: dict[str, Any] = {}
    if history is not None and 0 <= number < len(history):
        role, purpose, written = history.setting_of(number)
        fidelity = json.loads(written) if written else {}
        for name in [name for name, value in fidelity.items() if value == "per row"]:
            del fidelity[name]
            doubts.append(f"its fidelity {name!r} was its own, and is not recorded")
    if context:
        doubts.append("its problem reads what the search learned, which may have changed since it was evaluated")
    batch = batch_of_one(experiment.problem.space(role), solution)
    request = Request(batch, purpose=purpose,  # type: ignore[arg-type]
                      role=role, fidelity=fidelity, context=dict(context or {}),
                      draws=np.array([draw_of(history, number)], np.uint64))  # fmt: skip
    now = evaluate_batch(experiment.problem, request, experiment.seed, first=max(number, 0))
    objective, measures = np.atleast_1d(np.asarray(elite["objective"], np.float64)), elite.get("measures")
    kept = None if measures is None else np.atleast_1d(np.asarray(measures, np.float64))
    if kept is not None and kept.shape != now.measures[0].shape:  # a learned space: compare what the problem measured
        inside = history is not None and 0 <= number < len(history)
        kept = history.measures[number] if history is not None and inside else None
        if kept is not None and kept.shape != now.measures[0].shape:
            kept = None
    if history is not None and 0 <= number < len(history):
        told = np.atleast_1d(history.objective[number])
        if not np.array_equal(told, objective):
            doubts.append("the archive holds another objective than its evaluation gave: a mean of several, or altered")
    return Again(now, objective, kept, tuple(doubts))


def batch_of_one(space: Space, solution: NDArray[Any]) -> Solutions:
    """A solution as the space takes it: a batch of one row, ragged where lengths differ."""
    try:
        return space.check(np.asarray(solution)[None])
    except QDError:
        return space.check(Ragged.from_rows([solution], space.dtype))


__all__ = ["Again", "batch_of_one", "draw_of", "evaluated_again", "seed_of"]
