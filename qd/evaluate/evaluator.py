"""The contract of an evaluator: requests are started, and finished in the order in which they were started."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.evaluate.cells import gathered, split
from qd.evaluate.repeats import averaged, expanded


class Evaluator(ABC):
    """Where fitness runs. The numbers that come out do not depend on which evaluator it is.

    Attributes:
        ranks: how many processes share the work.
        description: one line for the log.
        traffic: bytes of the messages that the last finished request cost: (sent to other ranks, received from them).
    """

    ranks: int = 1
    description: str = ""
    traffic: tuple[int, int] = (0, 0)

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._started: deque[tuple[Request, Request, Any]] = deque()

    def start(self, request: Request, seeds: NDArray[np.uint64]) -> None:
        """Hand over a numbered request with its (n,) row seeds; ``finish`` gives the evaluation."""
        repeated, each = expanded(request, seeds)
        self._started.append((request, repeated, self._begin(*split(self.problem, repeated, each))))

    def finish(self) -> Evaluation:
        """The evaluation of the oldest request that was started and not yet finished."""
        request, repeated, ticket = self._started.popleft()
        return averaged(request, gathered(self.problem, repeated, self._end(ticket)))

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        """Start and finish in one."""
        self.start(request, seeds)
        return self.finish()

    @abstractmethod
    def _begin(self, request: Request, seeds: NDArray[np.uint64]) -> Any:
        """Take in a request; returns a ticket for ``_end``."""

    @abstractmethod
    def _end(self, ticket: Any) -> Evaluation:
        """The evaluation of a ticket; tickets end in the order in which they began."""

    def close(self) -> None:
        """Let go of threads, children and ranks."""
