"""Symbolic regression: programs whose values should be those of a known formula."""

from __future__ import annotations

from typing import Any

import numpy as np

import qd
from qd.rewards import Program, Steps, Variable

SPACE = Program((Variable("x", low=-2, high=2, about="step"), Variable("y", low=-2, high=2, about="step")))


def points(m: int = 60) -> Steps:
    rng = np.random.default_rng(5)
    return Steps({"x": rng.uniform(-2, 2, m), "y": rng.uniform(-2, 2, m)})


def problem(target: str = "x * x + 0.7 * y * x - 1.3") -> qd.Problem:
    """Maximise minus the root mean square error against the target."""
    where = points()
    wanted = SPACE.values(SPACE.pack([SPACE.parse(target)]), where)[0]

    def error(rows: Any) -> Any:
        with np.errstate(all="ignore"):
            found = -np.sqrt(np.mean((SPACE.values(rows, where) - wanted) ** 2, axis=1))
        return np.where(np.isfinite(found), found, np.nan)

    return qd.problem(error, space=SPACE, batch=True, name="regression")
