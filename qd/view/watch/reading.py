"""What a run's folder says now, read again and again without reading everything again."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.store.checkpoint import checkpoints
from qd.store.files import RunFolder, read_json
from qd.store.history import read_history

CURVES = ("coverage", "qd_score", "hypervolume", "best_objective")
_SILENT = 30.0  # seconds without a sign of life, after which a run is called silent
_HISTORY = 400 << 20  # bytes of history beyond which the map is left out


@dataclass
class Watched:
    """A run as far as it is known.

    Args:
        folder: the run's.
        columns, rows: of metrics.csv; rows are lists of text.
        settings, summary: None where there is none yet.
        failures, newest: how many are written down, and the last one's reason.
        state: starting, going, silent, finished or stopped.
        quiet: seconds since the last sign of life.
    """

    folder: RunFolder
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    settings: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None
    failures: int = 0
    newest: str = ""
    state: str = "starting"
    quiet: float = 0.0
    _metrics_at: int = 0
    _failures_at: int = 0

    def look(self) -> None:
        """Take in what has been written since. Never raises for a run that is being written."""
        try:
            self.settings = read_json(self.folder.config).get("settings") or {}
            self.summary = read_json(self.folder.summary) if self.folder.summary.exists() else None
        except QDError:
            pass
        self._metrics()
        self._failed()
        self.quiet = self._age()
        if self.summary is not None:
            done = bool(self.summary.get("finished"))
            later = self.rows and self.number("evaluations") > float(self.summary.get("evaluations", 0))
            self.state = "going" if later else "finished" if done else "stopped"
        else:
            self.state = "going" if self.rows else "starting"
        if self.state in ("going", "starting") and self.quiet > _SILENT:
            self.state = "silent"

    def number(self, name: str, row: int = -1) -> float:
        """A number of a row of metrics; NaN where there is none."""
        if not self.rows or name not in self.columns:
            return float("nan")
        try:
            return float(self.rows[row][self.columns.index(name)])
        except (ValueError, IndexError):
            return float("nan")

    def curve(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Evaluations and one metric, where it is finite."""
        if name not in self.columns:
            return np.zeros(0), np.zeros(0)
        rows = range(len(self.rows))
        across = np.array([self.number("evaluations", row) for row in rows])
        up = np.array([self.number(name, row) for row in rows])
        fine = np.isfinite(across) & np.isfinite(up)
        return across[fine], up[fine]

    @property
    def budget(self) -> tuple[str, float]:
        """The unit, and how much of it may be spent; 0 where it is not known."""
        budget = (self.settings or {}).get("budget")
        if isinstance(budget, dict) and budget:
            unit, amount = next(iter(budget.items()))
            return str(unit), float(amount)
        return "evaluations", float(budget) if isinstance(budget, int | float) else 0.0

    @property
    def rate(self) -> float:
        """Evaluations a second over the last part of the run; NaN at its beginning."""
        if len(self.rows) < 2:
            return float("nan")
        first = max(0, len(self.rows) - 1 - max(len(self.rows) // 5, 1))
        passed = self.number("seconds") - self.number("seconds", first)
        done = self.number("evaluations") - self.number("evaluations", first)
        return done / passed if passed > 0 else float("nan")

    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """(n, m) measures and (n,) objectives of all ok evaluations so far; None where there are none."""
        try:
            if self.folder.history.stat().st_size > _HISTORY:
                return None
            history = read_history(self.folder)
        except (OSError, QDError):
            return None
        if history is None or not history.measures.shape[1]:
            return None
        objective = history.objective if history.objective.ndim == 1 else history.objective.sum(axis=1)
        fine = (history.status == 0) & np.isfinite(history.measures).all(axis=1) & np.isfinite(objective)
        return (history.measures[fine], objective[fine]) if fine.any() else None

    def _metrics(self) -> None:
        text, self._metrics_at, anew = _grown(self.folder.metrics, self._metrics_at)
        if anew:
            self.columns, self.rows = [], []
        lines = text.splitlines()
        if lines and not self.columns:
            self.columns = lines.pop(0).split(",")
        self.rows += [row for line in lines if len(row := line.split(",")) == len(self.columns)]

    def _failed(self) -> None:
        text, self._failures_at, anew = _grown(self.folder.failures, self._failures_at)
        if anew:
            self.failures, self.newest = 0, ""
        for line in text.splitlines():
            self.failures += 1
            try:
                reason = str(json.loads(line).get("reason", "")).strip()
            except (ValueError, AttributeError):
                continue
            self.newest = reason.splitlines()[-1] if reason else ""

    def _age(self) -> float:
        newest = 0.0
        folder = self.folder
        for file in (folder.config, folder.metrics, folder.history, *checkpoints(folder.checkpoints)[:1]):
            try:
                newest = max(newest, file.stat().st_mtime)
            except OSError:
                continue
        return max(0.0, time.time() - newest) if newest else 0.0


def _grown(path: Path, at: int) -> tuple[str, int, bool]:
    """Whole lines that a file has beyond a place, the new place, and whether it was cut back, so that all is anew."""
    try:
        size = path.stat().st_size
        anew = size < at
        with open(path, "rb") as file:
            file.seek(0 if anew else at)
            data = file.read()
    except OSError:
        return "", at, False
    whole = data[: data.rfind(b"\n") + 1]
    return whole.decode(errors="replace"), (0 if anew else at) + len(whole), anew


__all__ = ["CURVES", "Watched"]
