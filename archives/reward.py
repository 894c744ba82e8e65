"""RewardArchive: rewarding solutions, each better than what its emitter had stored before.

Paolo et al., SERENE, 2021, https://arxiv.org/abs/2102.03140. An emitter that has stored nothing yet stores the best of
a batch, if it is rewarded; after that, every solution that beats all that the emitter stored before the batch. The
paper's code never takes one out; here a capacity may bound the memory: of the two elites closest to each other the
worse one leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from archives.base import Batch
from archives.novelty import NoveltyArchive

_SLACK = 1.25  # of the capacity, before elites are taken out


class RewardArchive(NoveltyArchive):
    """A NoveltyArchive that lets in what improves on the emitter's past, whatever its measures.

    Every add and append passes the extra field `emitter` (n,), a whole number that names the emitter of each row.
    Settings are those of NoveltyArchive, and:

    reward_threshold: objectives above it are rewarded.
    capacity_limit: most elites kept; None for no limit. It may be exceeded by a quarter before elites are taken out.

    >>> archive = RewardArchive(solution_dim=1, measure_dim=1)
    >>> rows = [[1.0], [2.0], [3.0]]
    >>> archive.add(rows, [0.1, 0.3, 0.0], rows, emitter=[7, 7, 8])["status"].tolist()
    [0, 2, 0]
    """

    kind = "reward"

    def __init__(
        self,
        *,
        solution_dim: int | tuple[int, ...],
        measure_dim: int,
        reward_threshold: float = 0.0,
        capacity_limit: int | None = None,
        extra_fields: Mapping[str, tuple[Any, DTypeLike | None]] | None = None,
        **settings: Any,
    ) -> None:
        if capacity_limit is not None and capacity_limit < 2:
            raise ValueError(f"capacity_limit {capacity_limit} given, at least 2 wanted, or None")
        if not np.isfinite(reward_threshold):
            raise ValueError(f"reward_threshold {reward_threshold} given, a finite number wanted")
        extra = {"emitter": ((), np.int64)} | dict(extra_fields or {})
        super().__init__(solution_dim=solution_dim, measure_dim=measure_dim, extra_fields=extra, **settings)
        self._reward_threshold = float(reward_threshold)
        self._capacity_limit = capacity_limit
        self._records: dict[int, float] = {}  # emitter -> the best objective it has stored

    @property
    def reward_threshold(self) -> float:
        """Objectives above it are rewarded."""
        return self._reward_threshold

    @property
    def capacity_limit(self) -> int | None:
        """Most elites kept; None for no limit."""
        return self._capacity_limit

    def record(self, emitter: int) -> float:
        """The best objective that an emitter has stored; -inf if none."""
        return self._records.get(int(emitter), -np.inf)

    def add(self, solution: ArrayLike, objective: ArrayLike | None, measures: ArrayLike, **fields: ArrayLike) -> Batch:
        """Offers n solutions; each emitter's improvements are let in, in order of row.

        Arguments as in NoveltyArchive.add, with `emitter` (n,). Returns status (n,) int32: 2 let in, 0 not; and
        novelty (n,) against the archive as it was before. ValueError, and nothing is added, as there.
        """
        columns, points = self._checked(solution, objective, measures, fields)
        scores = np.asarray(columns["objective"], np.float64)
        emitters = np.asarray(columns["emitter"], np.int64)
        admitted = np.zeros(len(points), np.bool_)
        for emitter in np.unique(emitters):
            rows = np.flatnonzero(emitters == emitter)
            before = self.record(emitter)
            if before > -np.inf:
                admitted[rows] = scores[rows] > before
            else:
                best = rows[np.argmax(scores[rows])]
                admitted[best] = scores[best] > self._reward_threshold
        status = np.where(admitted, 2, 0).astype(np.int32)
        novelty = self.compute_novelty(points) if len(points) else np.empty(0)
        self._store(columns, points, np.flatnonzero(admitted))
        return {"status": status, "novelty": np.asarray(novelty)}

    def _store(self, columns: dict[str, NDArray[Any]], points: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
        super()._store(columns, points, rows)
        for emitter, objective in zip(columns["emitter"][rows], columns["objective"][rows], strict=True):
            self._records[int(emitter)] = max(self.record(emitter), float(objective))
        if self._capacity_limit is not None and len(self) > _SLACK * self._capacity_limit:
            self._thin(self._capacity_limit)

    def _thin(self, count: int) -> None:
        """Takes out the worse of the two closest elites again and again, until `count` are left."""
        points, scores = self._table.filled("measures").astype(np.float64), self._table.filled("objective")
        left = np.ones(len(points), np.bool_)
        while left.sum() > count:
            slots = np.flatnonzero(left)
            distance, index = _nearest_other(points[slots])
            for row in np.argsort(distance, kind="stable"):  # pairs by distance; each loses at most one a round
                one, other = slots[row], slots[index[row]]
                if not (left[one] and left[other]):
                    continue
                # rows rise with age: of equal ones the younger leaves
                left[
                    max(one, other) if scores[one] == scores[other] else min((one, other), key=lambda s: scores[s])
                ] = 0
                if left.sum() == count or distance[row] > np.median(distance):
                    break
        self._keep_only(np.flatnonzero(left))
        self._index_anew()

    def clear(self) -> None:
        """Takes all elites out and forgets the emitters."""
        super().clear()
        self._records.clear()

    def to_state(self, copy: bool = True) -> dict[str, Any]:
        """As NoveltyArchive.to_state, with the emitters' records."""
        return super().to_state(copy) | {
            "reward_threshold": self._reward_threshold,
            "capacity_limit": self._capacity_limit,
            "record_emitters": np.array(list(self._records), np.int64),
            "record_objectives": np.array(list(self._records.values()), np.float64),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], seed: int | None = None, threads: int | None = 1) -> RewardArchive:
        """The archive that wrote `state`, to the bit; seed is for a new generator. ValueError for a bad state."""
        settings = cls._shared_settings(state)
        names = ("measure_dim", "k_neighbors", "novelty_threshold", "reward_threshold", "capacity_limit")
        archive = cls(**settings, **{name: state[name] for name in names}, seed=seed, threads=threads)
        archive._restore(state)
        archive._index_anew()
        emitters, objectives = state["record_emitters"], state["record_objectives"]
        archive._records = {int(e): float(o) for e, o in zip(emitters, objectives, strict=True)}
        return archive


def _nearest_other(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The distance (n,) of each point to the nearest other, and which that is (n,)."""
    from archives.neighbors import nearest

    ids = np.arange(len(points))
    distance, index = nearest(points, points, 1, query_ids=ids, reference_ids=ids)
    return distance[:, 0], index[:, 0]
