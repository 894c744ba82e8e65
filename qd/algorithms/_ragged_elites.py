"""An archive whose solutions differ in length: the archive holds handles, and the rows of its elites lie beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.ragged import Ragged


class RaggedElites:
    """Any archive with pyribs' interface, for ragged solutions.

    The archive's own solutions are one int64: the place that a row had among all that were offered. Rows are forgotten
    with the elite that they belong to, so memory goes by elites, not by evaluations. What is not written here is the
    archive's own.

    Args:
        archive: what decides who is an elite; its solutions have one gene.
        rows: handle -> the elite's row; of an archive that is not new.
        offered: rows offered so far.
    """

    def __init__(self, archive: Any, dtype: Any, rows: dict[int, NDArray[Any]] | None = None, offered: int = 0) -> None:
        if np.prod(archive.solution_dim) != 1:
            raise QDError(f"make_archive: got an archive of solutions of {archive.solution_dim} genes; solutions of "
                          "different lengths are kept beside it, so make it with solution_dim=1, "
                          "solution_dtype=np.int64")  # fmt: skip
        self.archive, self.dtype, self.offered = archive, np.dtype(dtype), offered
        self._rows = {} if rows is None else rows

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "archive" not in self.__dict__:  # while it is copied it has nothing yet
            raise AttributeError(name)
        return getattr(self.archive, name)

    def __len__(self) -> int:
        return len(self.archive)

    def add(self, solution: Ragged, objective: Any, measures: Any, **fields: Any) -> dict[str, NDArray[Any]]:
        """Offer n solutions; what the archive's own ``add`` says."""
        handles = self.offered + np.arange(len(solution))
        self.offered += len(solution)
        info: dict[str, NDArray[Any]] = self.archive.add(handles[:, None], objective, measures, **fields)
        if (info["status"] > 0).any():
            kept = {*self._handles().tolist(), *self._best_handle()}
            for handle in self._rows.keys() - kept:
                del self._rows[handle]
            for i, handle in enumerate(handles.tolist()):
                if handle in kept:
                    self._rows[handle] = solution.row(i).copy()
        return info

    def _handles(self) -> NDArray[np.int64]:
        """(k,) of the elites in the archive's order."""
        own = hasattr(self.archive, "column")
        found = self.archive.column("solution") if own else self.archive.data("solution")
        return np.asarray(found).reshape(-1).astype(np.int64)

    def _best_handle(self) -> list[int]:
        """Of the best ever let in, which soft thresholds may have replaced since; nothing while empty."""
        best = self.archive.best_elite
        return [] if best is None else [int(np.asarray(best["solution"]).reshape(-1)[0])]

    def rows_of(self, handles: NDArray[Any]) -> Ragged:
        """The rows of some elites (n,) or (n, 1)."""
        numbers = np.asarray(handles).reshape(-1).astype(np.int64)
        return Ragged.from_rows([self._rows[handle] for handle in numbers.tolist()], self.dtype)

    def sample_slots(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """n places (n,) in the archive's order, drawn evenly with replacement."""
        return rng.integers(0, len(self), size=n)

    def solutions_at(self, slots: NDArray[np.integer[Any]]) -> Ragged:
        """The rows of the elites at some places (n,) of the archive's order."""
        return self.rows_of(self._handles()[slots])

    def column(self, name: str) -> Any:
        """One column over all elites; solutions as a ragged batch."""
        if name == "solution":
            return self.rows_of(self._handles())
        return self.archive.column(name) if hasattr(self.archive, "column") else self.archive.data(name)

    def data(self, fields: Any = None, return_type: Any = None) -> Any:
        """Columns over all elites as the archive gives them, solutions as a ragged batch; no data frame."""
        if return_type not in (None, "dict"):
            raise QDError(f"data: return_type {return_type!r}; solutions of different lengths fit a dict alone")
        if isinstance(fields, str) and return_type is None:
            return self.column(fields)
        names = self.field_list if fields is None else [fields] if isinstance(fields, str) else list(fields)
        return {name: self.column(name) for name in names}

    @property
    def best_elite(self) -> dict[str, Any] | None:
        """The best elite with its own row; None while empty."""
        best = self.archive.best_elite
        if best is None:
            return None
        return {**best, "solution": self._rows[self._best_handle()[0]]}

    def to_state(self) -> dict[str, Any]:
        """Plain data and the archive, for ``from_state``."""
        handles = np.array(sorted(self._rows), np.int64)
        return {"archive": self.archive, "handles": handles, "rows": self.rows_of(handles), "offered": self.offered}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RaggedElites:
        """What ``to_state`` was made of."""
        rows = dict(zip(state["handles"].tolist(), state["rows"], strict=True))
        return cls(state["archive"], state["rows"].dtype, rows, state["offered"])
