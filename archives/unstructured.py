"""UnstructuredArchive: elites at least a distance apart, in a space of any kind, near a wanted size.

The container of AURORA (Cully 2019, https://doi.org/10.1145/3321707.3321804; Grillotti and Cully 2022,
https://arxiv.org/abs/2106.05648), where learned measures have no known ranges. A newcomer enters where the nearest
elite is farther than the distance; nearer, it takes that elite's place if it is better and comes no closer than the
distance to another. Differences: what is nearer than the distance to two elites never replaces either, where the paper
has an epsilon-dominance over both criteria; and the size is bounded hard, where the paper's drifts around its target.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from archives.base import Batch
from archives.novelty import NoveltyArchive

_TOLERANCE = 0.05  # of the target size


class UnstructuredArchive(NoveltyArchive):
    """Elites that keep a distance. Settings of NoveltyArchive (novelty_threshold aside), and these.

    distance: least distance between two elites at first; 0 lets everything in.
    target_size: elites that `control_size` steers towards, by changing the distance.
    gain: of that control: the distance grows by gain * (size - target_size) / target_size of itself a call.
    size_limit: most elites kept, a multiple of target_size of at least 1; beyond it the distance grows at once.

    `add` gives status 2 for new elites, 1 for replacements, 0 else.

    >>> archive = UnstructuredArchive(solution_dim=1, measure_dim=1, distance=0.5)
    >>> archive.add([[1.0], [2.0], [3.0]], [0.0, 1.0, 0.0], [[0.0], [0.1], [2.0]])["status"].tolist()
    [2, 1, 2]
    """

    kind = "unstructured"

    def __init__(
        self,
        *,
        solution_dim: int | tuple[int, ...],
        measure_dim: int,
        distance: float = 0.0,
        target_size: int = 5000,
        gain: float = 0.2,
        size_limit: float = 1.5,
        **settings: Any,
    ) -> None:
        if not np.isfinite(distance) or distance < 0:
            raise ValueError(f"distance {distance} given, a finite number of at least 0 wanted")
        if target_size < 1:
            raise ValueError(f"target_size {target_size} given, at least 1 wanted")
        if not 0 < gain <= 1:
            raise ValueError(f"gain {gain} given, a number above 0 and at most 1 wanted")
        if not size_limit >= 1:
            raise ValueError(f"size_limit {size_limit} given, at least 1 wanted: it multiplies target_size")
        super().__init__(solution_dim=solution_dim, measure_dim=measure_dim, novelty_threshold=0.0, **settings)
        self._distance = float(distance)
        self._target_size, self._gain, self._size_limit = int(target_size), float(gain), float(size_limit)

    @property
    def distance(self) -> float:
        """Least distance between two elites now."""
        return self._distance

    @property
    def target_size(self) -> int:
        """Elites that `control_size` steers towards."""
        return self._target_size

    @property
    def local_competition(self) -> bool:
        """True: a better newcomer takes the place of a near elite."""
        return True

    def add(self, solution: ArrayLike, objective: ArrayLike | None, measures: ArrayLike, **fields: ArrayLike) -> Batch:
        """Offers n solutions, in order of row; see the class. Arguments and errors as in NoveltyArchive.add.

        Returns status (n,) int32: 2 new, 1 in the place of another, 0 refused; and novelty (n,) against the archive as
        it was before.
        """
        columns, points = self._checked(solution, objective, measures, fields)
        if not len(points):
            return {"status": np.zeros(0, np.int32), "novelty": np.zeros(0)}
        novelty = np.asarray(self.compute_novelty(points))
        scores = np.asarray(columns["objective"], np.float64)
        held = self._table.filled("measures").astype(np.float64)
        held_scores = self._table.filled("objective").astype(np.float64)
        slots, status = compete(points, scores, held, held_scores, self._distance)
        self._place(columns, points, slots)
        if len(self) > self._size_limit * self._target_size:
            self._shrink()
        return {"status": status, "novelty": novelty}

    def _place(self, columns: dict[str, NDArray[Any]], points: NDArray[np.float64], slots: NDArray[np.int64]) -> None:
        """Rows to their slots; of several rows for one slot the last stays."""
        rows = np.flatnonzero(slots >= 0)
        if not len(rows):
            return
        size = max(len(self), int(slots.max()) + 1)
        _, last = np.unique(slots[rows][::-1], return_index=True)
        rows = rows[len(rows) - 1 - last]
        self._table.reserve(size)
        self._table.write(columns, rows, slots[rows])
        self._table.columns["index"][slots[rows]] = slots[rows]
        self._table.size = size
        self._objective_sum = float(np.sum(self._table.filled("objective"), dtype=np.float64))
        self._offer_best(int(slots[rows[np.argmax(columns["objective"][rows])]]))
        self._index_anew()

    def control_size(self) -> None:
        """Steer towards the target size: with too many elites the distance grows and they compete for their places
        anew; with too few it shrinks. Within a twentieth of the target nothing happens.
        """
        error = (len(self) - self._target_size) / self._target_size
        if abs(error) <= _TOLERANCE:
            return
        self._distance *= max(1.0 + self._gain * error, 0.5)
        if error > 0:
            self._compete_anew()

    def re_encode(
        self, encode: Callable[[NDArray[Any]], ArrayLike], field: str = "observations", block: int = 1024
    ) -> None:
        """New measures for all elites, which then compete for their places anew at a distance that suits the space.

        The distance is scaled by how the elites' mean distance to their nearest neighbour changed. Some may leave.
        """
        before = self._spacing()
        super().re_encode(encode, field, block)
        after = self._spacing()
        if before > 0 and after > 0:
            self._distance *= after / before
        self._compete_anew()
        if len(self) > self._size_limit * self._target_size:
            self._shrink()

    def _spacing(self) -> float:
        if len(self) < 2:
            return 0.0
        points = self._table.filled("measures").astype(np.float64)
        distances, _ = self._lists(points, 2)
        nearest = np.sqrt(distances[:, 1])
        return float(nearest.mean())

    def _shrink(self) -> None:
        """Grow the distance by tenths, elites competing anew each time, until no more than the target size are left."""
        if self._distance == 0.0:
            self._distance = max(self._spacing(), np.finfo(float).tiny)
        while len(self) > self._target_size:
            self._distance *= 1.1
            self._compete_anew()

    def _compete_anew(self) -> None:
        """Elites that are too close to a better one leave; the best go first."""
        points, scores = self._table.filled("measures").astype(np.float64), self._table.filled("objective")
        order = np.argsort(-scores, kind="stable")
        slots, _ = compete(
            points[order], scores[order].astype(np.float64), np.empty((0, points.shape[1])), np.empty(0), self._distance
        )
        self._keep_only(np.sort(order[slots >= 0]))
        self._index_anew()

    def to_state(self, copy: bool = True) -> dict[str, Any]:
        """As NoveltyArchive.to_state, with the distance and the settings of its control."""
        return super().to_state(copy) | {
            "distance": self._distance,
            "target_size": self._target_size,
            "gain": self._gain,
            "size_limit": self._size_limit,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], seed: int | None = None, threads: int | None = 1) -> UnstructuredArchive:
        """The archive that wrote `state`, to the bit; seed is for a new generator. ValueError for a bad state."""
        settings = cls._shared_settings(state)
        names = ("measure_dim", "k_neighbors", "distance", "target_size", "gain", "size_limit")
        archive = cls(**settings, **{name: state[name] for name in names}, seed=seed, threads=threads)
        archive._restore(state)
        archive._index_anew()
        return archive


@njit(cache=True, nogil=True, error_model="numpy")
def compete(points, scores, held, held_scores, distance):  # type: ignore[no-untyped-def]
    """Where rows go: slots (n,), -1 for refused, and status (n,) of 2 new, 1 replacing, 0 refused.

    points (n, m), scores (n,) in order; held (k, m), held_scores (k,) the elites there are.
    """
    n, m = points.shape
    k = held.shape[0]
    places, worth = np.empty((k + n, m)), np.empty(k + n)
    places[:k], worth[:k] = held, held_scores
    slots, status = np.full(n, -1), np.zeros(n, np.int32)
    size, least = k, distance * distance
    for i in range(n):
        first, second, near = np.inf, np.inf, -1
        for j in range(size):
            apart = 0.0
            for axis in range(m):
                apart += (places[j, axis] - points[i, axis]) * (places[j, axis] - points[i, axis])
            if apart < first:
                first, second, near = apart, first, j
            elif apart < second:
                second = apart
        if near < 0 or first > least or least == 0.0:
            near, size, status[i] = size, size + 1, 2
        elif second > least and scores[i] > worth[near]:
            status[i] = 1
        else:
            continue
        slots[i] = near
        places[near], worth[near] = points[i], scores[i]
    return slots, status
