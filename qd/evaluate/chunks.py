"""How a batch is cut into calls and blocks, and put together again in order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem

Span = tuple[int, int]


def calls(problem: Problem, start: int, stop: int) -> list[Span]:
    """The calls of ``evaluate`` that rows start..stop take. ``start`` is aligned to the chunk."""
    if problem.batching == "rows":
        return [(start, stop)]
    size = problem.chunk_size
    return [(a, min(a + size, stop)) for a in range(start, stop, size)]


def blocks(problem: Problem, n: int, parts: int) -> list[Span]:
    """n rows as ``parts`` contiguous blocks of whole chunks, as equal as can be; some may be empty."""
    size = 1 if problem.batching == "rows" else problem.chunk_size
    chunks = -(-n // size)
    edges = [min(n, size * (chunks * i // parts)) for i in range(parts + 1)]
    edges[-1] = n
    return list(pairwise(edges))


def queue(problem: Problem, n: int, parts: int) -> list[Span]:
    """n rows as the pieces of a work queue for ``parts`` workers: whole chunks, about eight a worker."""
    size = problem.chunk_size
    if problem.batching == "rows":
        size = max(1, min(size, -(-n // (8 * parts))))
    return [(a, min(a + size, n)) for a in range(0, n, size)]


def joined(parts: Sequence[Evaluation]) -> Evaluation:
    """Several evaluations as one, rows in order. A column that a lost row lacks is filled with NaN or 0."""
    if len(parts) == 1:
        return parts[0]
    sizes = [len(part) for part in parts]
    reasons: dict[int, str] = {}
    for offset, part in zip(np.cumsum([0, *sizes[:-1]]), parts, strict=True):
        reasons.update({int(offset) + row: reason for row, reason in part.reasons.items()})
    return Evaluation(
        np.concatenate([part.objective for part in parts]),
        _stack([part.measures for part in parts], sizes),
        np.concatenate([part.status for part in parts]),
        columns=_stack_named([part.columns for part in parts], sizes),
        cost=_stack_named([part.cost for part in parts], sizes),
        truth=_stack_named([part.truth for part in parts], sizes),
        reasons=reasons,
    )


def _stack_named(parts: Sequence[dict[str, NDArray[Any]]], sizes: Sequence[int]) -> dict[str, NDArray[Any]]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: _stack([part.get(name) for part in parts], sizes) for name in names}


def _stack(parts: Sequence[NDArray[Any] | None], sizes: Sequence[int]) -> NDArray[Any]:
    like = max((part for part in parts if part is not None), key=lambda part: part[0].size if len(part) else -1)
    blank = np.nan if like.dtype.kind in "fc" else 0
    whole = []
    for part, size in zip(parts, sizes, strict=True):
        if part is None or part.shape[1:] != like.shape[1:]:
            part = np.full((size, *like.shape[1:]), blank, like.dtype)
        whole.append(part)
    return np.concatenate(whole)
