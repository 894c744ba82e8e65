"""The progress bar over all runs of a sweep: read from their folders, whoever makes them."""

from __future__ import annotations

import sys
import threading
from typing import Any

from qd.commands.info import _last_row
from qd.commands.sweep_plan import Plan, PlannedRun
from qd.commands.sweep_work import Work
from qd.errors import QDError
from qd.store.files import RunFolder, read_json

_SECONDS = 0.5  # between two looks


class Watch:
    """A bar on stderr while the block lasts, in runs, with rate and time left; none off a terminal."""

    def __init__(self, work: Work, plan: Plan, quiet: bool) -> None:
        self._work, self._plan = work, plan
        self._shown = not quiet and sys.stderr.isatty()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._bar: Any = None

    def __enter__(self) -> Watch:
        if self._shown:
            from tqdm import tqdm

            done = self._done()
            self._bar = tqdm(total=len(self._plan.runs), initial=round(done, 2), unit=" run", dynamic_ncols=True,
                             file=sys.stderr)  # fmt: skip
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._show()
            self._bar.close()

    def _look(self) -> None:
        while not self._over.wait(_SECONDS):
            self._show()

    def _show(self) -> None:
        failed = sum(self._work.failure(run) is not None for run in self._plan.runs)
        if failed:
            self._bar.set_postfix(failed=failed, refresh=False)
        self._bar.update(max(0.0, round(self._done(), 2) - self._bar.n))
        self._bar.refresh()

    def _done(self) -> float:
        """Finished runs, and the shares of those that have begun."""
        return sum(1.0 if self._work.finished(run) else self._share(run) for run in self._plan.runs)

    def _share(self, run: PlannedRun) -> float:
        folder = RunFolder(self._work.out / run.folder)
        if not folder.config.exists():
            return 0.0
        try:
            budget = read_json(folder.config)["settings"]["budget"]
            unit, amount = ("evaluations", budget) if isinstance(budget, int) else next(iter(budget.items()))
            spent = (_last_row(folder.metrics) or {}).get(unit, 0)
            return min(float(spent) / float(amount), 0.99)
        except (QDError, KeyError, TypeError, ValueError, ZeroDivisionError):
            return 0.0  # it is being written, or is damaged: the run itself will say
