"""What stands between a new program and its evaluation: a critic, and the memory of programs that were evaluated."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Problem
from qd.errors import QDError
from qd.learners.task_critic import TaskCritic
from qd.rewards.advice import SEEN
from qd.rewards.program import Program

Row = NDArray[np.float64]
_REASONS_KEPT = 100


def programs_of(name: str, critic: TaskCritic | None, problem: Problem) -> Program:
    """What the problem's solutions are. Raises QDError where they are no programs, or the critic's are others."""
    space = problem.space()
    if not isinstance(space, Program):
        raise QDError(f"{name} varies programs (qd.rewards.Program), not {space!r}")
    if critic is not None and critic.form.space != space:
        raise QDError(f"{name}.critic: its form has other programs than the problem; give both the same")
    return space


def told_of(problem: Any) -> tuple[list[str] | None, list[str]]:
    """The task's stages and what can happen in a step, as the columns SEEN have them; (None, []) without these."""
    if any(name not in problem.columns for name in SEEN):
        return None, []
    return list(problem.stages), list(problem.happenings)


def passed(state: Any, critic: TaskCritic | None, draw: Callable[[], Row], draws: int, seen: set[str]) -> Row | None:
    """The first of some drawn rows that neither critic nor memory has anything against; None where there is none.

    Args:
        state: with space, known, refused, reasons and repeats; changed in place.
        critic: see ``refusal``.
        draw: makes a row.
        draws: how often.
        seen: keys of this generation; the row's is added.
    """
    for _ in range(draws):
        row = draw()
        name = key(state.space, row)
        if name in state.known or name in seen:
            state.repeats += 1
        elif not refusal(state, critic, row):
            seen.add(name)
            return row
    return None


def refusal(state: Any, critic: TaskCritic | None, row: Row) -> str:
    """Why the critic refuses a program, which is counted and kept; empty where it does not."""
    reason = critic.reasons(state.space.pack([row]))[0] if critic is not None else None
    if reason is None:
        return ""
    refused(state, state.space.formula(row, 3), reason)
    return reason


def refused(state: Any, formula: str, reason: str) -> None:
    """Count and keep a reason: what stands before its colon is the check."""
    check = reason.partition(":")[0]
    state.refused[check] = state.refused.get(check, 0) + 1
    state.reasons = [*state.reasons, f"{formula}: {reason}"][-_REASONS_KEPT:]


def key(space: Program, row: Row) -> str:
    """A short name of a program's canonical form."""
    return blake2b(space.canonical(row).tobytes(), digest_size=12).hexdigest()
