"""TableArchive: what every archive of elites in a table shares, reading, sampling, stats and state."""

from collections.abc import Collection, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archives.inputs import Fields, batch_column, number_column, row_shape
from archives.stats import ArchiveStats
from archives.table import Table

Batch = dict[str, NDArray[Any]]
ReturnType = Literal["dict", "tuple", "pandas"] | None
STATE_FORMAT = 1
_BLOCK = 1024  # rows moved at a time


class TableArchive:
    """Reading side of an archive whose elite number s sits in slot s, slots being in order of arrival.

    A child sets `kind`, says how many `cells` it has, and writes.
    """

    kind = ""

    def __init__(
        self,
        *,
        solution_dim: int | tuple[int, ...],
        measure_dim: int,
        fields: Fields,
        capacity: int,
        qd_score_offset: float,
        seed: int | None,
    ) -> None:
        self._table = Table(fields, capacity)
        self._solution_shape = row_shape(solution_dim)
        self._solution_dim = self._solution_shape if isinstance(solution_dim, tuple | list) else int(solution_dim)
        self._measure_dim = int(measure_dim)
        self._qd_score_offset = float(qd_score_offset)
        self._extra = [n for n in fields if n not in ("solution", "objective", "measures", "threshold", "index")]
        self._extra_names = frozenset(self._extra)
        self._rng = np.random.default_rng(seed)
        self._objective_sum = 0.0
        self._best: dict[str, Any] | None = None
        self._writes = 0

    # What it is.

    @property
    def solution_dim(self) -> int | tuple[int, ...]:
        """Size of a solution: an int, or the tuple that was given."""
        return self._solution_dim

    @property
    def objective_dim(self) -> tuple[()]:
        """Always (): the objective is one number, maximised."""
        return ()

    @property
    def measure_dim(self) -> int:
        """Number of measures m."""
        return self._measure_dim

    @property
    def field_list(self) -> list[str]:
        """Names of the columns, `index` last."""
        return list(self._table.fields)

    @property
    def dtypes(self) -> dict[str, np.dtype[Any]]:
        """Name of each column -> its dtype."""
        return {name: dtype for name, (_, dtype) in self._table.fields.items()}

    @property
    def qd_score_offset(self) -> float:
        """Taken from every objective in the QD score."""
        return self._qd_score_offset

    @property
    def cells(self) -> int:
        """Number of cells coverage is a share of."""
        raise NotImplementedError

    @property
    def empty(self) -> bool:
        """Whether there is no elite yet."""
        return self._table.size == 0

    def __len__(self) -> int:
        return self._table.size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Elites as dicts, in order of arrival. RuntimeError if the archive changes meanwhile."""
        writes, slot = self._writes, 0
        while True:
            if writes != self._writes:
                raise RuntimeError("the archive was changed while it was iterated: iterate over data() instead")
            if slot >= self._table.size:
                return
            yield self._table.row(slot)
            slot += 1

    def _repr_html_(self) -> str:
        """What a notebook shows: its numbers and a small map."""
        from archives.show import live_html

        return live_html(self)

    # Numbers about it. Each is a plain attribute read; `stats` bundles them.

    @property
    def num_elites(self) -> int:
        """Same as len()."""
        return self._table.size

    @property
    def coverage(self) -> float:
        """Share of the cells that hold an elite."""
        return self._table.size / self.cells if self._table.size else 0.0

    @property
    def qd_score(self) -> float:
        """Sum over the elites of (objective - qd_score_offset), kept as a running float64 sum."""
        return self._objective_sum - self._table.size * self._qd_score_offset

    @property
    def norm_qd_score(self) -> float:
        """QD score divided by the number of cells."""
        return self.qd_score / self.cells if self._table.size else 0.0

    @property
    def obj_max(self) -> float | None:
        """Best objective ever let in; None while empty."""
        return None if self._best is None else float(self._best["objective"])

    @property
    def obj_mean(self) -> float | None:
        """Mean objective of the elites; None while empty."""
        return self._objective_sum / self._table.size if self._table.size else None

    @property
    def stats(self) -> ArchiveStats:
        """All of the numbers above at this moment."""
        return ArchiveStats(
            self.num_elites, self.coverage, self.qd_score, self.norm_qd_score, self.obj_max, self.obj_mean
        )

    @property
    def best_elite(self) -> dict[str, Any] | None:
        """The elite with the best objective ever let in, as it was then; None while empty."""
        return None if self._best is None else {name: np.copy(v)[()] for name, v in self._best.items()}

    # Reading.

    def data(self, fields: str | Collection[str] | None = None, return_type: ReturnType = None) -> Any:
        """Copies of columns over all elites, in order of arrival.

        fields: one name, several, or None for all. return_type: None gives an array for one name and a dict
        otherwise; "dict", "tuple" and "pandas" (pyribs' ArchiveDataFrame, or a DataFrame where ribs is absent;
        vector columns split into name_0, name_1 ...) give that. ValueError for names or types unknown.
        """
        names = [fields] if isinstance(fields, str) else self.field_list if fields is None else list(fields)
        for name in names:
            if name not in self._table.fields:
                raise ValueError(f"field {name!r} given, one of {self.field_list} wanted")
        if return_type is None and isinstance(fields, str):
            return self._table.filled(fields).copy()
        if return_type in (None, "dict"):
            return {name: self._table.filled(name).copy() for name in names}
        if return_type == "tuple":
            return tuple(self._table.filled(name).copy() for name in names)
        if return_type == "pandas":
            return self._frame(names)
        raise ValueError(f"return_type {return_type!r} given, None, 'dict', 'tuple' or 'pandas' wanted")

    def _frame(self, names: list[str]) -> Any:
        flat: dict[str, NDArray[Any]] = {}
        for name in names:
            column = self._table.filled(name)
            if column.ndim > 2:
                raise ValueError(
                    f"field {name!r} has rows of shape {column.shape[1:]}, numbers or vectors wanted for pandas: "
                    "leave it out of fields"
                )
            if column.ndim == 1:
                flat[name] = column.copy()
            else:
                flat |= {f"{name}_{j}": column[:, j].copy() for j in range(column.shape[1])}
        try:
            from ribs.archives import ArchiveDataFrame as Frame
        except ImportError:
            from pandas import DataFrame as Frame
        return Frame(flat, copy=False)

    def column(self, name: str) -> NDArray[Any]:
        """One column over all elites, in order of arrival, as a view: for inner loops; do not write to it."""
        return self._table.filled(name)

    def sample_slots(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """n slots (n,) drawn evenly with replacement: the cheap half of sample_elites, for inner loops.

        ValueError while the archive is empty.
        """
        if self._table.size == 0:
            raise ValueError("a sample of an empty archive was asked for: add solutions first")
        return rng.integers(0, self._table.size, size=n)

    def solutions_at(self, slots: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Solutions (n, *solution_dim) at slots (n,), copied."""
        return np.take(self._table.columns["solution"], slots, axis=0)

    def sample_elites(self, n: int, replace: bool = True, rng: np.random.Generator | None = None) -> Batch:
        """n elites drawn evenly, as a dict of columns.

        rng: the generator to draw from; None takes the archive's own, made from `seed` (it is not part of the
        state, so pass one where a run must resume exactly). The draw is that of pyribs for an equal generator.
        ValueError while empty, or for more than there are without replacement.
        """
        size = self._table.size
        if size == 0:
            raise ValueError("a sample of an empty archive was asked for: add solutions first")
        if not replace and n > size:
            raise ValueError(f"{n} elites without replacement given, at most {size} wanted: there are no more")
        slots = (self._rng if rng is None else rng).choice(size, size=n, replace=replace)
        return self._table.take(slots)

    # For the children.

    def _check_extra(
        self, solution: ArrayLike, objective: NDArray[Any], measures: NDArray[Any], fields: dict[str, ArrayLike]
    ) -> dict[str, NDArray[Any]]:
        """The columns that are only copied, checked against the batch size."""
        described = self._table.fields
        if fields.keys() != self._extra_names:
            raise ValueError(
                f"extra fields {sorted(fields)} given, {sorted(self._extra)} wanted: "
                "name them in extra_fields and pass each one to every add"
            )
        columns = {"solution": batch_column("solution", solution, *described["solution"])}
        for name in self._extra:
            columns[name] = batch_column(name, fields[name], *described[name])
        n = len(objective)
        if {n, len(measures), *map(len, columns.values())} != {n}:
            lengths = {"objective": n, "measures": len(measures)} | {k: len(v) for k, v in columns.items()}
            raise ValueError(f"columns of lengths {lengths} given, one length wanted: row i of each is solution i")
        return columns

    def _query(self, measures: ArrayLike) -> NDArray[Any]:
        shape, dtype = self._table.fields["measures"]
        return number_column("measures", measures, shape, dtype)

    def _offer_best(self, slot: int) -> None:
        """Keeps a copy of the elite in `slot` if it beats the best so far."""
        if self._best is None or self._table.columns["objective"][slot] > self._best["objective"]:
            self._best = self._table.row(slot)

    def _keep_only(self, slots: NDArray[np.int64]) -> None:
        """Takes out all elites but those in `slots`, rising, and closes the gaps: an elite's index may change."""
        for name in self._table.fields:
            column = self._table.columns[name]
            for first in range(0, len(slots), _BLOCK):  # rows only move forward, so blocks in order are safe
                column[first : first + _BLOCK][: len(slots) - first] = column[slots[first : first + _BLOCK]]
        self._table.size = len(slots)
        self._table.columns["index"][: len(slots)] = np.arange(len(slots))
        self._objective_sum = float(np.sum(self._table.filled("objective"), dtype=np.float64))
        self._writes += 1

    def clear(self) -> None:
        """Takes all elites out."""
        self._table.size = 0
        self._objective_sum = 0.0
        self._best = None
        self._writes += 1

    def _shared_state(self, copy: bool) -> dict[str, Any]:
        extra = [[n, list(self._table.fields[n][0]), self._table.fields[n][1].str] for n in self._extra]
        dim = self._solution_dim
        return {
            "kind": self.kind,
            "format": STATE_FORMAT,
            "solution_dim": list(dim) if isinstance(dim, tuple) else dim,
            "dtypes": [self._table.fields[n][1].str for n in ("solution", "objective", "measures")],
            "extra_fields": extra,
            "qd_score_offset": self._qd_score_offset,
            "objective_sum": self._objective_sum,
            "columns": {
                name: self._table.filled(name).copy() if copy else self._table.filled(name)
                for name in self._table.fields
            },
            "best": {} if self._best is None else {name: np.array(v)[None] for name, v in self._best.items()},
        }

    @classmethod
    def _shared_settings(cls, state: dict[str, Any]) -> dict[str, Any]:
        """The constructor arguments that every archive has, from a state."""
        if state.get("kind") != cls.kind or state.get("format") != STATE_FORMAT:
            raise ValueError(
                f"state of kind {state.get('kind')!r}, format {state.get('format')!r} given, {cls.kind!r}, format "
                f"{STATE_FORMAT} wanted: restore it with the class and release that wrote it"
            )
        dim = state["solution_dim"]
        solution, objective, measures = state["dtypes"]
        return {
            "solution_dim": tuple(int(d) for d in dim) if isinstance(dim, list | tuple) else int(dim),
            "solution_dtype": solution,
            "objective_dtype": objective,
            "measures_dtype": measures,
            "extra_fields": {name: (tuple(shape), dtype) for name, shape, dtype in state["extra_fields"]},
            "qd_score_offset": state["qd_score_offset"],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        columns, fields = state["columns"], self._table.fields
        if list(columns) != list(fields):
            columns = {name: columns[name] for name in fields if name in columns}
        size = len(columns["index"])
        for name, (shape, dtype) in fields.items():
            found = columns.get(name)
            if found is None or found.shape != (size, *shape) or found.dtype != dtype:
                raise ValueError(
                    f"state column {name!r} does not have {size} rows of shape {shape} and dtype {dtype}: "
                    "the state is damaged or of another archive"
                )
        self._table.reserve(size)
        for name in fields:
            self._table.columns[name][:size] = columns[name]
        self._table.size = size
        self._objective_sum = float(state["objective_sum"])
        self._best = {name: state["best"][name][0] for name in fields} if state["best"] else None
