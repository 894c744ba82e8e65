"""Requests that are asked and not told yet: evaluated in order, and in parts where the budget does not bear all rows.

A request may cost far less than its worst case. Where the budget does not bear the worst case of all rows, as many run
as it does bear, and what those save pays for more, so that generations stay whole and the cap stays hard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.budget import Budget
from qd.contracts import Evaluation, Request
from qd.evaluate import Evaluator
from qd.evaluate.chunks import joined
from qd.evaluate.wire import request_tree


@dataclass(frozen=True)
class Part:
    """The rows of a request that run now.

    Attributes:
        start, stop: the rows.
        before: what was asked before the request.
        closing: whether the request is of the closing stage.
    """

    start: int
    stop: int
    before: float
    closing: bool


class InFlight:
    """What is in flight, oldest first.

    Args:
        evaluator: what evaluates.
        budget: what pays.
        seeds: the seeds of a request's rows.

    Attributes:
        part: of the only request in flight, where its rows are paid for one part after the other.
        cut: whether a request has lost rows to the budget.
    """

    def __init__(
        self, evaluator: Evaluator, budget: Budget, seeds: Callable[[Request], NDArray[np.uint64]]
    ) -> None:  # fmt: skip
        self.evaluator, self.budget, self.seeds = evaluator, budget, seeds
        self.part: Part | None = None
        self.cut = False
        self._requests: deque[Request] = deque()

    def __len__(self) -> int:
        return len(self._requests)

    def start(self, request: Request, rows: int, before: float, closing: bool, alone: bool) -> None:
        """Begin to evaluate a request.

        Args:
            request: as it was asked.
            rows: how many of its leading rows are paid for.
            before: what the budget had asked before it.
            closing: whether it is of the closing stage.
            alone: whether no other request may be in flight beside it; else it is cut to what is paid for.
        """
        if rows < len(request):
            if alone and self.budget.unit != "evaluations":
                self.part = Part(0, rows, before, closing)
            else:
                self.cut = True
                request = request.rows(0, rows)
        self._requests.append(request)
        self._run(request)

    def finish(self) -> tuple[Evaluation, tuple[int, int]]:
        """The evaluation of the oldest request, and the bytes that it sent and received. May be interrupted."""
        request, evaluation, traffic = self._requests[0], self.evaluator.finish(), self.evaluator.traffic
        if self.part is None:
            return evaluation, traffic
        parts = [evaluation]
        while True:
            self.budget.settle(request.rows(self.part.start, self.part.stop), parts[-1])
            rest = request.rows(self.part.stop, len(request))
            rows = self.budget.take(rest, self.part.closing) if len(rest) else 0
            if not rows:
                return joined(parts), traffic
            self.part = replace(self.part, start=self.part.stop, stop=self.part.stop + rows)
            self._run(request)
            parts.append(self.evaluator.finish())
            traffic = traffic[0] + self.evaluator.traffic[0], traffic[1] + self.evaluator.traffic[1]

    def finished(self, evaluation: Evaluation) -> Request:
        """Take out the oldest request, of which ``finish`` gave the evaluation: the rows of it that were evaluated.

        Must not be interrupted: what a request did not use is given back to the budget once.
        """
        request, part, self.part = self._requests.popleft(), self.part, None
        if part is None:
            self.budget.settle(request, evaluation)
            return request
        self.cut |= part.stop < len(request)
        return request.rows(0, part.stop)

    def tree(self) -> list[dict[str, Any]]:
        """The requests as plain data, each from its first row on."""
        return [request_tree(request) for request in self._requests]

    def asked(self) -> float:
        """What the budget has asked, up to what ``tree`` begins with."""
        return self.part.before if self.part else self.budget.asked

    def parts(self) -> dict[str, bool]:
        """Whether the request in flight is paid for in parts, and whether it is of the closing stage."""
        return {"open": self.part is not None, "closing": self.part is not None and self.part.closing}

    def restore(self, tree: Iterable[dict[str, Any]], parts: dict[str, Any]) -> None:
        """Go back to ``tree``; with the budget at ``asked``, and ``parts`` of the checkpoint."""
        self._requests.extend(Request(**request) for request in tree)
        if parts.get("open"):
            before, closing = self.budget.asked, parts["closing"]
            self.part = Part(0, self.budget.take(self._requests[0], closing), before, closing)

    def start_again(self) -> None:
        """Begin to evaluate what was restored."""
        for request in self._requests:
            self._run(request)

    def _run(self, request: Request) -> None:
        if self.part is not None:
            request = request.rows(self.part.start, self.part.stop)
        self.evaluator.start(request, self.seeds(request))
