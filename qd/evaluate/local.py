"""Fitness in this process: plain Python problems in order, kernels that release Python's lock on threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.evaluate.chunks import blocks, joined
from qd.evaluate.evaluator import Evaluator
from qd.evaluate.guard import evaluate_span, guarded

_WORTH_THREADS = 1e-3  # seconds of work below which handing blocks to threads costs more than it gains


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalEvaluator(Evaluator):
    """Evaluates in this process.

    Args:
        problem: what to evaluate.
        threads: for kernels that release Python's lock; 0 for one a core.
        timeout: seconds an evaluation; 0 for none.
    """

    def __init__(self, problem: Problem, threads: int = 0, timeout: float = 0.0) -> None:
        super().__init__(problem)
        self.timeout = timeout
        self._whole = problem.batching == "rows" and not timeout
        usable = problem.releases_gil and problem.batching == "rows" and not timeout
        self.threads = (threads or cores()) if usable else 1
        self.description = f"local, {self.threads} thread{'s' if self.threads > 1 else ''}"
        self._pool: ThreadPoolExecutor | None = None
        self._seconds_a_row = 0.0

    def _begin(self, request: Request, seeds: NDArray[np.uint64]) -> Any:
        return request, seeds

    def _end(self, ticket: Any) -> Evaluation:
        request, seeds = ticket
        return self.evaluate_span(request, seeds, (0, len(request)))

    def evaluate_span(self, request: Request, seeds: NDArray[np.uint64], span: tuple[int, int]) -> Evaluation:
        """Rows ``span`` of a request, on threads where that pays."""
        n = span[1] - span[0]
        threads = min(self.threads, n)
        if threads > 1 and self._seconds_a_row > 0 and self._seconds_a_row * n > _WORTH_THREADS:
            self._pool = self._pool or ThreadPoolExecutor(self.threads - 1, "qd-evaluate")
            spans = [(span[0] + a, span[0] + b) for a, b in blocks(self.problem, n, threads)]
            others = [self._pool.submit(evaluate_span, self.problem, request, seeds, other) for other in spans[1:]]
            parts = [evaluate_span(self.problem, request, seeds, spans[0])]
            return joined(parts + [other.result() for other in others])
        begin = perf_counter()
        if self._whole and n == len(request):
            evaluation = guarded(self.problem, request, seeds)  # one call, the shortest way
        else:
            evaluation = evaluate_span(self.problem, request, seeds, span, self.timeout)
        if n and self.threads > 1:
            seconds = (perf_counter() - begin) / n
            # the first call compiles: let the smallest seen stand for the kernel's speed
            self._seconds_a_row = min(self._seconds_a_row or seconds, seconds)
        return evaluation

    def close(self) -> None:
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
