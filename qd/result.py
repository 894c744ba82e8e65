"""What a run gives back: archives, metrics, the best, pictures; live, or loaded from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qd.errors import QDError
from qd.store.archive_file import read_archives, read_arrays
from qd.store.files import RunFolder, read_json
from qd.store.metrics import read_metrics

if TYPE_CHECKING:
    import pandas as pd

    from qd.algorithm import Report
    from qd.experiment import Experiment


class Result:
    """The outcome of a run.

    Attributes:
        experiment: what was run; None where the result was loaded without it.
        path: the run's folder, or None.
        summary: the content of ``summary.json``.
        root: False on a worker rank of an MPI job, where nothing else is there.
        stopped_by: the number of the signal that ended the run early; 0 where none did.
    """

    def __init__(
        self,
        experiment: Experiment | None,
        path: Path | None,
        summary: dict[str, Any],
        *,
        root: bool = True,
        stopped_by: int = 0,
    ) -> None:
        self.experiment, self.path, self.summary = experiment, path, summary
        self.root, self.stopped_by = root, stopped_by
        self._archives: dict[str, Any] | None = None
        self._positions: dict[str, Any] | None = None
        self._populations: dict[str, Any] | None = None
        self._best: dict[str, Any] = {}
        self._frame: pd.DataFrame | None = None
        self._rows: Any = None

    @classmethod
    def load(cls, path: str | Path, experiment: Experiment | None = None) -> Result:
        """The result that lies in a run's folder. Executes nothing; archives are ``StoredArchive``."""
        folder = RunFolder(path)
        folder.check()
        return cls(experiment, folder.path, read_json(folder.summary))

    def attach(self, report: Report, recorder: Any, metrics: Any) -> None:
        """Hold the live archives and metrics of the run that has just ended."""
        self._archives = dict(report.archives)
        self._positions = recorder.positions()
        self._populations = dict(report.populations)
        self._best = recorder.best
        self._rows = metrics

    @property
    def archives(self) -> dict[str, Any]:
        """The archives by name: live after a run, ``StoredArchive`` when loaded."""
        self._need_root()
        if self._archives is None:
            self._archives = dict(read_archives(self._folder().archive))
        return self._archives

    @property
    def archive(self) -> Any:
        """The first archive. Raises QDError where the search keeps none."""
        if not self.archives:
            raise QDError(f"{self.summary.get('algorithm')} keeps no archive; see result.best")
        return next(iter(self.archives.values()))

    @property
    def positions(self) -> dict[str, Any]:
        """A sample of all ok evaluations: id, generation, objective (k,), measures (k, m)."""
        self._need_root()
        if self._positions is None:
            arrays = read_arrays(self._folder().archive)
            self._positions = {k.split("/", 1)[1]: v for k, v in arrays.items() if k.startswith("positions/")}
        return self._positions

    @property
    def populations(self) -> dict[str, Any]:
        """What the search kept beside archives by name: its last population, its distribution, statistics."""
        self._need_root()
        if self._populations is None:
            arrays = read_arrays(self._folder().archive)
            self._populations = {k.split("/", 1)[1]: v for k, v in arrays.items() if k.startswith("population/")}
        return self._populations

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a generation."""
        self._need_root()
        if self._frame is None:
            import pandas as pd

            if self.path is None:
                self._frame = pd.DataFrame(self._rows.rows, columns=self._rows.columns)
            else:
                self._frame = read_metrics(self._folder().metrics)
        return self._frame

    @property
    def best(self) -> dict[str, Any]:
        """The best search row: objective, measures, solution, id."""
        self._need_root()
        if self._best:
            return dict(self._best.get("|search|") or next(iter(self._best.values())))
        rows = self.summary.get("best", [])
        if not rows:
            raise QDError("no evaluation came out well, so there is no best one; see failures.jsonl")
        keys = [(row["role"], row["purpose"], row["fidelity"]) for row in rows]
        number = keys.index(("", "search", "")) if ("", "search", "") in keys else 0
        arrays = read_arrays(self._folder().archive)
        return {**rows[number], "solution": arrays[f"best/{number}/solution"]}

    @property
    def digest(self) -> str:
        """The SHA-256 that says whether two runs did the same."""
        self._need_root()
        return str(self.summary["digest"])

    def plot(self, out: str | Path | None = None) -> list[Path]:
        """Draw the run's pictures into its ``plots/`` (or ``out``); returns the files. Nothing on worker ranks."""
        if not self.root:
            return []
        from qd.view.plots import plot_result

        return plot_result(self, out)

    def _folder(self) -> RunFolder:
        if self.path is None:
            raise QDError("this run was kept in memory; give qd.run(experiment, out=...) a folder")
        return RunFolder(self.path)

    def _need_root(self) -> None:
        if not self.root:
            raise QDError("this is a worker rank: the result is on rank 0; guard with: if result.root")

    def __repr__(self) -> str:
        if not self.root:
            return "Result(worker rank)"
        s = self.summary
        return (
            f"Result({s['algorithm']} on {s['problem']}, seed {s['seed']}: {s['evaluations']} evaluations, "
            f"coverage {s['coverage'] if s['coverage'] is not None else float('nan'):.3f}, "
            f"best {s['best_objective'] if s['best_objective'] is not None else float('nan'):.4g})"
        )
