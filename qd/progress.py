"""The progress bar: rate, time left, coverage and best so far; rank 0 only, quiet off a terminal."""

from __future__ import annotations

import sys
from time import monotonic
from typing import Any

_SECONDS = 0.1  # between two drawings


class Progress:
    """A bar on stderr.

    Args:
        total: the budget.
        unit: evaluations, or a cost unit.
        done: how much was spent before this start.
        show: True, False, or None: only where stderr is a terminal.
    """

    def __init__(self, total: float, unit: str, done: float = 0, show: bool | None = None) -> None:
        self._bar: Any = None
        self._next = 0.0
        if show or (show is None and sys.stderr.isatty()):
            from tqdm import tqdm

            short = "eval" if unit == "evaluations" else unit
            self._bar = tqdm(total=total, initial=done, unit=f" {short}", unit_scale=True, dynamic_ncols=True,
                             smoothing=0.1, mininterval=0, file=sys.stderr)  # fmt: skip

    @property
    def due(self) -> bool:
        """Whether enough time has passed to draw again."""
        return self._bar is not None and monotonic() >= self._next

    def show(self, spent: float, coverage: float, best: float) -> None:
        """Draw the state of the run."""
        self._next = monotonic() + _SECONDS
        shown = {"coverage": coverage, "best": best}
        self._bar.set_postfix({k: f"{v:.3g}" for k, v in shown.items() if v == v}, refresh=False)
        self._bar.update(spent - self._bar.n)
        self._bar.refresh()

    def close(self) -> None:
        """End the bar's line."""
        if self._bar is not None:
            self._bar.close()
