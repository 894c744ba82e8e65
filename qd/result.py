"""What a run gives back: archives, metrics, the best, pictures; live, or loaded from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qd.errors import QDError, nearest
from qd.store.archive_file import read_archives, read_arrays
from qd.store.config import check_format
from qd.store.files import RunFolder, read_json
from qd.store.metrics import read_metrics
from qd.store.unfinished import RunState, read_unfinished, state_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from qd.algorithm import Report
    from qd.contracts import Policy, Problem
    from qd.experiment import Experiment


class Result:
    """The outcome of a run.

    Attributes:
        experiment: what was run; None where the result was loaded without it.
        path: the run's folder, or None.
        summary: the content of ``summary.json``; of a run that is going, what is known so far.
        state: ``"finished"``, ``"stopped"`` by a signal, or ``"going"``: also a run that ended without a word is.
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
        self.state: RunState = "finished" if summary.get("finished", True) else "stopped"

    @classmethod
    def load(cls, path: str | Path, experiment: Experiment | None = None) -> Result:
        """The result that lies in a run's folder. Executes nothing; archives are ``StoredArchive``.

        Of a run that is going or was cut off: what its newest good checkpoint holds, and the metrics so far.
        ``qd.load`` finds the experiment too.

        Raises:
            QDError: the folder holds no run, one of a newer format, or nothing yet.
        """
        folder = RunFolder(path)
        folder.check()
        check_format(folder)
        state = state_of(folder)
        if state != "going":
            return cls(experiment, folder.path, read_json(folder.summary))
        sofar = read_unfinished(folder, experiment)
        result = cls(experiment, folder.path, sofar.summary)
        result.state = state
        result._archives, result._positions = dict(sofar.archives), sofar.positions
        result._populations, result._best = sofar.populations, sofar.best
        return result

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
    def problem(self) -> Problem:
        """What was searched. Raises QDError where the result was loaded without its experiment."""
        if self.experiment is None:
            raise QDError("the result was loaded without its experiment, so its problem is not known; use "
                          "qd.load(folder), or hand it in: qd.load(folder, experiment)")  # fmt: skip
        return self.experiment.problem

    @property
    def elites(self) -> pd.DataFrame:
        """The first archive as a data frame with the columns of ``qd export``, a row an elite, the best first."""
        from qd.interchange.frames import to_frame
        from qd.interchange.rows import as_stored

        frame = to_frame(as_stored(self.archive, self.experiment.problem if self.experiment is not None else None))
        first = "objective" if "objective" in frame else "objective_0"
        return frame.sort_values(first, ascending=False, kind="stable", ignore_index=True)

    def elite(
        self, cell: int | Sequence[int] | None = None, id: int | None = None, archive: str | None = None
    ) -> dict[str, Any]:
        """One elite: solution, objective, measures, and what else the search keeps of it.

        Args:
            cell: its place in a grid, ``(3, 4)``, or the number of the cell, as ``index`` has it.
            id: its evaluation number.
            archive: the archive's name; the first by default.

        Raises:
            QDError: the cell is empty or not there, no elite has this number; or both or none are given.
        """
        from qd.interchange.rows import elite_at

        return elite_at(self._named(archive), cell, id)

    def policy(self, which: str | int | Sequence[int] | NDArray[Any] = "best") -> Policy:
        """The network of a solution as a function of observations, ``(o,)`` to ``(a,)`` or ``(n, o)`` to ``(n, a)``.

        Args:
            which: ``"best"``; the place or the number of a cell; or a solution itself.

        Raises:
            QDError: the problem's solutions are no policies, or the result was loaded without its experiment.
        """
        problem = self.problem
        if isinstance(which, str):
            if which != "best":
                raise QDError(f"Result.policy: got {which!r}, wanted 'best', a cell such as (3, 4), or a solution")
            solution = self.best["solution"]
        elif isinstance(which, np.ndarray):
            solution = which
        else:
            solution = self.elite(cell=which)["solution"]
        return problem.policy_of(solution, self.populations)

    @property
    def digest(self) -> str:
        """The SHA-256 that says whether two runs did the same."""
        self._need_root()
        if "digest" not in self.summary:
            raise QDError(f"{self.path}: has not ended, so it has no digest yet")
        return str(self.summary["digest"])

    def plot(self, out: str | Path | None = None) -> list[Path]:
        """Draw the run's pictures into its ``plots/`` (or ``out``); returns the files. Nothing on worker ranks."""
        if not self.root:
            return []
        from qd.view.plots import plot_result

        return plot_result(self, out)

    def report(self, out: str | Path | None = None) -> Path:
        """Write ``report.html`` into the run's folder, or to ``out``: settings, pictures, elites, failures, how to
        make the run again. One file, without scripts. Returns where it lies.
        """
        self._need_root()
        from qd.view.report import write_report

        return write_report(self, out)

    def _named(self, archive: str | None) -> Any:
        """An archive by name, else the first."""
        if archive is None:
            return self.archive
        if archive not in self.archives:
            raise QDError(f"archive: got {archive!r}, {nearest(archive, self.archives)}")
        return self.archives[archive]

    def _folder(self) -> RunFolder:
        if self.path is None:
            raise QDError("this run was kept in memory; give qd.run(experiment, out=...) a folder")
        return RunFolder(self.path)

    def _need_root(self) -> None:
        if not self.root:
            raise QDError("this is a worker rank: the result is on rank 0; guard with: if result.root")

    def _repr_html_(self) -> str:
        """What a notebook shows: the numbers of the run and a small map of its first archive."""
        from archives.show import archive_picture, table_html
        from qd.interchange.rows import as_stored

        if not self.root:
            return table_html(repr(self), ())
        s = self.summary
        rows = [("evaluations", f"{s.get('evaluations') or 0:,}")]
        for key, name, form in (("coverage", "coverage", "{:.1%}"), ("qd_score", "QD score", "{:,.6g}"),
                                ("best_objective", "best objective", "{:.6g}"), ("failed", "failed", "{:,}"),
                                ("seconds", "seconds", "{:.3g}")):  # fmt: skip
            if isinstance(value := s.get(key), int | float) and value == value and (key != "failed" or value):
                rows.append((name, form.format(value)))
        picture = ""
        try:
            rows += [(f"archive {name!r}", f"{len(kept):,} elites") for name, kept in self.archives.items()]
            if self.archives:
                kept = as_stored(self.archive, self.experiment.problem if self.experiment else None)
                worth = np.asarray(kept.fields["objective"])
                worth = worth.reshape(len(worth), -1).sum(axis=1) if worth.ndim > 1 else worth
                picture = archive_picture(worth, kept.fields["measures"], **kept.drawn)
        except (QDError, KeyError):  # not written yet, or without measures: the numbers are worth showing
            pass
        if "digest" in s:
            rows.append(("digest", str(s["digest"])[:12]))
        if self.path is not None:
            rows.append(("folder", str(self.path)))
        title = f"{s.get('algorithm')} on {s.get('problem')}, seed {s.get('seed')}: {self.state}"
        return table_html(title, rows, picture)

    def __repr__(self) -> str:
        if not self.root:
            return "Result(worker rank)"
        s = self.summary
        return (
            f"Result({s['algorithm']} on {s['problem']}, seed {s['seed']}"
            f"{'' if self.state == 'finished' else ', ' + self.state}: {s['evaluations']} evaluations, "
            f"coverage {s['coverage'] if s['coverage'] is not None else float('nan'):.3f}, "
            f"best {s['best_objective'] if s['best_objective'] is not None else float('nan'):.4g})"
        )
