"""A bare loop that hands back a search's state, for tests that look inside."""

from __future__ import annotations

from typing import Any

import qd


def drive(problem: qd.Problem, algorithm: qd.Algorithm, evaluations: int, seed: int = 0) -> Any:
    """The state after so many evaluations; requests are not cut, so it may take in a few more."""
    state: Any = algorithm.init(problem, seed)
    done = number = 0
    while (request := algorithm.ask(state, max(0, evaluations - done))) is not None:
        evaluation = qd.evaluate_batch(problem, request, seed, first=done, number=number)
        evaluation.truth = {}
        algorithm.tell(state, request, evaluation)
        done += len(request) * request.repeats
        number += 1
    return state
