"""What a reward reads: steps of named variables, as they were before and as they are after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest


@dataclass(frozen=True)
class Variable:
    """A named variable that rewards and programs may read.

    Args:
        name: a Python identifier.
        kind: ``"number"``, ``"flag"`` (0 or 1) or ``"text"``.
        low, high: its range, as far as known.
        unit: cells, m, rad; variables of different units are not added by programs.
        about: ``"state"`` where it describes a state, and so has a value before a step and one after; ``"step"``
            where it describes what happened in between.
        meaning: a sentence.
    """

    name: str
    kind: str = "number"
    low: float = -np.inf
    high: float = np.inf
    unit: str = ""
    about: str = "state"
    meaning: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise QDError(f"Variable.name: got {self.name!r}, wanted a name as Python has them")
        kinds = ("number", "flag", "text")
        if self.kind not in kinds:
            raise QDError(f"Variable {self.name!r}: kind is {self.kind!r}, {nearest(self.kind, kinds)}")
        if self.about not in ("state", "step"):
            raise QDError(f"Variable {self.name!r}: about is {self.about!r}, wanted 'state' or 'step'")


@dataclass(frozen=True)
class Steps:
    """m steps: transitions of an environment, the parts of an answer, or whole texts of which each is one step.

    Args:
        after: variable -> (m,) numbers or (m,) texts after the step; variables of kind step have no other value.
        before: variable -> (m,) of the state variables before it; empty where things have no before, as texts.
        ends: (m,) the episode ends with this step; none does by default.
        offsets: (e + 1,) where episodes begin among the steps, if these follow one another as they happened.
    """

    after: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    ends: NDArray[np.bool_] = None  # type: ignore[assignment]
    offsets: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        sizes = {name: len(values) for name, values in (*self.after.items(), *self.before.items())}
        if not sizes or len(set(sizes.values())) > 1:
            raise QDError(f"Steps: wanted a value a step in every variable, got {sizes or 'no variables'}")
        m = next(iter(sizes.values()))
        ends = np.zeros(m, bool) if self.ends is None else np.asarray(self.ends, bool)
        if ends.shape != (m,):
            raise QDError(f"Steps.ends: got shape {ends.shape}, wanted ({m},)")
        object.__setattr__(self, "ends", ends)

    def __len__(self) -> int:
        return len(self.ends)

    def take(self, rows: NDArray[np.int64]) -> Steps:
        """Some of the steps, each by itself: without episodes."""
        after = {name: np.asarray(values)[rows] for name, values in self.after.items()}
        return Steps(after, {name: np.asarray(values)[rows] for name, values in self.before.items()}, self.ends[rows])

    def column(self, name: str) -> NDArray[np.float64]:
        """(m,) a variable after the step. Raises QDError naming the nearest one where it is missing."""
        return self._numbers(self.after, name)

    def earlier(self, name: str) -> NDArray[np.float64] | None:
        """(m,) a variable before the step, None where it has no value there."""
        return self._numbers(self.before, name) if name in self.before else None

    def texts(self, name: str) -> Sequence[str]:
        """(m,) texts."""
        if name not in self.after:
            raise QDError(f"reward: no text named {name!r} here, {nearest(name, self.after)}")
        return [str(text) for text in self.after[name]]

    def _numbers(self, values: Mapping[str, Any], name: str) -> NDArray[np.float64]:
        if name not in values:
            raise QDError(f"reward: no variable named {name!r} here, {nearest(name, values)}")
        return np.asarray(values[name], np.float64)
