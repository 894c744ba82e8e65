"""What a run remembers of its evaluations: counts, costs, best, coverage, a sample of positions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Report
from qd.contracts import SEARCHING, Evaluation, Problem, Request, Status
from qd.ragged import Ragged
from qd.space import Measures
from qd.store.discovery import Discovery

_TRACE = 1 << 16  # positions kept
_FAILURES = 1000  # failures kept with reason and solution


class Recorder:
    """Takes in every told request. Everything that a search may not read (truth) ends here."""

    def __init__(self, problem: Problem, grid: bool = True) -> None:
        """``grid``: count coverage on the problem's declared grid; not needed where the search's archive has cells.

        Where the truth has a space of its own, it is counted on the grid of that space in any case.
        """
        self.space = problem.truth_space or problem.measure_space
        self.true = problem.truth_space is not None
        self.requests = 0
        self.evaluations = 0
        self.failed = 0
        self.by_status = [0] * len(Status)
        self.cost: dict[str, float] = {}
        self.best: dict[str, dict[str, Any]] = {}  # "role|purpose|fidelity" -> the best row seen there
        self.failures_kept = 0
        self.stride = 1  # every stride-th evaluation number has its position kept
        self.trace: dict[str, NDArray[Any]] = {}
        self.traced = 0
        dims = self.space.dims if self.space and (grid or self.true) else None
        self.cells = np.full(dims, -np.inf) if dims else np.zeros(0)  # best objective a cell of the problem's grid
        self.discovery = Discovery.of(problem)

    def record(self, request: Request, evaluation: Evaluation) -> list[str]:
        """Take in one told request; returns the lines for failures.jsonl."""
        n = len(evaluation)
        good = n - int(np.count_nonzero(evaluation.status))
        self.requests += 1
        self.evaluations += n * request.repeats
        for unit, cost in evaluation.cost.items():
            self.cost[unit] = self.cost.get(unit, 0.0) + float(np.nansum(cost))
        self.by_status[Status.OK] += good
        lines: list[str] = []
        if good < n:
            self.failed += n - good
            for status in Status:
                if status != Status.OK:
                    self.by_status[status] += int(np.count_nonzero(evaluation.status == status))
            lines = self._failures(request, evaluation)
        if good:
            self._keep_best(request, evaluation)
            positions = evaluation.truth.get("measures", evaluation.measures)
            worth = total(evaluation.objective)
            searching = request.purpose in SEARCHING
            if searching and self.cells.size:
                self._cover(positions, worth, evaluation.ok if good < n else None)
            if searching:
                self._sample(request, positions, worth, good < n)
        if self.discovery is not None:
            self._discover(request, evaluation)
        return lines

    @property
    def coverage(self) -> float:
        """Filled share of the problem's declared grid over every ok evaluation; NaN where none is declared."""
        return float(np.isfinite(self.cells).mean()) if self.cells.size else float("nan")

    @property
    def truths(self) -> dict[str, float]:
        """``truth_coverage`` where the truth has a space of its own, whatever cells the search has; else nothing."""
        return {"truth_coverage": self.coverage} if self.true else {}

    @property
    def qd_score(self) -> float:
        """Sum of the best objective of each filled cell of the problem's declared grid; NaN without one."""
        return float(self.cells[np.isfinite(self.cells)].sum()) if self.cells.size else float("nan")

    @property
    def best_objective(self) -> float:
        """Best raw objective of the search rows at the plain fidelity, else of whatever there was.

        With several objectives, here and in cells and positions: the largest sum of them.
        """
        key = "|search|" if "|search|" in self.best else next(iter(self.best), None)
        return self.best[key]["objective"] if key is not None else float("nan")

    def to_state(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        hidden = ("space", "true", "trace", "discovery")
        state = {key: value for key, value in vars(self).items() if key not in hidden}
        found = {} if self.discovery is None else vars(self.discovery)
        return state | {"trace": self.positions(), "discovery": dict(found)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        trace = state.pop("trace")
        found = state.pop("discovery")
        if self.discovery is not None:
            vars(self.discovery).update(found, areas=tuple(found["areas"]))
        vars(self).update(state)
        self.trace = {}
        for key, values in trace.items():
            self.trace[key] = np.zeros((_TRACE, *values.shape[1:]), values.dtype)
            self.trace[key][: len(values)] = values

    def positions(self) -> dict[str, NDArray[Any]]:
        """A sample of all ok evaluations: id, generation, objective, emitter (k,) and measures (k, m)."""
        return {key: values[: self.traced] for key, values in self.trace.items()}

    def _keep_best(self, request: Request, evaluation: Evaluation) -> None:
        plain = not request.fidelity
        fidelity = "" if plain else json.dumps({k: _short(v) for k, v in sorted(request.fidelity.items())})
        key = f"{request.role}|{request.purpose}|{fidelity}"
        worth = total(evaluation.objective)
        row = int(np.nanargmax(worth) if evaluation.status.any() else worth.argmax())
        objective = float(worth[row])
        if key not in self.best or objective > self.best[key]["objective"]:
            solutions = request.solutions
            solution = solutions.row(row) if isinstance(solutions, Ragged) else solutions[row]
            self.best[key] = {
                "objective": objective,
                "objectives": np.atleast_1d(evaluation.objective[row]).copy(),
                "measures": evaluation.measures[row].copy(),
                "solution": solution.copy(),
                "id": request.first + row,
            }

    def _discover(self, request: Request, evaluation: Evaluation) -> None:
        assert self.discovery is not None
        cells = None
        if self.space is not None and self.space.dims:
            positions = evaluation.truth.get("measures", evaluation.measures)
            cells = grid_cells(self.space, np.where(evaluation.ok[:, None], positions, self.space.low))
        self.discovery.record(request, evaluation, cells)

    def _cover(self, positions: NDArray[np.float64], objective: NDArray[np.float64], ok: Any) -> None:
        assert self.space is not None  # cells come from it
        if ok is not None:
            positions, objective = positions[ok], objective[ok]
        np.maximum.at(self.cells.reshape(-1), grid_cells(self.space, positions), objective)

    def _sample(
        self, request: Request, positions: NDArray[np.float64], objective: NDArray[np.float64], lost: bool
    ) -> None:
        if positions.shape[1] == 0:
            return
        if not self.trace:
            m = positions.shape[1]
            self.trace = {
                "id": np.zeros(_TRACE, np.int64),
                "generation": np.zeros(_TRACE, np.int32),
                "objective": np.zeros(_TRACE, np.float32),
                "measures": np.zeros((_TRACE, m), np.float32),
                "emitter": np.full(_TRACE, -1, np.int64),
            }
        first = -request.first % self.stride  # the first row whose number is kept
        ids = np.arange(request.first + first, request.first + len(objective), self.stride)
        taken, worth = positions[first :: self.stride], objective[first :: self.stride]
        emitter = np.full(len(ids), -1) if request.emitter is None else request.emitter[first :: self.stride]
        if lost:
            fine = np.isfinite(worth)
            ids, taken, worth, emitter = ids[fine], taken[fine], worth[fine], emitter[fine]
        stop = self.traced + len(ids)
        if stop > _TRACE:
            self._thin()
            return self._sample(request, positions, objective, lost)
        span = slice(self.traced, stop)
        self.trace["id"][span] = ids
        self.trace["generation"][span] = request.number
        self.trace["objective"][span] = worth
        self.trace["measures"][span] = taken
        self.trace["emitter"][span] = emitter
        self.traced = stop

    def _thin(self) -> None:
        self.stride *= 2
        keep = np.flatnonzero(self.trace["id"][: self.traced] % self.stride == 0)
        for values in self.trace.values():
            values[: len(keep)] = values[keep]
        self.traced = len(keep)

    def _failures(self, request: Request, evaluation: Evaluation) -> list[str]:
        lines = []
        for row in np.flatnonzero(evaluation.status != Status.OK):
            if self.failures_kept >= _FAILURES:
                break
            self.failures_kept += 1
            solutions = request.solutions
            solution = solutions.row(int(row)) if isinstance(solutions, Ragged) else solutions[row]
            entry = {
                "id": request.first + int(row),
                "generation": request.number,
                "status": Status(evaluation.status[row]).name.lower(),
                "reason": evaluation.reasons.get(int(row), ""),
                "solution": [_number(gene) for gene in solution[:1000].tolist()],
            }
            lines.append(json.dumps(entry) + "\n")
        return lines


def total(objective: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) one number a row: the objective, or the sum of several."""
    return objective if objective.ndim == 1 else objective.sum(axis=1)


def grid_cells(space: Measures, positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) flat cell numbers of (n, m) positions in the problem's declared grid; outside is clipped."""
    flat: NDArray[np.int64] = np.zeros(len(positions), np.int64)
    for axis, cells in enumerate(space.dims or ()):
        low, high = space.ranges[axis]
        index = ((positions[:, axis] - low) * (cells / (high - low))).astype(np.int64)
        flat *= cells
        flat += np.clip(index, 0, cells - 1)
    return flat


def metrics_row(
    recorder: Recorder, request: Request, seconds: float, traffic: tuple[int, int], report: Report
) -> dict[str, Any]:
    """One generation's row of metrics.csv. Seconds and bytes depend on the machine and the ranks; nothing else does."""
    archive = next(iter(report.archives.values()), None)
    coverage, qd_score = archive_scores(archive) if archive is not None else (None, None)
    return {
        "generation": request.number,
        "evaluations": recorder.evaluations,
        "failed": recorder.failed,
        "seconds": round(seconds, 4),
        "bytes_sent": traffic[0],
        "bytes_received": traffic[1],
        "purpose": request.purpose,
        "coverage": recorder.coverage if coverage is None else coverage,
        "qd_score": recorder.qd_score if qd_score is None else qd_score,
        "best_objective": recorder.best_objective,
        **recorder.truths,
        **recorder.cost,
        **(recorder.discovery.metrics() if recorder.discovery else {}),
        **report.metrics,
    }


def archive_scores(archive: Any) -> tuple[float | None, float | None]:
    """(coverage, QD score) of an archive of cells; (None, None) of an unstructured one, or of a single cell."""
    if hasattr(archive, "k_neighbors") or getattr(archive, "cells", 1) == 1:
        return None, None
    if hasattr(archive, "coverage"):
        return float(archive.coverage), float(archive.qd_score)
    stats = archive.stats
    return float(stats.coverage), float(stats.qd_score)


def _short(value: Any) -> Any:
    return "per row" if isinstance(value, np.ndarray) else value if isinstance(value, str | int | float) else str(value)


def _number(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


__all__ = ["Recorder", "archive_scores", "grid_cells", "metrics_row", "total"]
