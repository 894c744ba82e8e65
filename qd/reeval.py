"""An archive under fresh noise: what its elites are worth when they are evaluated again and again.

An archive keeps the luckiest of noisy evaluations: its scores are too high, and elites sit in cells where they fell
once. Evaluated k times anew each, they have means that can be believed: re-added by these they make the corrected
archive of Flageolat and Cully (2020, https://arxiv.org/abs/2006.14253); how often they come back to their own cell is
their reproducibility, after Flageolat et al. (2023, https://arxiv.org/abs/2302.00463).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Request
from qd.errors import QDError
from qd.evaluate.evaluator import Evaluator
from qd.ragged import Ragged
from qd.rng import generator, row_seeds
from qd.store.archive_file import StoredArchive
from qd.store.cells import cells_of

_BOOTSTRAP = 1000
_STREAM = 1 << 63  # draws of fresh noise: no evaluation number reaches them


@dataclass(frozen=True)
class Reevaluation:
    """What came of it. Of an archive without fixed cells, everything about cells is None.

    Args:
        archive: its name. elites: how many were evaluated. repeats: how often each. failed: evaluations that failed.
        coverage, qd_score: stored and corrected; shares of the cells, sums of objectives.
        reproducibility: mean share of evaluations that fall into the elite's own cell.
        stayed: share of elites whose mean measures are in their own cell.
        drop: mean stored less mean new objective, with its bootstrap 95 % interval: regression to the mean.
        slope: of the new means over the stored objectives; 1 where nothing regresses.
        objective_sd, measures_sd: mean standard deviations within an elite; the measures' as shares of their ranges.
        stored, mean: (k,) objectives. measures: (k, m) means. cell: (k,) cells of these, -1 for none.
    """

    archive: str
    elites: int
    repeats: int
    failed: int
    coverage: tuple[float, float] | None
    qd_score: tuple[float, float] | None
    reproducibility: float | None
    stayed: float | None
    drop: tuple[float, float, float]
    slope: float
    objective_sd: float
    measures_sd: float
    stored: NDArray[np.float64] = field(repr=False)
    mean: NDArray[np.float64] = field(repr=False)
    measures: NDArray[np.float64] = field(repr=False)
    cell: NDArray[np.int64] = field(repr=False)

    def summary(self) -> dict[str, Any]:
        """The numbers without the arrays."""
        arrays = ("stored", "mean", "measures", "cell")
        return {key: value for key, value in asdict(self).items() if key not in arrays}


def reevaluated(
    name: str,
    archive: StoredArchive,
    evaluator: Evaluator,
    repeats: int,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Reevaluation:
    """Evaluate all elites of an archive anew.

    Args:
        name: the archive's. archive: its elites. evaluator: of the run's problem. repeats: at least 1.
        seed: of the fresh noise. progress: told how many evaluations are done.

    Raises:
        QDError: nothing to evaluate, several objectives, or every evaluation failed.
    """
    if repeats < 1:
        raise QDError(f"--repeats {repeats}: wanted at least 1")
    fields, n = archive.fields, len(archive)
    if not n:
        raise QDError(f"archive {name!r}: holds no elites, so there is nothing to evaluate again")
    stored = np.asarray(fields["objective"], np.float64)
    if stored.ndim != 1:
        raise QDError(f"archive {name!r}: its elites have {stored.shape[1]} objectives; reeval knows archives of one")
    solutions = Ragged(fields["solution.values"], fields["solution.offsets"]) if "solution.values" in fields else (
        fields["solution"]
    )  # fmt: skip
    objective, measures, failed = [], [], 0
    for repeat in range(repeats):
        draws = np.arange(n, dtype=np.uint64) + np.uint64(_STREAM + repeat * n)
        request = Request(solutions, draws=draws, number=repeat, first=repeat * n)
        evaluation = evaluator.evaluate(request, row_seeds(seed, draws))
        failed += int(np.count_nonzero(~evaluation.ok))
        objective.append(np.where(evaluation.ok, evaluation.objective, np.nan))
        measures.append(np.where(evaluation.ok[:, None], evaluation.measures, np.nan))
        progress((repeat + 1) * n)
    if failed == n * repeats:
        raise QDError(f"archive {name!r}: every new evaluation failed, so nothing can be said of it")
    return _judged(name, archive, stored, np.stack(objective), np.stack(measures), failed, seed)


def _judged(
    name: str,
    archive: StoredArchive,
    stored: NDArray[np.float64],
    objective: NDArray[np.float64],
    measures: NDArray[np.float64],
    failed: int,
    seed: int,
) -> Reevaluation:
    """The numbers of (r, k) objectives and (r, k, m) measures."""
    repeats, n = objective.shape
    lost = ~np.isfinite(objective).any(axis=0)
    mean, middle = np.full(n, np.nan), np.full((n, measures.shape[2]), np.nan)
    mean[~lost] = np.nanmean(objective[:, ~lost], axis=0)
    middle[~lost] = np.nanmean(measures[:, ~lost], axis=0)
    spread = np.nanstd(objective[:, ~lost], axis=0)
    span = _ranges(archive, measures)
    wide = np.nanstd(measures[:, ~lost], axis=0) / np.where(span > 0, span, 1.0)
    known, own = np.asarray(archive.fields.get("measures", np.zeros((n, 0)))), archive.fields.get("index")
    fits = own is not None and known.ndim == 2 and known.shape[1] == measures.shape[2] and measures.shape[2] > 0
    cell = cells_of(archive, middle) if fits else None
    coverage = qd_score = reproducibility = stayed = None
    if cell is not None:
        assert own is not None
        flat = cells_of(archive, measures.reshape(repeats * n, -1))
        assert flat is not None
        cells = int(archive.meta.get("cells") or len(archive.fields.get("centroids", ())))
        offset = float(archive.meta.get("qd_score_offset") or 0.0)
        best: dict[int, float] = {}
        for where, value in zip(cell[~lost].tolist(), mean[~lost].tolist(), strict=True):
            best[where] = max(value, best.get(where, -np.inf))
        coverage = (n / cells, len(best) / cells)
        qd_score = (float((stored - offset).sum()), float(sum(value - offset for value in best.values())))
        reproducibility = float((flat.reshape(repeats, n) == own).mean())
        stayed = float((cell == own).mean())
    drops = (stored - mean)[~lost]
    rng = generator(seed, "reeval")
    means = drops[rng.integers(0, len(drops), (_BOOTSTRAP, len(drops)))].mean(axis=1)
    about = stored[~lost] - stored[~lost].mean()
    slope = float(about @ (mean[~lost] - mean[~lost].mean()) / (about @ about)) if about.any() else float("nan")
    low, high = np.quantile(means, (0.025, 0.975))
    return Reevaluation(
        name, n, repeats, failed, coverage, qd_score, reproducibility, stayed,
        (float(drops.mean()), float(low), float(high)), slope, float(spread.mean()),
        float(wide.mean()) if wide.size else 0.0, stored, mean, middle,
        cell if cell is not None else np.full(n, -1, np.int64),
    )  # fmt: skip


def _ranges(archive: StoredArchive, measures: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) how wide the measures are: the archive's own bounds, or all that was measured."""
    m = measures.shape[2]
    ends = [np.atleast_1d(np.asarray(archive.meta.get(key, ()), float)) for key in ("upper_bounds", "lower_bounds")]
    if len(ends[0]) == len(ends[1]) == m:
        return np.asarray(ends[0] - ends[1])
    flat = measures.reshape(-1, m)
    return np.asarray(np.nanmax(flat, axis=0) - np.nanmin(flat, axis=0)) if m else np.ones(0)


__all__ = ["Reevaluation", "reevaluated"]
